import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { FleetError, messageOf, systemCodeOf } from '../errors.ts';
import { hash } from '../record/hash.ts';
import { writeAtomically } from './files.ts';
import type { HomePaths } from './paths.ts';
import { requireOwnFolder, runtimeFolder } from './runtime.ts';

/** The longest path of a Unix socket in bytes: `sun_path` less the NUL that ends it. */
export const MAX_SOCKET_BYTES = process.platform === 'linux' ? 107 : 103;

/**
 * Returns the path of the socket at which the home's instance listens for clients. Nothing need listen there.
 * @throws UNREACHABLE when the path must be looked up and no instance has written it.
 * @throws HOME_INVALID when the folder that holds the socket is not this user's alone.
 */
export async function resolveSocket(paths: HomePaths): Promise<string> {
  if (fits(paths.socket)) return paths.socket;
  const socket = await readPointer(paths);
  await requireOwnFolder(path.dirname(socket));
  return socket;
}

/**
 * Makes ready to listen, for the instance: makes the folder, removes a socket that a dead instance left, and
 * writes down where the socket is when it can't be in the home. Call it while holding the home's lease.
 * @throws HOME_INVALID when no folder is fit for it.
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

/** In the first runtime folder in which its path is short enough. */
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
