import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { systemCodeOf } from '../errors.ts';
import { syncFolder, writeNewFile } from './files.ts';

/** The files of a fleet's processes in the folder of the build. */
export const PROGRAM_FILES = [
  'spl',
  'spl-main.js',
  'coordinator.js',
  'coordinator-thread.js',
  'check-plan.js',
  'worker.js',
  'worker-main.js',
  'index-thread.js',
  'sql-wasm.wasm',
] as const;

/** Declares the built files, which end in `.js`, as CommonJS. */
const PACKAGE_JSON = '{"type":"commonjs"}\n';
/** The number of versions to keep, including the requested one. */
const KEPT = 3;
/** The age at which the remains of an interrupted installation are removed, in milliseconds. */
const LEFTOVER_MS = 3_600_000;
/** The maximum number of attempts: another window may install or remove a version at the same time. */
const TRIES = 5;

/**
 * Copies the built files of the folder `from` to `into/‹16 hex digits of their SHA-256›/`, so that an update of `from`
 * does not take them away from running processes. Complete copies are reused, and several windows may do this at once.
 * All but the three most recently requested versions are removed.
 * @returns the absolute path of the folder with the copies.
 * @throws the system's error when a built file is missing or `into` can't be written.
 */
export async function installProgram(from: string, into: string): Promise<string> {
  const files = await readProgram(from);
  const folder = path.resolve(into, digestOf(files));
  await fs.mkdir(into, { recursive: true });
  for (let tries = 1; !(await isWhole(folder)); tries++) {
    await put(files, folder).catch((error: unknown) => {
      if (tries >= TRIES) throw error;
    });
  }
  await prune(folder);
  return folder;
}

interface ProgramFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The permissions; only the executable bit matters. */
  readonly mode: number;
}

async function readProgram(folder: string): Promise<readonly ProgramFile[]> {
  const reading = PROGRAM_FILES.map(async name => {
    const file = path.join(folder, name);
    const [bytes, { mode }] = await Promise.all([fs.readFile(file), fs.stat(file)]);
    return { name, bytes, mode: (mode & 0o111) === 0 ? 0o644 : 0o755 };
  });
  return Promise.all(reading);
}

function digestOf(files: readonly ProgramFile[]): string {
  const hash = createHash('sha256');
  for (const { name, bytes, mode } of files) hash.update(`${name} ${mode} ${bytes.length}\n`).update(bytes);
  return hash.digest('hex').slice(0, 16);
}

/** True when the content of the folder matches its name. */
async function isWhole(folder: string): Promise<boolean> {
  try {
    const isCommonJs = (await fs.readFile(path.join(folder, 'package.json'), 'utf8')) === PACKAGE_JSON;
    return isCommonJs && digestOf(await readProgram(folder)) === path.basename(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(systemCodeOf(error) ?? '')) return false;
    throw error;
  }
}

/** Makes the folder appear complete, and replaces one of the same name. */
async function put(files: readonly ProgramFile[], folder: string): Promise<void> {
  const temporary = temporaryBeside(folder);
  try {
    await fs.mkdir(temporary);
    for (const { name, bytes, mode } of files) await writeNewFile(path.join(temporary, name), bytes, mode);
    await writeNewFile(path.join(temporary, 'package.json'), PACKAGE_JSON, 0o644);
    await syncFolder(temporary);
    if (!(await isWhole(folder))) await removeAside(folder);
    await fs.rename(temporary, folder);
    await syncFolder(path.dirname(folder));
  } finally {
    await fs.rm(temporary, { recursive: true, force: true });
  }
}

const temporaryBeside = (folder: string): string => `${folder}.${randomBytes(6).toString('hex')}.tmp`;

/** Removes a folder so that no process sees a part of it. */
async function removeAside(folder: string): Promise<void> {
  const aside = temporaryBeside(folder);
  try {
    await fs.rename(folder, aside);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  await fs.rm(aside, { recursive: true, force: true });
}

/** Marks this version as used, and removes versions that were not requested for long. Failures are ignored. */
async function prune(folder: string): Promise<void> {
  const now = new Date();
  await fs.utimes(folder, now, now).catch(() => undefined);
  const into = path.dirname(folder);
  const entries = await Promise.all(
    (await fs.readdir(into)).map(async name => {
      const { mtimeMs } = await fs.stat(path.join(into, name)).catch(() => ({ mtimeMs: Infinity }));
      return { path: path.join(into, name), name, mtimeMs };
    }),
  );
  const versions = entries.filter(({ name }) => /^[0-9a-f]{16}$/.test(name));
  const others = versions.filter(each => each.path !== folder).sort((a, b) => b.mtimeMs - a.mtimeMs);
  const leftovers = entries.filter(
    ({ name, mtimeMs }) => name.endsWith('.tmp') && mtimeMs < now.getTime() - LEFTOVER_MS,
  );
  for (const { path: old } of [...others.slice(KEPT - 1), ...leftovers])
    await removeAside(old).catch(() => undefined);
}
