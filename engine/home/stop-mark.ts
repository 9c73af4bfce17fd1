import * as fs from 'node:fs/promises';
import { systemCodeOf } from '../errors.ts';
import type { HomePaths } from './paths.ts';

/** The extent of a stop: the coordinator alone, whose workers then wait for the next one, or the workers as well. */
export type Stopped = 'coordinator' | 'all';

/**
 * Says that the home's coordinator was asked to stop, and did not merely end: nobody who waits for its lease is to go
 * on in its stead. It need not outlast the system, whose end ends those who wait as well.
 */
export async function markStopped({ stopMark }: HomePaths, stopped: Stopped): Promise<void> {
  await fs.writeFile(stopMark, stopped, { mode: 0o600 });
}

/** Forgets the stop: somebody wants a coordinator again. Call it while holding the home's lease. */
export async function clearStopMark({ stopMark }: HomePaths): Promise<void> {
  await fs.rm(stopMark, { force: true });
}

/** Returns the extent of the stop that was asked for; null when nobody asked for one. */
export async function stopMark({ stopMark: file }: HomePaths): Promise<Stopped | null> {
  try {
    return (await fs.readFile(file, 'utf8')) === 'all' ? 'all' : 'coordinator';
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
