import { FleetError } from '../../errors.ts';

interface Job {
  /** Runs the job and settles its promise; never rejects. */
  readonly run: () => Promise<void>;
}

/**
 * Runs one job at a time. Holders take turns, however many jobs each has: a holder with one job waits for at most one
 * of each other holder. A job whose signal aborts is removed.
 */
export class Turns {
  readonly #limit: number;
  /** The waiting holders, the next one first, each with its jobs in order. */
  readonly #waiting = new Map<string, Job[]>();
  #size = 0;
  /** The holder that had the last turn. */
  #last: string | undefined;
  #running: Promise<void> | undefined;
  #idle: Promise<void> = Promise.resolve();
  /** Called with the holder of a job that begins to wait. */
  onWaiting: (holder: string) => void = () => undefined;

  /** @param limit the maximum number of waiting and running jobs */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True while a job of another holder waits. */
  othersWait(holder: string): boolean {
    return this.#waiting.size > (this.#waiting.has(holder) ? 1 : 0);
  }

  /** Resolves when all jobs so far have ended. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#idle;
  }

  /**
   * Runs a job when its turn comes.
   * @throws what the job throws; the signal's reason when it aborts; UNAVAILABLE when too many wait.
   */
  take<T>(holder: string, job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#size >= this.#limit)
      return Promise.reject(
        new FleetError('UNAVAILABLE', `more than ${this.#limit} questions wait for the index`),
      );
    this.#size++;
    return new Promise<T>((resolve, reject) => {
      const run = async (): Promise<void> => {
        signal?.removeEventListener('abort', giveUp);
        await job()
          .then(resolve, reject)
          .finally(() => this.#size--);
      };
      const giveUp = (): void => {
        this.#remove(holder, entry);
        reject(signal!.reason as Error);
      };
      const entry: Job = { run };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#add(holder, entry);
    });
  }

  #add(holder: string, job: Job): void {
    const own = this.#waiting.get(holder);
    if (own === undefined) this.#waiting.set(holder, [job]);
    else own.push(job);
    if (this.#running === undefined) this.#idle = this.#runAll();
    else this.onWaiting(holder);
  }

  #remove(holder: string, job: Job): void {
    const own = this.#waiting.get(holder)!;
    own.splice(own.indexOf(job), 1);
    if (own.length === 0) this.#waiting.delete(holder);
    this.#size--;
  }

  async #runAll(): Promise<void> {
    for (let job = this.#next(); job !== undefined; job = this.#next()) {
      this.#running = job.run();
      await this.#running;
    }
    this.#running = undefined;
  }

  /** Returns the next job; its holder's next one goes behind all others. */
  #next(): Job | undefined {
    const [first, second] = this.#waiting;
    if (first === undefined) return undefined;
    // A holder that had the last turn goes behind those that came meanwhile.
    const [holder, jobs] = first[0] === this.#last && second !== undefined ? second : first;
    this.#last = holder;
    const job = jobs.shift();
    this.#waiting.delete(holder);
    if (jobs.length > 0) this.#waiting.set(holder, jobs);
    return job;
  }
}
