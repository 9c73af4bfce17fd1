import { duration } from '../../contract/format.ts';

/** The actions on an attempt that shows no sign of life, beside telling of it. */
export const STALL_POLICIES = ['notify', 'nudge', 'end'] as const;
export type StallPolicy = (typeof STALL_POLICIES)[number];

export interface StallOptions {
  /** The time that an attempt may show no sign of life, in ms; 0 for no limit. */
  readonly afterMs: number;
  readonly policy: StallPolicy;
}

/** The sources of signs of life beside the output. */
export interface Signs {
  /** Something that differs from what it was before when the attempt has done something. Never rejects. */
  look(): Promise<string>;
  /** Wakes the attempt's processes, if it can. */
  nudge(): Promise<void>;
}

export interface StallWatchOptions extends StallOptions {
  readonly signs: Signs;
  /** It has shown no sign of life for so long; null: it does again. */
  readonly onChange: (silentMs: number | null) => void;
  /** Ends the attempt, with the reason in words. */
  readonly end: (reason: string) => void;
}

/** The longest time between two looks: one costs a walk over the table of processes. */
const LONGEST_LOOK_MS = 15_000;
const LOOKS_PER_STALL = 4;
/** The time before the first look, in ms: most commands are over by then, and need none. */
const FIRST_LOOK_MS = 1_000;

/** Watches one attempt. An attempt is stalled, which is no verdict, when nothing of it moved for a while. */
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

  /** It has printed something, or told of itself otherwise. */
  alive(): void {
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
    if (this.#seen !== undefined && seen !== this.#seen) this.alive();
    this.#seen = seen;
    const silentMs = performance.now() - this.#aliveAt;
    if (!this.#isStalled && silentMs >= this.#options.afterMs) this.#stall(silentMs);
  }

  #stall(silentMs: number): void {
    this.#isStalled = true;
    this.#options.onChange(silentMs);
    if (this.#options.policy === 'end')
      this.#options.end(`stalled: no sign of life for ${duration(silentMs / 1000)}`);
    if (this.#options.policy === 'nudge') void this.#options.signs.nudge();
  }
}
