import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { FleetError, systemCodeOf } from '../errors.ts';
import { requirePrivate } from './access.ts';

/** The system's folder for temporary files, where the one that the environment names is gone. */
const SYSTEM_TEMPORARY = '/tmp';

/**
 * The first runtime folder that is this user's alone, or can be made so. It is not kept across a reboot.
 * @param fits says whether a folder will do.
 * @throws HOME_INVALID with the reason of the last one that would do and can't be used.
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
  throw invalid('no runtime folder is fit', refusal);
}

/**
 * Checks that a folder is this user's alone, if it is there: the system's folder for temporary files is everybody's, so
 * that a name in it may be another user's.
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

/** A folder for temporary files that is there: what the environment names may have been removed since. */
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
