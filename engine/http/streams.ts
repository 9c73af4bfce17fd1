import type { ServerResponse } from 'node:http';
import type { EngineEvent, OutputStream } from '../contract/engine.ts';
import { FleetError } from '../errors.ts';
import { errorAnswer, type Log } from './answers.ts';
import { linkedController } from '../contract/linked-controller.ts';
import type { Holder } from './grants.ts';
import { HEADERS } from '../operations/http-format.ts';

/** Counts the streams that stay open. Ends them together, or with the token of their request. */
export class OpenStreams {
  readonly #max: number;
  readonly #maxOfToken: number;
  readonly #open = new Map<AbortController, Holder>();
  #closed = false;

  constructor(max: number, maxOfToken: number) {
    this.#max = max;
    this.#maxOfToken = maxOfToken;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Returns the number of open streams of one token. */
  countOf(holder: Holder): number {
    let count = 0;
    for (const each of this.#open.values()) if (each === holder) count++;
    return count;
  }

  /**
   * Admits one more stream. Its signal aborts when the client has gone, its token has ended or `close` was called.
   * @throws OVERLOADED if too many streams are open, in total or of this token; UNAVAILABLE after `close`
   */
  admit(outgoing: ServerResponse, holder: Holder): AbortSignal {
    if (this.#closed) throw new FleetError('UNAVAILABLE', 'the engine is closing');
    if (this.#open.size >= this.#max) throw tooMany(this.#max, '');
    const isToken = typeof holder !== 'string';
    if (isToken && this.countOf(holder) >= this.#maxOfToken)
      throw tooMany(this.#maxOfToken, ' with this token');
    const { controller, release } = linkedController(isToken ? [holder.ended] : []);
    this.#open.set(controller, holder);
    outgoing.once('close', () => {
      this.#open.delete(controller);
      release();
      controller.abort();
    });
    return controller.signal;
  }

  /** Ends all streams, and admits no more. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#open.keys()) controller.abort();
  }
}

function tooMany(limit: number, whose: string): FleetError {
  return new FleetError('OVERLOADED', `${limit} streams are already open${whose}`, {
    details: { limit },
    hint: 'Close another stream first.',
  });
}

/** The time after which a browser reconnects to the stream, in milliseconds. */
const RETRY_MS = 1000;

/**
 * Sends events as SSE until they end, the client goes or the signal aborts. For a slow client, unsent events stay in
 * the engine's own bounded queue. Never rejects.
 */
export async function sendEvents(
  outgoing: ServerResponse,
  events: AsyncIterable<EngineEvent>,
  options: { readonly heartbeatMs: number; readonly signal: AbortSignal; readonly log: Log },
): Promise<void> {
  // The engine listens before the client learns of it, so that nothing in between is missed.
  const iterator = events[Symbol.asyncIterator]();
  let next = iterator.next();
  outgoing.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
  outgoing.write(`retry: ${RETRY_MS}\n\n`);
  const heartbeat = setInterval(() => {
    if (!outgoing.writableNeedDrain) outgoing.write(':\n\n');
  }, options.heartbeatMs);
  try {
    for (let item = await next; item.done !== true; item = await next) {
      if (!(await send(outgoing, eventText(item.value), options.signal))) break;
      next = iterator.next();
    }
  } catch (thrown) {
    const { document } = errorAnswer(thrown, options.log);
    if (!options.signal.aborted) outgoing.write(`event: error\ndata: ${JSON.stringify(document)}\n\n`);
  } finally {
    clearInterval(heartbeat);
    void iterator.return?.().catch(() => undefined);
    outgoing.end();
  }
}

function eventText(event: EngineEvent): string {
  const id = event.kind === 'record' ? `id: ${event.position}\n` : '';
  return `${id}event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}

/**
 * Sends the output of a subtask as it arrives. If the source breaks off, so does the answer: without the end of its
 * chunked body, a client knows that it is incomplete. Never rejects.
 */
export async function sendOutput(
  outgoing: ServerResponse,
  { info, chunks }: OutputStream,
  options: { readonly signal: AbortSignal; readonly log: Log },
): Promise<void> {
  outgoing.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    [HEADERS.output]: asciiJson(info),
  });
  outgoing.flushHeaders();
  try {
    for await (const chunk of chunks) {
      if (!(await send(outgoing, chunk, options.signal))) break;
    }
    if (options.signal.aborted) outgoing.destroy();
    else outgoing.end();
  } catch (thrown) {
    if (!options.signal.aborted) options.log('the output of a subtask broke off', thrown);
    outgoing.destroy();
  }
}

/** Returns JSON in ASCII, the only characters that headers carry. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Writes, and waits while the client is behind. @returns false if the client has gone */
async function send(
  outgoing: ServerResponse,
  chunk: string | Uint8Array,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted || outgoing.destroyed) return false;
  if (!outgoing.write(chunk)) await drained(outgoing, signal);
  return !signal.aborted;
}

function drained(outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      outgoing.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    outgoing.on('drain', done);
    signal.addEventListener('abort', done);
  });
}
