import { duration } from '../../contract/format.ts';

/** The actions on an attempt without a sign of life, beside the notification. */
export const STALL_POLICIES = ['notify', 'nudge', 'end'] as const;
export type StallPolicy = (typeof STALL_POLICIES)[number];

export interface StallOptions {
  /** The time without a sign of life after which an attempt is stalled, in ms; 0 for no limit. */
  readonly afterMs: number;
  readonly policy: StallPolicy;
}

/** The sources of signs of life beside the output. */
export interface Signs {
  /** Returns a text that changes when the attempt does something. Never rejects. */
  look(): Promise<string>;
  /** Signals the attempt's processes so that they go on, if possible. */
  wake(): Promise<void>;
}

export interface StallWatchOptions extends StallOptions {
  readonly signs: Signs;
  /** Called when the attempt has shown no sign of life for this time; null: it does again. */
  readonly onChange: (silentMs: number | null) => void;
  /** Ends the attempt for a reason. */
  readonly end: (reason: string) => void;
}

/** The longest interval of checks: each one searches the process table. */
const LONGEST_LOOK_MS = 15_000;
const LOOKS_PER_STALL = 4;
/** The time before the first check, in ms: most commands have ended by then. */
const FIRST_LOOK_MS = 1_000;

/** Watches one attempt for signs of life. A stalled attempt has no verdict yet. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #timer: NodeJS.Timeout;
  #aliveAt = performance.now();
  #seen: string | undefined;
  #isLooking = false;
  #isStalled = false;
  #isOver = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
    const lookMs = Math.min(LONGEST_LOOK_MS, options.afterMs / LOOKS_PER_STALL);
    this.#timer = setTimeout(
      () => {
        this.#timer = setInterval(() => void this.#look(), lookMs);
        void this.#look();
      },
      Math.min(FIRST_LOOK_MS, lookMs),
    );
  }

  /** Records a sign of life, such as output. */
  noteActivity(): void {
    if (this.#isOver) return;
    this.#aliveAt = performance.now();
    if (!this.#isStalled) return;
    this.#isStalled = false;
    this.#options.onChange(null);
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const seen = await this.#options.signs.look();
    this.#isLooking = false;
    if (this.#isOver) return;
    if (this.#seen !== undefined && seen !== this.#seen) this.noteActivity();
    this.#seen = seen;
    const silentMs = performance.now() - this.#aliveAt;
    if (!this.#isStalled && silentMs >= this.#options.afterMs) this.#stall(silentMs);
  }

  #stall(silentMs: number): void {
    this.#isStalled = true;
    this.#options.onChange(silentMs);
    if (this.#options.policy === 'end')
      this.#options.end(`stalled: no sign of life for ${duration(silentMs / 1000)}`);
    if (this.#options.policy === 'nudge') void this.#options.signs.wake();
  }
}
