import type { Position } from '../log.ts';
import { NumberList } from './lists.ts';
import type { Part } from './records.ts';
import { segmentPath } from './segment.ts';

/** The data of a segment that is needed to find records. */
export interface PlacedSegment {
  readonly segment: number;
  /** The position of its first record. */
  readonly first: Position;
  /** The offset of its first batch, in bytes. */
  readonly start: number;
  /** The chain of its header's frame, which distinguishes it from another file of the same name. */
  readonly chain: number;
}

/** The place of a record in the log. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
  readonly at: number;
}

/** A frame that holds records. */
export interface PlacedFrame {
  readonly segment: number;
  /** Its offset in the segment, in bytes. */
  readonly offset: number;
  /** The position of its first record. */
  readonly first: Position;
  /** The offset of its first record's line in the segment, in bytes. */
  readonly recordsStart: number;
}

export interface SavedPlaces {
  readonly segments: readonly PlacedSegment[];
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
  readonly frameFirsts: Uint32Array;
  readonly frameOffsets: Uint32Array;
  readonly frameTimes: Float64Array;
}

/** The place of each durable record, in memory: 8 bytes per record, 16 per frame. */
export class Places {
  readonly #segments: PlacedSegment[];
  readonly #offsets: NumberList<Uint32Array>;
  readonly #lengths: NumberList<Uint32Array>;
  readonly #frameFirsts: NumberList<Uint32Array>;
  readonly #frameOffsets: NumberList<Uint32Array>;
  readonly #frameTimes: NumberList<Float64Array>;

  constructor(saved?: SavedPlaces) {
    this.#segments = saved === undefined ? [] : [...saved.segments];
    this.#offsets = NumberList.uint32(saved?.offsets);
    this.#lengths = NumberList.uint32(saved?.lengths);
    this.#frameFirsts = NumberList.uint32(saved?.frameFirsts);
    this.#frameOffsets = NumberList.uint32(saved?.frameOffsets);
    this.#frameTimes = NumberList.float64(saved?.frameTimes);
  }

  /** The number of records. */
  get count(): number {
    return this.#offsets.length;
  }

  /** Returns the places of the first `count` records to save, without a copy. */
  view(count: number): SavedPlaces {
    const frames = this.#frameFirsts.countUpTo(count - 1);
    return {
      segments: this.#segments.slice(0, this.#segmentsUpTo(count - 1)),
      offsets: this.#offsets.view(count),
      lengths: this.#lengths.view(count),
      frameFirsts: this.#frameFirsts.view(frames),
      frameOffsets: this.#frameOffsets.view(frames),
      frameTimes: this.#frameTimes.view(frames),
    };
  }

  /** Begins a segment, to which later frames and records belong. */
  addSegment(segment: PlacedSegment): void {
    this.#segments.push(segment);
  }

  /** Begins a frame at `offset` of the segment, to which later records belong. */
  addFrame(offset: number, at: number): void {
    this.#frameFirsts.push(this.count);
    this.#frameOffsets.push(offset);
    this.#frameTimes.push(at);
  }

  /** Adds the next record, with the offset of its line in the segment and the length in bytes. */
  addRecord(offset: number, length: number): void {
    this.#offsets.push(offset);
    this.#lengths.push(length);
  }

  /** Returns the place of the record at `position`, which must be below `count`. */
  at(position: Position): Place {
    return {
      segment: this.#segmentAt(position).segment,
      offset: this.#offsets.at(position),
      length: this.#lengths.at(position),
      at: this.#frameTimes.at(this.#frameAt(position)),
    };
  }

  /** Returns the frame of the record at `position`. */
  frameAt(position: Position): PlacedFrame {
    const frame = this.#frameAt(position);
    const first = this.#frameFirsts.at(frame);
    return {
      segment: this.#segmentAt(position).segment,
      offset: this.#frameOffsets.at(frame),
      first,
      recordsStart: this.#offsets.at(first),
    };
  }

  /** Returns the ranges of the segments of `folder` with the records from `from` on and before `to`. */
  parts(folder: string, from: Position, to: Position): Part[] {
    const parts: Part[] = [];
    for (let next = from; next < to;) {
      const index = this.#segmentsUpTo(next) - 1;
      const { segment } = this.#segments[index]!;
      const until = Math.min(to, this.#segments[index + 1]?.first ?? to);
      const start = this.#frameOffsets.at(this.#frameAt(next));
      const end = this.#frameEnd(this.#frameAt(until - 1));
      parts.push({ segment, path: segmentPath(folder, segment), start, end, mayBeTorn: false });
      next = until;
    }
    return parts;
  }

  #frameEnd(frame: number): number {
    const next = frame + 1 < this.#frameFirsts.length ? this.#frameFirsts.at(frame + 1) : this.count;
    return this.#offsets.at(next - 1) + this.#lengths.at(next - 1) + 1;
  }

  #frameAt(position: Position): number {
    return this.#frameFirsts.countUpTo(position) - 1;
  }

  #segmentAt(position: Position): PlacedSegment {
    return this.#segments[this.#segmentsUpTo(position) - 1]!;
  }

  /** Returns the number of segments whose first record is at or before `position`. */
  #segmentsUpTo(position: Position): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#segments[middle]!.first <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
