import type { ToCoordinator, ToWorker } from '../../engine/domain/model/messages.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** The callbacks of one end of a connection. */
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
  /** Called at once when it breaks. The ends learn of it later. */
  readonly onBreak: () => void;
}

/**
 * A stream between a worker and its coordinator. While it lives, messages arrive in order after a delay. When it
 * breaks, in each direction a first part of the messages under way may still arrive, and the rest is lost. Each end
 * learns of the break at its own time, after the last message that arrives.
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

  /** Breaks it, as the network or the end of a process does. */
  break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#onBreak();
    this.#toWorker.cut();
    this.#toCoordinator.cut();
  }

  /** Closes it at the worker, which receives nothing more from it. */
  closeByWorker(): void {
    this.#toWorker.deafen();
    this.break();
  }

  /** Closes it at the coordinator, which receives nothing more from it. */
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

  /** Runs at the process of this end, once it runs. */
  #arrive(run: () => void): void {
    const { process } = this.#end;
    if (this.#life !== process.life) return;
    process.after(0, () => {
      if (!this.#isDeaf) run();
    });
  }
}
