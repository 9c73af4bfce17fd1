import { statSync } from 'node:fs';

/**
 * Loaded first in a process: sets its wall clock back by an hour. If `SPL_CLOCK` is `start`, at once; otherwise as soon
 * as the file that it names exists. The monotonic clock is unchanged, as on a real machine.
 */
const { SPL_CLOCK: when } = process.env;
if (when !== undefined) {
  const HOUR_MS = 3_600_000;
  const { now } = Date;
  const isSet = () => when === 'start' || statSync(when, { throwIfNoEntry: false }) !== undefined;
  const RealDate = Date;
  Date.now = () => (isSet() ? now() - HOUR_MS : now());
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      if (args.length === 0) super(Date.now());
      else super(...args);
    }
  };
}
