import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const BUILD = fileURLToPath(new URL('../build.mjs', import.meta.url));
const made = new Map<string, Promise<string>>();
let programs: Promise<string> | undefined;
let folder: string | undefined;

/**
 * Bundles a program for tests into one file, once per test process. The bundle starts in a tenth of the time that a
 * loader needs for the source. The file is removed when the test process ends.
 * @returns the path of the file
 */
export function bundled(source: URL): Promise<string> {
  const path = made.get(source.href) ?? bundle(fileURLToPath(source));
  made.set(source.href, path);
  return path;
}

/**
 * Returns the folder of the built programs: the one that `SPL_TEST_BIN` names, otherwise one that is built, once per
 * test process.
 */
export function builtPrograms(): Promise<string> {
  return (programs ??= buildPrograms());
}

async function buildPrograms(): Promise<string> {
  const given = process.env['SPL_TEST_BIN'];
  if (given !== undefined) return given;
  const out = join(await realpath(ownFolder()), 'dist');
  await promisify(execFile)(process.execPath, [BUILD, out]);
  return join(out, 'bin');
}

async function bundle(source: string): Promise<string> {
  const outfile = join(await realpath(ownFolder()), `${basename(source, '.ts')}.mjs`);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  return outfile;
}

function ownFolder(): string {
  if (folder !== undefined) return folder;
  const own = mkdtempSync(join(tmpdir(), 'spl-bundled-'));
  process.once('exit', () => rmSync(own, { recursive: true, force: true }));
  return (folder = own);
}
