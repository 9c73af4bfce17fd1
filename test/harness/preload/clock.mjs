import { statSync } from 'node:fs';

/**
 * Loaded first into a process: sets its wall clock back by an hour. At once when `SPL_CLOCK` is `start`; else as soon as
 * the file that it names is there. The monotonic clock goes on, as it does on a real machine.
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
