import { FleetError, messageOf } from '../../errors.ts';
import { verifyLine } from '../../record/line.ts';
import type { Position } from '../log.ts';
import { WorkSlice } from '../../yield-to-event-loop.ts';
import { readChain, type Chain, type ChainedSegment } from './chain.ts';
import { nodeFiles, type FileSystemPort, type LogFile } from './files.ts';
import { openPayload, readLine, recordLines } from './payload.ts';
import { FrameScanner, findNextFrame, type Frame } from './scan.ts';
import { segmentName } from './segment.ts';

/** A message of a running log check. */
export type Verification =
  /** A segment has been read; the numbers are totals so far. */
  | {
      readonly kind: 'progress';
      readonly segment: string;
      readonly segments: number;
      readonly records: number;
      readonly bytes: number;
    }
  /** Acknowledged records may be lost. `offset` is in bytes, in the file `segment`. */
  | { readonly kind: 'damage'; readonly segment: string; readonly offset: number; readonly reason: string }
  /** Unfinished bytes at the end, which opening the log ignores. */
  | { readonly kind: 'torn'; readonly segment: string; readonly offset: number; readonly bytes: number };

/**
 * Checks a whole log, with or without a running writer, including every record's hash; writes nothing. After damage it
 * goes on with the next frame, so that all damages are reported. The last message is `progress`.
 */
export async function* verifyLog(
  folder: string,
  options: { readonly signal?: AbortSignal; readonly files?: FileSystemPort } = {},
): AsyncGenerator<Verification> {
  const { files = nodeFiles, signal } = options;
  const check = new Check(signal);
  let chain: Chain;
  try {
    chain = await readChain(files, folder);
  } catch (error) {
    if (!FleetError.is(error, 'LOG_DAMAGED')) throw error;
    const { file, offset, reason } = error.details as { file: string; offset: number; reason: string };
    yield { kind: 'damage', segment: file, offset, reason };
    return;
  }
  for (const [i, segment] of chain.segments.entries()) {
    const file = await files.open(segment.path, 'read');
    try {
      yield* check.segment(file, segment, i === chain.segments.length - 1);
    } finally {
      await file.close();
    }
  }
  for (const { segment, bytes } of chain.unborn)
    if (bytes > 0) yield { kind: 'torn', segment: segmentName(segment), offset: 0, bytes };
}

class Check {
  readonly #signal: AbortSignal | undefined;
  readonly #slice = new WorkSlice();
  #segments = 0;
  #records = 0;
  #bytes = 0;
  /** The expected position of the next frame; undefined after damage. */
  #next: Position | undefined = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  async *segment(file: LogFile, segment: ChainedSegment, isLast: boolean): AsyncGenerator<Verification> {
    const name = segmentName(segment.segment);
    if (this.#next !== undefined && this.#next !== segment.first)
      yield { kind: 'damage', segment: name, offset: 0, reason: `it begins with record ${segment.first}` };
    let from: number | undefined = segment.start;
    let previous: number | undefined = segment.chain;
    while (from !== undefined) {
      const scanner: FrameScanner = new FrameScanner(file, { from, to: segment.end, previous });
      for (let frames = await scanner.next(); frames.length > 0; frames = await scanner.next()) {
        for (const frame of frames) yield* this.#frame(frame, name);
      }
      const { damage }: FrameScanner = scanner;
      if (damage?.torn === true && isLast) {
        const { offset } = damage;
        yield { kind: 'torn', segment: name, offset, bytes: segment.end - offset };
      } else if (damage !== undefined) {
        yield { kind: 'damage', segment: name, offset: damage.offset, reason: damage.reason };
        this.#next = undefined;
      } else if (segment.lastChain !== undefined && scanner.chain !== segment.lastChain) {
        const reason = 'the next segment does not follow this one';
        yield { kind: 'damage', segment: name, offset: segment.end, reason };
      }
      from = damage && (await findNextFrame(file, damage.offset + 1, segment.end));
      previous = undefined;
    }
    this.#segments++;
    this.#bytes += segment.end;
    yield {
      kind: 'progress',
      segment: name,
      segments: this.#segments,
      records: this.#records,
      bytes: this.#bytes,
    };
  }

  async *#frame(frame: Frame, segment: string): AsyncGenerator<Verification> {
    this.#signal?.throwIfAborted();
    const { head, recordsStart } = openPayload(frame.payload);
    if (this.#next !== undefined && head.first !== this.#next) {
      const reason = `the frame begins with record ${head.first}, not ${this.#next}`;
      yield { kind: 'damage', segment, offset: frame.offset, reason };
    }
    let count = 0;
    for (const line of recordLines(frame.payload, recordsStart)) {
      const reason = faultOf(() => readLine(frame.payload, line));
      const offset = frame.end - frame.payload.length + line.start;
      if (reason !== undefined) yield { kind: 'damage', segment, offset, reason };
      count++;
      if (this.#slice.isOver()) await this.#slice.yieldToEventLoop();
    }
    if (count !== head.n) {
      const reason = `the frame has ${count} records, not ${head.n}`;
      yield { kind: 'damage', segment, offset: frame.offset, reason };
    }
    this.#records += count;
    this.#next = head.first + head.n;
  }
}

function faultOf(read: () => Parameters<typeof verifyLine>[0]): string | undefined {
  try {
    return verifyLine(read()) ? undefined : 'the record is not what its id says';
  } catch (error) {
    return messageOf(error);
  }
}
