import * as fs from 'node:fs/promises';
import { systemCodeOf } from '../errors.ts';
import type { HomePaths } from './paths.ts';

/** The extent of a stop: only the coordinator, whose workers wait for the next one, or the workers as well. */
export type Stopped = 'coordinator' | 'all';

/**
 * Marks the home's coordinator as stopped on request, so that no standby takes over. The mark need not survive a
 * reboot, which ends standbys as well.
 */
export async function markStopped({ stopMark }: HomePaths, stopped: Stopped): Promise<void> {
  await fs.writeFile(stopMark, stopped, { mode: 0o600 });
}

/** Removes the mark: a coordinator is wanted again. Call it while holding the home's lease. */
export async function clearStopMark({ stopMark }: HomePaths): Promise<void> {
  await fs.rm(stopMark, { force: true });
}

/** Returns the extent of the requested stop; null when there was no request. */
export async function stopMark({ stopMark: file }: HomePaths): Promise<Stopped | null> {
  try {
    return (await fs.readFile(file, 'utf8')) === 'all' ? 'all' : 'coordinator';
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
