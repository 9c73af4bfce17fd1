import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { hash } from '../record/hash.ts';
import { writeAtomically } from './files.ts';
import type { HomePaths } from './paths.ts';
import { requireOwnFolder, runtimeFolder } from './runtime.ts';

/** The longest path of a Unix socket in bytes: `sun_path` without the final NUL. */
export const MAX_SOCKET_BYTES = process.platform === 'linux' ? 107 : 103;

/**
 * Returns the path of the socket of the home's instance, which need not run.
 * @throws UNREACHABLE when the path must be looked up and no instance has written it.
 * @throws HOME_INVALID when the folder of the socket is not private to this user.
 */
export async function resolveSocket(paths: HomePaths): Promise<string> {
  if (fits(paths.socket)) return paths.socket;
  const socket = await readPointer(paths);
  await requireOwnFolder(path.dirname(socket));
  return socket;
}

/**
 * Prepares to listen: makes the folder, removes the socket of a dead instance, and records the path of a socket that
 * does not fit into the home. Call it while holding the home's lease.
 * @throws HOME_INVALID when no folder is suitable.
 */
export async function prepareSocket(paths: HomePaths): Promise<string> {
  await fs.mkdir(paths.runDir, { recursive: true, mode: 0o700 });
  const socket = fits(paths.socket) ? paths.socket : await socketElsewhere(paths);
  await fs.rm(socket, { force: true });
  if (socket !== paths.socket) await writeAtomically(pointerFile(paths), socket + '\n', 0o600);
  return socket;
}

const fits = (socket: string): boolean => Buffer.byteLength(socket) <= MAX_SOCKET_BYTES;
const pointerFile = (paths: HomePaths): string => `${paths.socket}.path`;

async function readPointer(paths: HomePaths): Promise<string> {
  try {
    const socket = (await fs.readFile(pointerFile(paths), 'utf8')).trim();
    if (path.isAbsolute(socket) && fits(socket)) return socket;
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ENOENT') throw invalid(`'${pointerFile(paths)}' is not readable`, cause);
    throw new FleetError('UNREACHABLE', `no instance has served the home '${paths.home}'`, {
      details: { home: paths.home },
    });
  }
  throw invalid(`'${pointerFile(paths)}' does not name a socket`);
}

/** Returns a path in the first runtime folder in which it is short enough. */
async function socketElsewhere(paths: HomePaths): Promise<string> {
  const socketIn = (folder: string): string => path.join(folder, `${hash(paths.home).slice(0, 16)}.sock`);
  try {
    return socketIn(await runtimeFolder(folder => fits(socketIn(folder))));
  } catch (cause) {
    throw invalid(`the path of the socket '${paths.socket}' is too long: ${messageOf(cause)}`, cause);
  }
}

const invalid = (message: string, cause?: unknown): FleetError =>
  new FleetError('HOME_INVALID', message, {
    hint: 'Use a home with a shorter path, or set XDG_RUNTIME_DIR to a folder of your own.',
    ...(cause === undefined ? {} : { cause }),
  });
