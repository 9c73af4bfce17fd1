import type { EngineClient } from '../../engine/client/client.ts';
import { speedupRow, type ToView } from '../../webview/protocol.ts';
import { problemOf } from './problem.ts';

type Report = ToView & { type: 'speedup' };

/** The shortest time between two reports while subtasks move, in milliseconds. */
const INTERVAL_MS = 3000;

/** Requests the speedup report of a fan-out after its changes, and posts it or the reason why there is none. */
export class SpeedupReports {
  readonly #input: () => { readonly task: string; readonly vsSerial: string | null };
  readonly #post: (report: Report) => void;
  #timer: NodeJS.Timeout | undefined;
  /** The number of requests so far: only the answer to the last one counts. */
  #requests = 0;

  /** @param input called for each request */
  constructor(
    input: () => { readonly task: string; readonly vsSerial: string | null },
    post: (report: Report) => void,
  ) {
    this.#input = input;
    this.#post = post;
  }

  /** Requests a report at once. */
  now(client: EngineClient, signal: AbortSignal): void {
    this.#after(client, signal, 0);
  }

  /** Requests a report when the interval is over: one for all changes until then. */
  soon(client: EngineClient, signal: AbortSignal): void {
    if (this.#timer === undefined) this.#after(client, signal, INTERVAL_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #after(client: EngineClient, signal: AbortSignal, waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#request(client, signal);
    }, waitMs);
  }

  async #request(client: EngineClient, signal: AbortSignal): Promise<void> {
    const request = ++this.#requests;
    const isLast = (): boolean => !signal.aborted && request === this.#requests;
    try {
      const report = await client.report('speedup', this.#input(), signal);
      if (isLast()) this.#post({ type: 'speedup', report: speedupRow(report), problem: null });
    } catch (thrown) {
      if (isLast()) this.#post({ type: 'speedup', report: null, problem: problemOf(thrown) });
    }
  }
}
