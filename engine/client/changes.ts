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

  /**
   * Notes each event until there are no more, and ends as they end: `next` throws what they threw.
   * @param take sees each event first; true when nothing of importance will follow it.
   */
  async noteAll<E>(events: AsyncIterable<E>, take: (event: E) => boolean): Promise<void> {
    try {
      for await (const event of events) this.#note(take(event));
      this.end();
    } catch (thrown) {
      this.end(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
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

  #note(last: boolean): void {
    this.#noted = true;
    if (last) this.#hasten();
    this.#wake();
  }

  #hasten(): void {
    this.#hurried = true;
    this.#hurry.abort();
  }
}
