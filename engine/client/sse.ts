import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';

/** One message of an event stream. */
export interface SseMessage {
  /** The name of the event; empty if there is none. */
  readonly event: string;
  readonly data: string;
}

/** The size limit of a message. Our messages are shorter. */
const MAX_MESSAGE_CHARS = 256 * 1024 * 1024;

/**
 * Splits the bytes of an event stream into messages, as the HTML standard specifies. Drops a message that a broken
 * stream leaves unfinished.
 * @throws RangeError if a message exceeds the limit
 */
export async function* readSse(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SseMessage, void, void> {
  let messages: SseMessage[] = [];
  let isEndless = false;
  const parser = createParser({
    maxBufferSize: MAX_MESSAGE_CHARS,
    onEvent: ({ event = '', data }) => messages.push({ event, data }),
    // Unknown fields are ignored.
    onError: ({ type }) => (isEndless ||= type === 'max-buffer-size-exceeded'),
  });
  const decoder = new StringDecoder('utf8');
  for await (const chunk of chunks) {
    parser.feed(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
    yield* messages;
    messages = [];
    if (isEndless) throw new RangeError('a message of the event stream is too long');
  }
}
