import type { RecordId } from '../../engine/record/ids.ts';
import type { SealedRecord } from '../../engine/record/record.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export interface SimStored {
  readonly sealed: SealedRecord;
  /** The time when its batch was written; NaN before that. */
  at: number;
}

interface Pending {
  readonly end: number;
  synced: boolean;
  readonly told: (() => void)[];
}

export interface SimLogOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** The process that writes. Records that it has not been told are durable may or may not outlive it. */
  readonly process: SimProcess;
  readonly clock: () => number;
  /** Returns the duration of a commit, in ms. */
  readonly commitMs: () => number;
  /** Called with records as soon as they cannot be lost any more. */
  readonly onDurable: (stored: readonly SimStored[]) => void;
}

/**
 * A durable log in virtual time, with the interface of the log's port. Appends become durable in order, after a while,
 * and the process learns of it a little later. A crash may come at any point between.
 */
export class SimLog {
  readonly records: SimStored[] = [];
  readonly #ids = new Map<RecordId, number>();
  readonly #options: SimLogOptions;
  #pending: Pending[] = [];
  /** The number of records on the disk. */
  #durable = 0;
  /** The number of records that the process knows to be on the disk. */
  #end = 0;
  #lastSync = 0;
  #lastTold = 0;
  #lastAt = 0;

  constructor(options: SimLogOptions) {
    this.#options = options;
  }

  get end(): number {
    return this.#end;
  }
  get pendingEnd(): number {
    return this.records.length;
  }
  get durable(): number {
    return this.#durable;
  }
  get lastAt(): number {
    return this.#lastAt;
  }

  find(id: RecordId): number | undefined {
    return this.#ids.get(id);
  }

  isDurable(id: RecordId): boolean {
    const position = this.#ids.get(id);
    return position !== undefined && position < this.#durable;
  }

  /** @param told called when the process learns that the batch is durable */
  append(records: readonly SealedRecord[], told: () => void): void {
    for (const sealed of records) {
      this.#ids.set(sealed.record.id, this.records.length);
      this.records.push({ sealed, at: Number.NaN });
    }
    const { scheduler, process, commitMs } = this.#options;
    const pending: Pending = { end: this.records.length, synced: false, told: [told] };
    this.#pending.push(pending);
    this.#lastSync = Math.max(this.#lastSync, scheduler.now + commitMs());
    const life = process.life;
    scheduler.at(this.#lastSync, () => {
      if (life === process.life) this.#sync(pending);
    });
  }

  /** Calls `run` when everything appended so far is durable; at once if it already is. */
  whenDurable(run: () => void): void {
    const last = this.#pending.at(-1);
    if (last === undefined) run();
    else last.told.push(run);
  }

  /** Ends the process: unwritten records are lost, and those being written may or may not be kept. */
  crash(): void {
    let kept = this.#durable;
    for (const { end, synced } of this.#pending) {
      if (!synced && !this.#options.random.chance(0.5)) break;
      kept = end;
    }
    this.#makeDurable(kept);
    for (const { sealed } of this.records.splice(kept)) this.#ids.delete(sealed.record.id);
    this.#pending = [];
    this.#end = kept;
    this.#lastSync = this.#lastTold = 0;
  }

  #sync(pending: Pending): void {
    pending.synced = true;
    this.#makeDurable(pending.end);
    const { scheduler, process, random } = this.#options;
    const delay = random.chance(0.1) ? random.between(0, 2) : 0;
    this.#lastTold = Math.max(this.#lastTold, scheduler.now + delay);
    process.after(this.#lastTold - scheduler.now, () => {
      this.#end = pending.end;
      this.#pending.shift();
      for (const told of pending.told) told();
    });
  }

  #makeDurable(end: number): void {
    if (end <= this.#durable) return;
    this.#lastAt = Math.max(this.#lastAt, this.#options.clock());
    const batch = this.records.slice(this.#durable, end);
    for (const stored of batch) stored.at = this.#lastAt;
    this.#durable = end;
    this.#options.onDurable(batch);
  }
}
