import * as fs from 'node:fs';
import { readOwnLine } from '../../record/line.ts';
import type { FleetRecord } from '../../record/record.ts';
import { segmentPath } from '../file/segment.ts';

/** The place of a record's line in the log. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

const OPEN_SEGMENTS = 8;

/** Reads single records of the log for queries that use bodies. It blocks, because SQLite waits for the answer. */
export class LogLines {
  readonly #folder: string;
  /** In order of use, the latest last. */
  readonly #open = new Map<number, number>();
  #last: { place: Place; record: FleetRecord } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Returns the record at a place. @throws when there is none: a system error, or a syntax error of JSON. */
  read(place: Place): FleetRecord {
    const last = this.#last;
    // The id and the body of a row are read one after the other.
    if (last?.place.offset === place.offset && last.place.segment === place.segment) return last.record;
    const bytes = Buffer.allocUnsafe(place.length);
    const count = fs.readSync(this.#segment(place.segment), bytes, 0, place.length, place.offset);
    const { record } = readOwnLine(bytes.toString('utf8', 0, count));
    this.#last = { place, record };
    return record;
  }

  close(): void {
    for (const fd of this.#open.values()) fs.closeSync(fd);
    this.#open.clear();
    this.#last = undefined;
  }

  #segment(segment: number): number {
    const fd = this.#open.get(segment) ?? fs.openSync(segmentPath(this.#folder, segment), 'r');
    this.#open.delete(segment);
    this.#open.set(segment, fd);
    if (this.#open.size > OPEN_SEGMENTS) {
      const [oldest] = this.#open as unknown as [[number, number]];
      fs.closeSync(oldest[1]);
      this.#open.delete(oldest[0]);
    }
    return fd;
  }
}
