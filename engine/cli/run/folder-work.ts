import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { namedManager, packageSchema, type Manager, type Package } from '../../plan/draft/package-manager.ts';

/** A script of `package.json`, as a subtask. */
export interface ScriptSubtask {
  readonly name?: string;
  readonly goal: string;
  readonly run: string;
}

/** Names of scripts that need no quotes in a command. */
const SCRIPT = /^[A-Za-z0-9_][A-Za-z0-9_:.@/-]*$/;

/** Returns the names of the plan files in a folder, sorted. */
export async function planFilesIn(folder: string): Promise<readonly string[]> {
  const names = await namesIn(folder);
  return names.filter(name => /^[^.].*\.fanout\.ya?ml$/.test(name)).sort();
}

/** Returns the names of the scripts in a folder's `package.json` that need no quotes. */
export async function scriptsIn(folder: string): Promise<readonly string[]> {
  const scripts = (await packageIn(folder))?.scripts ?? {};
  return Object.keys(scripts).filter(name => typeof scripts[name] === 'string' && SCRIPT.test(name));
}

/** Returns a subtask per word if all of them are scripts of the folder's `package.json`, else null. */
export async function scriptsNamed(
  folder: string,
  words: readonly string[],
): Promise<readonly ScriptSubtask[] | null> {
  const scripts = new Set(await scriptsIn(folder));
  if (!words.every(word => scripts.has(word))) return null;
  const manager = await managerFor(folder);
  const isUnique = new Set(words).size === words.length;
  return words.map(word => {
    const run = `${manager} run ${word}`;
    return { ...(isUnique && { name: word }), goal: run, run };
  });
}

/** Returns the package manager that a folder names, or the nearest one above it within its repository; else npm. */
async function managerFor(folder: string): Promise<Manager> {
  const names = new Set(await namesIn(folder));
  const has = (...wanted: readonly string[]): boolean => wanted.some(name => names.has(name));
  const found = namedManager({ has }, (await packageIn(folder)) ?? {});
  const above = dirname(folder);
  return found ?? (above === folder || names.has('.git') ? 'npm' : managerFor(above));
}

async function packageIn(folder: string): Promise<Package | null> {
  try {
    const text = await readFile(join(folder, 'package.json'), 'utf8');
    const read = v.safeParse(packageSchema, JSON.parse(text));
    return read.success ? read.output : null;
  } catch {
    return null;
  }
}

const namesIn = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);
