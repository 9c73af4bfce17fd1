import type { Position } from '../log.ts';
import { NumberList } from './lists.ts';

/** The load at which a new table of double the size is begun. */
const MAX_LOAD = 0.7;
/** Large enough for few tables in a log of some size, because an unsuccessful search checks each of them. */
const FIRST_TABLE_SLOTS = 1 << 16;

/**
 * Finds positions by 64-bit fingerprints, one for each position from 0 on, with 16 to 20 bytes per position. Different
 * keys can have one fingerprint, so that the caller must check the candidates.
 *
 * Open addressing, in tables that double in size. A full table is kept and a new one begun, because moving a million
 * entries at once would block the process.
 */
export class Fingerprints {
  readonly #low: NumberList<Uint32Array>;
  readonly #high: NumberList<Uint32Array>;
  readonly #tables: Uint32Array[] = [];
  /** The number of free entries in the last table. */
  #room = 0;
  /** The number of positions in the tables. */
  #entered = 0;

  /** Takes ownership of saved fingerprints; `enterSome` makes them findable. */
  constructor(saved?: { readonly low: Uint32Array; readonly high: Uint32Array }) {
    this.#low = NumberList.uint32(saved?.low);
    this.#high = NumberList.uint32(saved?.high);
  }

  /** Returns the fingerprints of the positions before `count`, without a copy. */
  view(count: number): { readonly low: Uint32Array; readonly high: Uint32Array } {
    return { low: this.#low.view(count), high: this.#high.view(count) };
  }

  /** Adds the fingerprint of the next position. */
  add(low: number, high: number): void {
    this.#low.push(low);
    this.#high.push(high);
    this.enterSome(1);
  }

  /** Enters up to `count` more of the saved fingerprints. @returns false when there are no more. */
  enterSome(count: number): boolean {
    const until = Math.min(this.#entered + count, this.#low.length);
    while (this.#entered < until) this.#enter(this.#low.at(this.#entered), this.#entered++);
    return this.#entered < this.#low.length;
  }

  /** Returns the lowest position with this fingerprint for which `isIt` is true. */
  find(low: number, high: number, isIt: (candidate: Position) => boolean): Position | undefined {
    for (const table of this.#tables) {
      const mask = table.length - 1;
      for (let slot = low & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
        const position = table[slot]! - 1;
        if (this.#low.at(position) === low && this.#high.at(position) === high && isIt(position))
          return position;
      }
    }
    return undefined;
  }

  #enter(low: number, position: Position): void {
    if (this.#room === 0) this.#addTable();
    const table = this.#tables.at(-1)!;
    const mask = table.length - 1;
    let slot = low & mask;
    while (table[slot] !== 0) slot = (slot + 1) & mask;
    // Zero marks an empty entry.
    table[slot] = position + 1;
    this.#room--;
  }

  #addTable(): void {
    const slots = (this.#tables.at(-1)?.length ?? FIRST_TABLE_SLOTS / 2) * 2;
    this.#tables.push(new Uint32Array(slots));
    this.#room = Math.floor(slots * MAX_LOAD);
  }
}
