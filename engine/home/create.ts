import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { generateKey, keyToPem } from '../record/signing.ts';
import { shellQuoted, syncFolder, writeNewFile } from './files.ts';
import type { HomePaths } from './paths.ts';
import { processStart } from './process.ts';

/**
 * The empty file that says "a home is being made here". It is the first thing in the folder and the last to go,
 * so that a folder with it and without `home.json` was never used and may be finished by whoever comes next.
 */
export const MARKER = '.making-home';

/**
 * Makes a home in a folder that is missing, empty or half-made; `home.json` comes last. Several may do so at once:
 * each file is linked into place whole, the first one wins, and all go on with what the winner made.
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
    throw new FleetError('HOME_INVALID', `the home '${paths.home}' can't be made: ${messageOf(cause)}`, {
      details: { home: paths.home },
      ...((systemCodeOf(cause) === 'EACCES' || systemCodeOf(cause) === 'EROFS') && {
        hint: mendingOf(cause, await nearestFolder(paths.home)),
      }),
      cause,
    });
  }
}

/** Names what keeps a folder from being written, where it is not its mode. */
export const whyUnwritable = (cause: unknown): string =>
  systemCodeOf(cause) === 'EROFS' ? ': it lies on a file system that is mounted read-only' : '';

/** The command, or the choice, by which a folder that could not be written can be. */
export const mendingOf = (cause: unknown, folder: string): string =>
  systemCodeOf(cause) === 'EROFS'
    ? 'Mount it for writing, or name a folder elsewhere: --home, or SYNCROPEL_HOME.'
    : `chmod u+rwx ${shellQuoted(folder)}`;

/** Makes the folders inside a home that are missing. */
export async function makeFolders(paths: HomePaths): Promise<void> {
  const { logDir, indexDir, outputDir, keysDir, runDir, logsDir } = paths;
  for (const folder of [logDir, indexDir, outputDir, keysDir, runDir, logsDir]) {
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  }
}

/** Makes the token unless there is one. Unlike the key it is nobody's identity, so that a lost one is replaced. */
export async function makeToken(paths: HomePaths): Promise<void> {
  if (await exists(paths.token)) return;
  await place(paths.home, paths.token, randomBytes(32).toString('base64url') + '\n');
}

async function makeFolder({ home }: HomePaths): Promise<void> {
  await fs.mkdir(home, { recursive: true, mode: 0o700 });
  // An empty folder that was there already is ours from now on, and so is closed to others.
  await fs.chmod(home, 0o700);
  await syncFolder(path.dirname(home));
}

/** Puts a file in its place whole, unless there is one. */
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

/** Removes what a maker that died left behind; what a living one is about to link is left alone. */
async function removeRemains(home: string): Promise<void> {
  for (const name of await fs.readdir(home)) {
    const pid = name.startsWith(`${MARKER}-`) ? Number(name.split('-')[2]) : undefined;
    if (pid !== undefined && processStart(pid) === null) await fs.rm(path.join(home, name), { force: true });
  }
}

/** The nearest folder above that exists: the one whose permissions are in the way. */
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
