import type { Scheduler } from './scheduler.ts';

/**
 * An operating system's process in virtual time. It can end at any moment, and it can be stopped for a while. Events
 * that become due meanwhile happen when it continues, timers before arrivals.
 */
export class SimProcess {
  readonly #scheduler: Scheduler;
  #life = 0;
  #up = false;
  #stoppedUntil = 0;
  /** The calls that became due while the process was stopped. */
  #backlog: (() => void)[] = [];
  /** Called first when a stopped process continues. */
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

  /** The number of its present life. */
  get life(): number {
    return this.#life;
  }

  begin(): void {
    this.#renew(true);
  }

  end(): void {
    this.#renew(false);
  }

  /** Stops it for this time, as a SIGSTOP or a sleeping laptop would. */
  stop(durationMs: number): void {
    const until = this.#scheduler.now + durationMs;
    if (!this.#up || until <= this.#stoppedUntil) return;
    this.#stoppedUntil = until;
    const life = this.#life;
    this.#scheduler.at(until, () => {
      if (life === this.#life && until === this.#stoppedUntil) this.resume();
    });
  }

  /** Continues a stopped process. */
  resume(): void {
    if (!this.isStopped) return;
    this.#stoppedUntil = 0;
    const backlog = this.#backlog;
    this.#backlog = [];
    this.onWake();
    for (const run of backlog) run();
  }

  /** Runs a function after a delay, unless the process has ended by then. */
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
