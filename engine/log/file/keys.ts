import { randomBytes } from 'node:crypto';
import type { Did, RecordId, ThreadId } from '../../record/ids.ts';
import type { FleetRecord } from '../../record/record.ts';
import type { Position } from '../log.ts';
import { Fingerprints } from './fingerprints.ts';

export interface SavedKeys {
  /** Two unsigned 32-bit numbers. */
  readonly seed: readonly [number, number];
  readonly idLow: Uint32Array;
  readonly idHigh: Uint32Array;
  readonly slotLow: Uint32Array;
  readonly slotHigh: Uint32Array;
}

/** The keys of records, their ids and their record keys (actor, thread, clock), in memory. */
export class Keys {
  /** Secret, so that nobody can choose threads whose record keys collide. */
  readonly #seed: readonly [number, number];
  readonly #ids: Fingerprints;
  readonly #recordKeys: Fingerprints;
  #low = 0;
  #high = 0;

  constructor(saved?: SavedKeys) {
    this.#seed = saved?.seed ?? randomSeed();
    this.#ids = new Fingerprints(saved && { low: saved.idLow, high: saved.idHigh });
    this.#recordKeys = new Fingerprints(saved && { low: saved.slotLow, high: saved.slotHigh });
  }

  /** Enters up to `count` more of the saved keys. @returns false when there are no more. */
  enterSome(count: number): boolean {
    const more = this.#ids.enterSome(count);
    return this.#recordKeys.enterSome(count) || more;
  }

  /** Returns the keys of the first `count` records to save, without a copy. */
  view(count: number): SavedKeys {
    const ids = this.#ids.view(count);
    const keys = this.#recordKeys.view(count);
    return {
      seed: this.#seed,
      idLow: ids.low,
      idHigh: ids.high,
      slotLow: keys.low,
      slotHigh: keys.high,
    };
  }

  /** Adds the keys of the next record. */
  add({ id, actor, thread, clock }: FleetRecord): void {
    this.#ids.add(hex32(id, 0), hex32(id, 8));
    this.#hashRecordKey(actor, thread, clock);
    this.#recordKeys.add(this.#low, this.#high);
  }

  /** Returns the lowest position with this id's fingerprint for which `isIt` is true. */
  findId(id: RecordId, isIt: (candidate: Position) => boolean): Position | undefined {
    return this.#ids.find(hex32(id, 0), hex32(id, 8), isIt);
  }

  findByKey(
    actor: Did,
    thread: ThreadId,
    clock: number,
    isIt: (candidate: Position) => boolean,
  ): Position | undefined {
    this.#hashRecordKey(actor, thread, clock);
    return this.#recordKeys.find(this.#low, this.#high, isIt);
  }

  /** Puts the hash into `#low` and `#high`: a pair for every record would be garbage at once. */
  #hashRecordKey(actor: string, thread: string, clock: number): void {
    this.#low = this.#seed[0];
    this.#high = this.#seed[1];
    this.#mixText(thread);
    this.#mix(0);
    this.#mixText(actor);
    this.#mix(clock >>> 0);
    this.#mix(Math.floor(clock / 2 ** 32));
    this.#low = finish(this.#low, this.#high);
    this.#high = finish(this.#high, this.#low);
  }

  #mixText(text: string): void {
    let low = this.#low;
    let high = this.#high;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      low = Math.imul(low ^ code, 0x9e3779b1);
      low ^= low >>> 15;
      high = Math.imul(high ^ code, 0x5f356495);
      high ^= high >>> 13;
    }
    this.#low = low;
    this.#high = high;
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x85ebca77);
    this.#high = Math.imul(this.#high ^ value, 0xc2b2ae3d);
  }
}

function finish(one: number, other: number): number {
  const mixed = Math.imul(one ^ (one >>> 16), 0x85ebca6b) ^ Math.imul(other ^ (other >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Parses eight hex digits; any other text gives a number that finds nothing. */
function hex32(text: string, from: number): number {
  let value = 0;
  for (let i = from; i < from + 8; i++) {
    const code = text.charCodeAt(i);
    value = (value << 4) | (code <= 57 ? code - 48 : code - 87);
  }
  return value >>> 0;
}

function randomSeed(): readonly [number, number] {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}
