import type { Did } from '../../record/ids.ts';

/** The interval between two looks in milliseconds. A run opens its fan-out right after its workers have started. */
const LOOK_MS = 2_000;

export interface TemporaryWorkersOptions {
  /** Returns true while no fan-out is open. */
  readonly isIdle: () => boolean;
  readonly end: (workers: readonly Did[]) => void;
}

/**
 * Workers that were launched for one run. The command of the run ends them. If it was killed or has left its run
 * behind, they end when no fan-out is open at two looks in succession.
 */
export class TemporaryWorkers {
  readonly #options: TemporaryWorkersOptions;
  readonly #workers = new Set<Did>();
  #looking: NodeJS.Timeout | undefined;
  #wasIdle = false;

  constructor(options: TemporaryWorkersOptions) {
    this.#options = options;
  }

  add(workers: readonly Did[]): void {
    for (const did of workers) this.#workers.add(did);
    if (this.#workers.size === 0) return;
    this.#wasIdle = false;
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Lets workers stay that somebody else asked for meanwhile. */
  keep(workers: readonly Did[]): void {
    for (const did of workers) this.#workers.delete(did);
  }

  close(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #look(): void {
    const isIdle = this.#options.isIdle();
    if (isIdle && this.#wasIdle) {
      this.close();
      this.#options.end([...this.#workers]);
      this.#workers.clear();
    }
    this.#wasIdle = isIdle;
  }
}
