import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/** The time limit for what is waited for with `until`, and the pause between two looks, in milliseconds. */
const WAIT_MS = 20_000;
const LOOK_MS = 50;
/** The same for `soon`. */
const SOON_MS = 15_000;
const SOON_LOOK_MS = 10;

/**
 * Looks until `look` answers something: for conditions without an event, such as the end of a process that is no child,
 * a file, or the content of a page. The error when it does not in time tells what it saw last.
 */
export async function until<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined>,
  saw?: () => Promise<unknown>,
  ms = WAIT_MS,
  lookMs = LOOK_MS,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      const last = saw === undefined ? '' : `; there is ${inspect(await saw(), { depth: 5 })}`;
      throw new Error(`not within ${ms / 1000}s: ${typeof what === 'string' ? what : what()}${last}`);
    }
    await delay(lookMs);
  }
}

/** Looks often, until a condition holds. */
export async function soon(
  what: string | (() => string),
  isSo: () => boolean | Promise<boolean>,
  withinMs = SOON_MS,
): Promise<void> {
  await until(what, async () => ((await isSo()) ? true : undefined), undefined, withinMs, SOON_LOOK_MS);
}
