import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

const WAIT_MS = 20_000;
const LOOK_MS = 50;

/** Looks until `look` answers something, and says what it saw last when it does not in time. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined>,
  saw?: () => Promise<unknown>,
  ms = WAIT_MS,
): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      const last = saw === undefined ? '' : `; there is ${inspect(await saw(), { depth: 5 })}`;
      throw new Error(`not within ${ms / 1000}s: ${what}${last}`);
    }
    await delay(LOOK_MS);
  }
}
