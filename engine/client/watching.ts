import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import * as v from 'valibot';
import { recordSchema } from '../contract/documents.ts';
import type { EngineEvent, WatchOptions } from '../contract/engine.ts';
import { FleetError } from '../errors.ts';
import { linkedController } from '../contract/linked-controller.ts';
import { errorOf } from './http-call.ts';
import { readSse, type SseMessage } from './sse.ts';

export interface WatchConnection {
  /** Opens the event stream; rejects with FleetError. */
  readonly open: (
    query: { readonly thread?: string; readonly kinds?: string; readonly after?: number },
    lastEventId: number | undefined,
    signal: AbortSignal,
  ) => Promise<IncomingMessage>;
  /** The time for which connecting is retried while the engine does not answer, in ms. */
  readonly reconnectMs: number;
  /** Ends the watch, like the signal of the options. */
  readonly closing: AbortSignal;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** Yields the events of an engine over streams that may break; see `connect`. */
export async function* watchEvents(
  options: WatchOptions,
  connection: WatchConnection,
): AsyncGenerator<EngineEvent, void, void> {
  const { controller, release } = linkedController([options.signal, connection.closing]);
  try {
    yield* eventsAcrossStreams(options, connection, controller.signal);
  } finally {
    release();
    // If the consumer stops early, this closes its stream.
    controller.abort();
  }
}

async function* eventsAcrossStreams(
  options: WatchOptions,
  { open, reconnectMs }: WatchConnection,
  signal: AbortSignal,
): AsyncGenerator<EngineEvent, void, void> {
  let position = options.after;
  let pauseMs = FIRST_PAUSE_MS;
  let connectedOnce = false;
  let lostAt: number | null = null;
  while (!signal.aborted) {
    try {
      const lastSeen = position === options.after ? undefined : position;
      const stream = await open(queryOf(options), lastSeen, signal);
      connectedOnce = true;
      lostAt = null;
      if (mayHaveMissed(options, position)) yield { kind: 'gap' };
      for await (const event of eventsOf(stream)) {
        pauseMs = FIRST_PAUSE_MS;
        if (event.kind === 'record') position = event.position;
        yield event;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const givenUp = lostAt !== null && performance.now() - lostAt > reconnectMs;
      if (!connectedOnce || givenUp || !passes(thrown)) throw thrown;
    }
    lostAt ??= performance.now();
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

function queryOf({ thread, kinds, after }: WatchOptions): Parameters<WatchConnection['open']>[0] {
  return {
    ...(thread === undefined ? {} : { thread }),
    ...(kinds === undefined ? {} : { kinds: kinds.join(',') }),
    ...(after === undefined ? {} : { after }),
  };
}

/** The kinds of events that may be missed while the stream is broken. A missed heartbeat is followed by another. */
const NOT_REPLAYED: readonly EngineEvent['kind'][] = ['task', 'instance', 'namespace'];

/** Returns true if events may have been missed. Only records are replayed, and only from a known position. */
function mayHaveMissed({ kinds }: WatchOptions, position: number | undefined): boolean {
  const recordsOnly = kinds !== undefined && !NOT_REPLAYED.some(kind => kinds.includes(kind));
  return !recordsOnly || position === undefined;
}

/** Returns true if another try may help. A request that the engine refused would be refused again. */
function passes(thrown: unknown): boolean {
  return (
    thrown instanceof FleetError &&
    ['UNREACHABLE', 'UNAVAILABLE', 'TIMED_OUT', 'LINK_BROKEN'].includes(thrown.code)
  );
}

async function* eventsOf(stream: IncomingMessage): AsyncGenerator<EngineEvent, void, void> {
  try {
    for await (const message of readSse(stream as AsyncIterable<Uint8Array>)) {
      const event = decodeEvent(message);
      if (event !== null) yield event;
    }
  } catch (thrown) {
    if (thrown instanceof FleetError) throw thrown;
    throw new FleetError('LINK_BROKEN', 'the event stream was interrupted', { cause: thrown });
  } finally {
    stream.destroy();
  }
}

const eventSchema = v.variant('kind', [
  v.object({ kind: v.literal('record'), position: v.number(), at: v.number(), record: recordSchema }),
  v.object({
    kind: v.literal('task'),
    thread: v.string(),
    children: v.array(v.number()),
    complete: v.boolean(),
  }),
  v.object({ kind: v.picklist(['instance', 'heartbeat']), did: v.string() }),
  v.object({ kind: v.literal('namespace'), id: v.string() }),
  v.object({ kind: v.literal('gap') }),
]);

/** Decodes an event; null for a kind of a newer engine. @throws the engine's error, or PROTOCOL_MISMATCH */
function decodeEvent({ event, data }: SseMessage): EngineEvent | null {
  const value = parse(data);
  if (event === 'error') throw errorOf(value, 200, 'the other end');
  if (!['record', 'task', 'instance', 'heartbeat', 'namespace', 'gap'].includes(event)) return null;
  const result = v.safeParse(eventSchema, value, { abortEarly: true });
  // The engine checked the record when it was written, so its fields have their types.
  if (result.success) return result.output as EngineEvent;
  throw new FleetError('PROTOCOL_MISMATCH', `the engine sent an invalid event of kind '${event}'`);
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new FleetError('PROTOCOL_MISMATCH', 'the engine sent an event that is not JSON', { cause });
  }
}
