import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { generateKey, keyToPem } from '../record/signing.ts';
import { shellQuoted, syncFolder, writeNewFile } from './files.ts';
import type { HomePaths } from './paths.ts';
import { processStart } from '../system/process-table.ts';

/**
 * The empty file that marks a home under construction. It is created first and removed last, so that a folder with it
 * and without `home.json` was never used, and anybody may finish it.
 */
export const MARKER = '.making-home';

/**
 * Makes a home in a folder that is missing, empty or half-made; `home.json` comes last. Several processes may do so at
 * once: each file is linked into place whole, the first one wins, and all continue with the files of the winner.
 * @throws HOME_INVALID when the folder can't be made or written.
 */
export async function makeHome(
  paths: HomePaths,
  homeJson: { readonly format: number; readonly version: string },
): Promise<void> {
  try {
    await makeFolder(paths);
    await fs.writeFile(path.join(paths.home, MARKER), '', { mode: 0o600 });
    await removeRemains(paths.home);
    await makeFolders(paths);
    await place(paths.home, paths.keyFile, keyToPem(generateKey()));
    await makeToken(paths);
    await syncFolder(paths.keysDir);
    await syncFolder(paths.home);
    await place(paths.home, paths.homeJson, JSON.stringify(homeJson) + '\n');
    await syncFolder(paths.home);
    await fs.rm(path.join(paths.home, MARKER), { force: true });
  } catch (cause) {
    throw new FleetError('HOME_INVALID', `the home '${paths.home}' can't be created: ${messageOf(cause)}`, {
      details: { home: paths.home },
      ...((systemCodeOf(cause) === 'EACCES' || systemCodeOf(cause) === 'EROFS') && {
        hint: repairHint(cause, await nearestFolder(paths.home)),
      }),
      cause,
    });
  }
}

/** Names a cause other than its mode for which a folder can't be written. */
export const whyUnwritable = (cause: unknown): string =>
  systemCodeOf(cause) === 'EROFS' ? ': its file system is mounted read-only' : '';

/** Returns the command, or the choice, that makes a folder writable. */
export const repairHint = (cause: unknown, folder: string): string =>
  systemCodeOf(cause) === 'EROFS'
    ? 'Mount it read-write, or set --home or SYNCROPEL_HOME to another folder.'
    : `chmod u+rwx ${shellQuoted(folder)}`;

/** Makes the folders inside a home that are missing. */
export async function makeFolders(paths: HomePaths): Promise<void> {
  const { logDir, indexDir, outputDir, keysDir, runDir, logsDir } = paths;
  for (const folder of [logDir, indexDir, outputDir, keysDir, runDir, logsDir]) {
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  }
}

/** Makes the token unless there is one. Unlike the key it identifies nobody, so that a lost one is replaced. */
export async function makeToken(paths: HomePaths): Promise<void> {
  if (await exists(paths.token)) return;
  await place(paths.home, paths.token, randomBytes(32).toString('base64url') + '\n');
}

async function makeFolder({ home }: HomePaths): Promise<void> {
  await fs.mkdir(home, { recursive: true, mode: 0o700 });
  // An empty folder that existed belongs to us from now on, and is closed to others.
  await fs.chmod(home, 0o700);
  await syncFolder(path.dirname(home));
}

/** Puts a complete file in its place, unless there is one. */
async function place(home: string, file: string, content: string): Promise<void> {
  const temporary = path.join(home, `${MARKER}-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    await writeNewFile(temporary, content, 0o600);
    await fs.link(temporary, file);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
  } finally {
    await fs.rm(temporary, { force: true });
  }
}

/** Removes the remains of a process that died while it made a home. A living process still needs its file. */
async function removeRemains(home: string): Promise<void> {
  for (const name of await fs.readdir(home)) {
    const pid = name.startsWith(`${MARKER}-`) ? Number(name.split('-')[2]) : undefined;
    if (pid !== undefined && processStart(pid) === null) await fs.rm(path.join(home, name), { force: true });
  }
}

/** Returns the nearest folder above that exists: its permissions are the obstacle. */
async function nearestFolder(folder: string): Promise<string> {
  for (let at = folder; ; at = path.dirname(at)) {
    if (at === path.dirname(at) || (await exists(at))) return at;
  }
}

const exists = (file: string): Promise<boolean> =>
  fs.stat(file).then(
    () => true,
    () => false,
  );
