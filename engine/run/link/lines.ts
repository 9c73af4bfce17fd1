import type { Readable } from 'node:stream';
import { FleetError } from '../../errors.ts';

/** The longest line that a peer may send, in bytes: a batch of records, the largest of which is a fan-out's. */
const MAX_LINE_BYTES = 128 * 1024 * 1024;
const NEWLINE = 10;

/** Calls `onLine` for every line of NDJSON; `onError` once, when a line is too long. */
export function readLines(
  stream: Readable,
  onLine: (line: string) => void,
  onError: (error: FleetError) => void,
): void {
  let parts: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      parts.push(chunk.subarray(from, end));
      const line = parts.length === 1 ? parts[0]!.toString('utf8') : Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      from = end + 1;
      onLine(line);
    }
    if (from === chunk.length) return;
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > MAX_LINE_BYTES) {
      parts = [];
      stream.destroy();
      onError(new FleetError('LINK_BROKEN', `a peer sent a line longer than ${MAX_LINE_BYTES} bytes`));
    }
  });
}
