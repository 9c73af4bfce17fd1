import * as fs from 'node:fs/promises';
import { systemCodeOf } from '../errors.ts';
import type { HomePaths } from './paths.ts';

/**
 * Says that the home's coordinator was asked to stop, and did not merely end: nobody who waits for its lease is to go
 * on in its stead. It need not outlast the system, whose end ends those who wait as well.
 */
export async function markStopped({ stopMark }: HomePaths): Promise<void> {
  await fs.writeFile(stopMark, '', { mode: 0o600 });
}

/** Forgets the stop: somebody wants a coordinator again. Call it while holding the home's lease. */
export async function clearStopMark({ stopMark }: HomePaths): Promise<void> {
  await fs.rm(stopMark, { force: true });
}

export async function isMarkedStopped({ stopMark }: HomePaths): Promise<boolean> {
  try {
    await fs.access(stopMark);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
