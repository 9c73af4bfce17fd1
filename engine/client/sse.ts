import { StringDecoder } from 'node:string_decoder';

/** One message of an event stream. */
export interface SseMessage {
  /** Empty when it names none. */
  readonly event: string;
  readonly data: string;
}

/** A longer line is no message of ours. */
const MAX_LINE_CHARS = 256 * 1024 * 1024;

/**
 * Splits the bytes of an event stream into messages, as the HTML standard describes; comments and messages
 * without data are passed over, and what a broken end leaves unfinished is dropped.
 * @throws RangeError when a line has no end.
 */
export async function* readSse(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SseMessage, void, void> {
  let event = '';
  let data: string[] = [];
  for await (const line of lines(chunks)) {
    if (line === '') {
      if (data.length > 0) yield { event, data: data.join('\n') };
      event = '';
      data = [];
    } else if (line.startsWith('event:')) event = fieldValue(line, 6);
    else if (line.startsWith('data:')) data.push(fieldValue(line, 5));
  }
}

function fieldValue(line: string, start: number): string {
  return line.slice(line[start] === ' ' ? start + 1 : start);
}

async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new StringDecoder('utf8');
  // The pieces of a line that is not complete yet: joined once, so that long lines cost what they are long.
  let pieces: string[] = [];
  let pieceChars = 0;
  for await (const chunk of chunks) {
    const text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      const line = pieces.join('') + text.slice(start, end);
      pieces = [];
      pieceChars = 0;
      start = end + 1;
      yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
    pieces.push(text.slice(start));
    pieceChars += text.length - start;
    if (pieceChars > MAX_LINE_CHARS) throw new RangeError('a line of the event stream has no end');
  }
}
