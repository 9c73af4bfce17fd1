import { opendir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Snapshot } from '../plan/draft/folder.ts';
import { isRead } from '../plan/draft/readers.ts';

/** The limits of a snapshot. */
const MAX_DEPTH = 6;
const MAX_ENTRIES = 50_000;
const MAX_TEXTS = 1_000;
const MAX_BYTES = 512 * 1024;

/** Folders that hold what tools made or installed. Hidden ones are skipped as well. */
const SKIPPED: ReadonlySet<string> = new Set([
  ...['node_modules', 'bower_components', 'vendor', 'venv', 'site-packages', '__pycache__'],
  ...['target', 'dist', 'out', 'coverage'],
]);

/** Walks a folder, nearest first, and reads the files that plans are made from. Never throws because of them. */
export async function snapshotOf(folder: string): Promise<Snapshot> {
  const notes: string[] = [];
  const paths = await pathsIn(folder, notes);
  const texts = new Map<string, string>();
  const wanted = [...paths].filter(isRead);
  if (wanted.length > MAX_TEXTS)
    notes.push(`only the first ${MAX_TEXTS} of ${wanted.length} files were read`);
  for (const path of wanted.slice(0, MAX_TEXTS)) {
    const text = await textOf(join(folder, path)).catch((error: unknown) => {
      notes.push(`could not read ${path}: ${messageOf(error)}`);
    });
    if (text !== undefined) texts.set(path, text);
  }
  return { name: basename(folder) || 'this folder', paths, texts, notes };
}

async function textOf(path: string): Promise<string> {
  if ((await stat(path)).size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024} KiB`);
  return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
}

async function pathsIn(folder: string, notes: string[]): Promise<ReadonlySet<string>> {
  const paths = new Set<string>();
  let count = 0;
  const queue = [{ begin: '', depth: 0 }];
  for (const { begin, depth } of queue) {
    try {
      for await (const entry of await opendir(join(folder, begin))) {
        if (++count > MAX_ENTRIES) {
          notes.push(`only the first ${MAX_ENTRIES} files and folders were looked at`);
          return paths;
        }
        if (entry.isFile()) paths.add(begin + entry.name);
        else if (entry.isDirectory() && depth < MAX_DEPTH && !isSkipped(entry.name))
          queue.push({ begin: `${begin}${entry.name}/`, depth: depth + 1 });
      }
    } catch (error) {
      notes.push(`could not read ${begin || 'this folder'}: ${messageOf(error)}`);
    }
  }
  return paths;
}

const isSkipped = (name: string): boolean =>
  SKIPPED.has(name) || (name.startsWith('.') && name !== '.github');
