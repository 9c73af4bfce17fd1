import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';

/** One message of an event stream. */
export interface SseMessage {
  /** Empty when it names none. */
  readonly event: string;
  readonly data: string;
}

/** A longer message is none of ours. */
const MAX_MESSAGE_CHARS = 256 * 1024 * 1024;

/**
 * Splits the bytes of an event stream into messages, as the HTML standard describes. A message that a broken end leaves
 * unfinished is dropped.
 * @throws RangeError when a message has no end.
 */
export async function* readSse(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SseMessage, void, void> {
  let messages: SseMessage[] = [];
  let isEndless = false;
  const parser = createParser({
    maxBufferSize: MAX_MESSAGE_CHARS,
    onEvent: ({ event = '', data }) => messages.push({ event, data }),
    // An unknown field is passed over.
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
