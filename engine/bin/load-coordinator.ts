import { setFlagsFromString } from 'node:v8';
import type * as coordinator from '../open.ts';

/**
 * Loads the coordinator's program.
 *
 * SQLite in the coordinator is compiled only once, and not optimised: that would take 0.4 s of processor time after the
 * first question, and pays only beyond a million records. The flag is set before the program is compiled, because a
 * cache belongs to certain flags.
 */
export function loadCoordinator(): Promise<typeof coordinator> {
  setFlagsFromString('--liftoff-only');
  return import('../open.ts');
}
