import type { EngineClient } from '../../engine/client/client.ts';
import { followJoin } from '../../engine/client/fan-out.ts';
import type { JoinStatus, TaskDocument } from '../../engine/contract/documents.ts';

/** The receivers of what becomes of a serial run. */
export interface SerialListener {
  onStatus(status: JoinStatus): void;
  onFailed(thrown: unknown): void;
}

/** Follows the latest serial run of a fan-out until it is complete, wherever it was begun. */
export class SerialRun {
  readonly #ofThread: string;
  readonly #listener: SerialListener;
  #following: AbortController | null = null;
  /** The thread of the run that is followed, or was followed to its end. */
  #thread: string | null = null;
  #status: JoinStatus | null = null;

  /** @param thread the thread of the fan-out's task */
  constructor(thread: string, listener: SerialListener) {
    this.#ofThread = thread;
    this.#listener = listener;
  }

  /** The thread of the last run that has answered; null before one has. */
  get thread(): string | null {
    return this.#status?.thread ?? null;
  }

  /** The thread of the run to measure against, once it has ended. */
  get baseline(): string | null {
    return this.#status?.complete === true ? this.#status.thread : null;
  }

  /** Follows the latest run among these tasks, the newest first, unless it is followed already. */
  find(client: EngineClient, tasks: ReadonlyMap<string, TaskDocument>): void {
    // A run that was begun here is known before the model has it, and is the latest.
    if (this.#thread !== null && !tasks.has(this.#thread)) return;
    const latest = [...tasks.values()].find(({ fan_out: fanOut }) => fanOut?.serial_of === this.#ofThread);
    if (latest !== undefined && latest.thread !== this.#thread) void this.follow(client, latest.thread);
  }

  /** Follows this run instead of the one before. */
  async follow(client: EngineClient, thread: string): Promise<void> {
    this.#following?.abort();
    this.#thread = thread;
    const { signal } = (this.#following = new AbortController());
    try {
      for await (const status of followJoin(client, thread, signal)) {
        if (signal.aborted) return;
        this.#status = status;
        this.#listener.onStatus(status);
        if (status.complete) return;
      }
    } catch (thrown) {
      if (!signal.aborted) this.#listener.onFailed(thrown);
    }
  }

  /** Stops following; the last status stays known. */
  stop(): void {
    this.#following?.abort();
    this.#following = this.#thread = null;
  }
}
