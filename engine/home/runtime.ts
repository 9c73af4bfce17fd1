import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { FleetError, systemCodeOf } from '../errors.ts';
import { requirePrivate } from './access.ts';

/** The system's temporary folder, used when the one that the environment names does not exist. */
const SYSTEM_TEMPORARY = '/tmp';

/**
 * Returns the first runtime folder that is private to this user, or can be made so. It does not survive a reboot.
 * @param fits true for a folder that is suitable
 * @throws HOME_INVALID with the reason of the last suitable folder that can't be used.
 */
export async function runtimeFolder(fits: (folder: string) => boolean = () => true): Promise<string> {
  let refusal: unknown;
  for (const folder of candidates().filter(fits)) {
    try {
      await fs.mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
        if (systemCodeOf(error) !== 'EEXIST') throw error;
      });
      await requireOwnFolder(folder);
      return folder;
    } catch (error) {
      refusal = error;
    }
  }
  throw invalid('no runtime folder can be used', refusal);
}

/**
 * Checks that a folder, if it exists, is private to this user: in the system's temporary folder another user may have
 * made it.
 * @throws HOME_INVALID
 */
export async function requireOwnFolder(folder: string): Promise<void> {
  const stats = await fs.lstat(folder).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw invalid(`the runtime folder '${folder}' is not accessible`, error);
  });
  if (stats === undefined) return;
  if (!stats.isDirectory()) throw invalid(`the runtime folder '${folder}' is not a folder`);
  requirePrivate('the runtime folder', folder, stats);
}

/** Returns a temporary folder that exists: the one that the environment names may have been removed. */
export async function temporaryFolder(): Promise<string> {
  const named = os.tmpdir();
  const usable = await fs.access(named, fs.constants.W_OK | fs.constants.X_OK).then(
    () => true,
    () => false,
  );
  return usable ? named : SYSTEM_TEMPORARY;
}

function candidates(): string[] {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const own = `spl-${process.getuid?.() ?? os.userInfo().username}`;
  const temporary = new Set([os.tmpdir(), SYSTEM_TEMPORARY]);
  return [
    ...(runtime ? [path.join(runtime, 'spl')] : []),
    ...Array.from(temporary, folder => path.join(folder, own)),
  ];
}

const invalid = (message: string, cause?: unknown): FleetError =>
  new FleetError('HOME_INVALID', message, {
    hint: 'Set XDG_RUNTIME_DIR to a folder of your own.',
    ...(cause === undefined ? {} : { cause }),
  });
