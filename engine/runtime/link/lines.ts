import type { Readable } from 'node:stream';
import { FleetError } from '../../errors.ts';

const NEWLINE = 10;

/**
 * The time after which the remaining lines wait for the next turn of the event loop, in milliseconds: a busy peer must
 * not block everything else in this process.
 */
const TURN_MS = 10;

export interface LineReader {
  /** Returns the longest line in bytes. Called for every chunk, because a peer with a proved identity may send more. */
  readonly maxBytes: () => number;
  readonly onLine: (line: string) => void;
  /** Called at a line that is too long; nothing is read after it. */
  readonly onError: (error: FleetError) => void;
}

/** Reads NDJSON line by line from chunks of any size. Text after the last newline is ignored. */
export function readLines(stream: Readable, { maxBytes, onLine, onError }: LineReader): void {
  let parts: Buffer[] = [];
  let length = 0;
  const tooLong = (): void => {
    parts = [];
    stream.destroy();
    onError(new FleetError('LINK_BROKEN', `a peer sent a line longer than ${maxBytes()} bytes`));
  };
  let turnEnds = 0;
  /** Called before each chunk. */
  const takeTurn = (): void => {
    const now = performance.now();
    if (turnEnds === 0) {
      turnEnds = now + TURN_MS;
      setImmediate(() => (turnEnds = 0));
    } else if (now >= turnEnds) {
      stream.pause();
      setImmediate(() => stream.resume());
    }
  };
  stream.on('data', (chunk: Buffer) => {
    takeTurn();
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      if (stream.destroyed) return;
      parts.push(chunk.subarray(from, end));
      length += end - from;
      if (length > maxBytes()) return tooLong();
      const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
      parts = [];
      length = 0;
      from = end + 1;
      onLine(line.toString('utf8'));
    }
    if (from === chunk.length || stream.destroyed) return;
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > maxBytes()) tooLong();
  });
}
