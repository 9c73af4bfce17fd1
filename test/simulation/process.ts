import type { Scheduler } from './scheduler.ts';

/**
 * An operating system's process in virtual time. It can end at any moment, and it can be stopped for a while: what
 * becomes due in the meantime happens when it goes on, timers before anything that arrived.
 */
export class SimProcess {
  readonly #scheduler: Scheduler;
  #life = 0;
  #up = false;
  #stoppedUntil = 0;
  /** The calls that became due while the process was stopped. */
  #backlog: (() => void)[] = [];
  /** Called first when a stopped process goes on. */
  onWake: () => void = () => {};

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get up(): boolean {
    return this.#up;
  }

  get isStopped(): boolean {
    return this.#up && this.#stoppedUntil > 0;
  }

  /** Tells one life of it from the next. */
  get life(): number {
    return this.#life;
  }

  begin(): void {
    this.#renew(true);
  }

  end(): void {
    this.#renew(false);
  }

  /** Stops it, as a SIGSTOP or a sleeping laptop would, for so long. */
  stop(durationMs: number): void {
    const until = this.#scheduler.now + durationMs;
    if (!this.#up || until <= this.#stoppedUntil) return;
    this.#stoppedUntil = until;
    const life = this.#life;
    this.#scheduler.at(until, () => {
      if (life === this.#life && until === this.#stoppedUntil) this.resume();
    });
  }

  /** Lets a stopped process go on. */
  resume(): void {
    if (!this.isStopped) return;
    this.#stoppedUntil = 0;
    const backlog = this.#backlog;
    this.#backlog = [];
    this.onWake();
    for (const run of backlog) run();
  }

  /** Does it after so long, if the process has not ended by then. */
  after(delayMs: number, run: () => void): void {
    const life = this.#life;
    this.#scheduler.after(delayMs, () => {
      if (life !== this.#life) return;
      if (this.#stoppedUntil > 0) this.#backlog.push(() => life === this.#life && run());
      else run();
    });
  }

  #renew(up: boolean): void {
    this.#life++;
    this.#up = up;
    this.#stoppedUntil = 0;
    this.#backlog = [];
  }
}
