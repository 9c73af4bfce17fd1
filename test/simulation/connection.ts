import type { ToCoordinator, ToWorker } from '../../engine/domain/model/messages.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** One end of a connection, as its owner wants to hear of it. */
export interface End<In> {
  readonly process: SimProcess;
  readonly onMessage: (message: In) => void;
  readonly onClose: () => void;
}

export interface ConnectionOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly delayMs: () => number;
  readonly worker: End<ToWorker | 'welcome'>;
  readonly coordinator: End<ToCoordinator>;
  /** Told at once when it breaks, which neither end is. */
  readonly onBreak: () => void;
}

/**
 * A stream between a worker and its coordinator. While it lives, what is sent arrives, in order, after a delay. When
 * it breaks, of what is under way the first part may still arrive and the rest is lost, each way by itself; each
 * end learns of it at a time of its own, after the last that arrives.
 */
export class Connection {
  readonly #toWorker: Pipe<ToWorker | 'welcome'>;
  readonly #toCoordinator: Pipe<ToCoordinator>;
  readonly #onBreak: () => void;
  #broken = false;

  constructor({ worker, coordinator, onBreak, ...rest }: ConnectionOptions) {
    this.#onBreak = onBreak;
    this.#toWorker = new Pipe(rest, worker);
    this.#toCoordinator = new Pipe(rest, coordinator);
  }

  get isBroken(): boolean {
    return this.#broken;
  }

  toWorker(message: ToWorker | 'welcome'): void {
    this.#toWorker.send(message);
  }

  toCoordinator(message: ToCoordinator): void {
    this.#toCoordinator.send(message);
  }

  /** The network, or the end of a process, breaks it. */
  break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#onBreak();
    this.#toWorker.cut();
    this.#toCoordinator.cut();
  }

  /** The worker lets go of it: it hears nothing more from it. */
  closeByWorker(): void {
    this.#toWorker.deafen();
    this.break();
  }

  /** The coordinator lets go of it: it hears nothing more from it. */
  closeByCoordinator(): void {
    this.#toCoordinator.deafen();
    this.break();
  }
}

interface InFlight {
  lost: boolean;
  readonly arrival: number;
}

class Pipe<M> {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #delayMs: () => number;
  readonly #end: End<M>;
  readonly #life: number;
  #inFlight: InFlight[] = [];
  #lastArrival = 0;
  #isCut = false;
  #isDeaf = false;

  constructor(options: Pick<ConnectionOptions, 'scheduler' | 'random' | 'delayMs'>, end: End<M>) {
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#delayMs = options.delayMs;
    this.#end = end;
    this.#life = end.process.life;
  }

  send(message: M): void {
    if (this.#isCut) return;
    this.#lastArrival = Math.max(this.#lastArrival, this.#scheduler.now + this.#delayMs());
    const sent: InFlight = { lost: false, arrival: this.#lastArrival };
    this.#inFlight.push(sent);
    this.#scheduler.at(sent.arrival, () => {
      if (sent.lost) return;
      this.#inFlight.shift();
      this.#arrive(() => this.#end.onMessage(message));
    });
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const kept = this.#random.chance(0.4) ? this.#random.integer(0, this.#inFlight.length) : 0;
    for (const sent of this.#inFlight.slice(kept)) sent.lost = true;
    const last = this.#inFlight[kept - 1]?.arrival ?? this.#scheduler.now;
    const noticedAt = last + (this.#random.chance(0.2) ? this.#random.between(0, 3000) : this.#delayMs());
    this.#scheduler.at(noticedAt, () =>
      this.#arrive(() => {
        this.#isDeaf = true;
        this.#end.onClose();
      }),
    );
  }

  deafen(): void {
    this.#isDeaf = true;
  }

  /** Arrives at the process that opened this end, once it runs. */
  #arrive(run: () => void): void {
    const { process } = this.#end;
    if (this.#life !== process.life) return;
    process.after(0, () => {
      if (!this.#isDeaf) run();
    });
  }
}
