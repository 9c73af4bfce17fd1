import { setTimeout as delay } from 'node:timers/promises';

/**
 * Remembers that something has changed, however often, until it is asked for: between what an engine tells and who reads
 * its state anew.
 */
export class Changes {
  #noted = false;
  #hurried = false;
  #end: { readonly failure: Error | undefined } | undefined;
  #wake: () => void = () => undefined;
  #hurry = new AbortController();

  /** @param last nothing of importance will follow, so that there is nothing to wait for. */
  note(last: boolean): void {
    this.#noted = true;
    if (last) this.#hasten();
    this.#wake();
  }

  /** There will be no more changes. The first reason counts. */
  end(failure?: Error): void {
    this.#end ??= { failure };
    this.#hasten();
    this.#wake();
  }

  /** Lets changes gather, unless the last one is here. */
  async settle(ms: number): Promise<void> {
    if (this.#hurried) return;
    this.#hurry = new AbortController();
    await delay(ms, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
  }

  /** Waits for a change. @returns false when there will be none. @throws what ended the listening. */
  async next(): Promise<boolean> {
    while (!this.#noted) {
      if (this.#end?.failure !== undefined) throw this.#end.failure;
      if (this.#end !== undefined) return false;
      await new Promise<void>(resolve => (this.#wake = resolve));
    }
    this.#noted = false;
    this.#hurried = false;
    return true;
  }

  #hasten(): void {
    this.#hurried = true;
    this.#hurry.abort();
  }
}
