import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import type { CallContext, OutputRequest, OutputStream } from '../contract/engine.ts';
import type { Engine } from '../operations/engine.ts';
import {
  commandNamed,
  reportNamed,
  type CommandName,
  type Commands,
  type ReportName,
  type Reports,
} from '../operations/index.ts';
import type { Route } from '../operations/operation.ts';
import { events, output } from '../operations/streams.ts';
import { FleetError } from '../errors.ts';
import type { Did } from '../record/ids.ts';
import { linkedController } from '../contract/linked-controller.ts';
import { brokenOff, HttpCaller, type Target } from './http-call.ts';
import { HEADERS, JSON_TYPE, NDJSON_TYPE, requestLine } from '../operations/http-format.ts';
import { watchEvents } from './watching.ts';

export type { Target } from './http-call.ts';

export interface ConnectOptions {
  /** In whose name commands are given; the engine's default is `did:sync:user:local`. */
  readonly actor?: Did;
  /** In which what is submitted over a socket runs. Default: in that of its worker. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Closes the client. */
  readonly signal?: AbortSignal;
  /** The time that a call waits for its answer, in ms. Default 60 s; 45 s for `fleet.start`. */
  readonly timeoutMs?: number;
  /**
   * The time in ms in which `watch` comes back to an engine that went away, and a command asks again for a lost answer.
   * Default 10 s.
   */
  readonly reconnectMs?: number;
}

/** The façade, spoken to over HTTP. Every method rejects with FleetError and nothing else. */
export interface EngineClient extends Pick<Engine, 'report' | 'watch' | 'output' | 'close'> {
  /**
   * As the engine's own; the actor is the connection's when the context names none, and the idempotency key a new one.
   * An answer that is lost with its connection is asked for again.
   */
  submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context?: Partial<CallContext>,
  ): Promise<Commands[N]['output']>;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_RECONNECT_MS = 10_000;
/** The time that a standby may take until it serves, in milliseconds. */
const TAKEOVER_MS = 3_000;

/**
 * A client of the engine at a socket or a port. Nothing is sent before the first call.
 *
 * `watch` comes back to an engine that went away, resuming after the last record that it saw. It begins, and
 * goes on after each interruption, with a `gap` wherever something may have been missed: who reads the state at
 * every `gap` can't miss a change. It ends with the signal, and fails with UNREACHABLE when nobody answers for
 * `reconnectMs`.
 *
 * @throws USAGE when the URL is neither an http nor an https one.
 */
export function connect(target: Target, options: ConnectOptions = {}): EngineClient {
  return new Client(target, options);
}

class Client implements EngineClient {
  readonly #http: HttpCaller;
  readonly #options: ConnectOptions;
  readonly #isLocal: boolean;

  constructor(target: Target, options: ConnectOptions) {
    this.#isLocal = 'socketPath' in target;
    this.#http = new HttpCaller(target);
    this.#options = options;
    const { controller, release } = linkedController([options.signal]);
    this.#http.closing.addEventListener('abort', release, { once: true });
    if (controller.signal.aborted) this.#http.close();
    else controller.signal.addEventListener('abort', () => this.#http.close(), { once: true });
  }

  async submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context: Partial<CallContext> = {},
  ): Promise<Commands[N]['output']> {
    const { actor, signal } = context;
    const environment = context.environment ?? this.#options.environment;
    const { form, submits, idempotency, patience = {}, output: schema, ...route } = await commandNamed(name);
    const goesAlong = submits === true && this.#isLocal && environment !== undefined;
    const { method, target, rest } = requestLine(route, { ...input });
    const records = form === 'records' ? (rest as Commands['records.append']['input']).records : null;
    // A record that is written or restored twice is there once, and a key makes any other command so.
    const idempotencyKey = context.idempotencyKey ?? (idempotency === 'content' ? undefined : randomUUID());
    const request = {
      method,
      target,
      headers: {
        ...this.#actor(actor),
        ...(idempotencyKey === undefined ? {} : { [HEADERS.idempotencyKey]: idempotencyKey }),
        'content-type': records === null ? JSON_TYPE : NDJSON_TYPE,
      },
      body: records === null ? json(goesAlong ? { ...rest, environment } : rest) : ndjson(records),
      repeatable: true,
      ...(patience.retries === false ? {} : { againMs: this.#options.reconnectMs ?? DEFAULT_RECONNECT_MS }),
    };
    const timeoutMs = this.#options.timeoutMs ?? patience.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const graceMs = (patience.graceSecs?.(input) ?? 0) * 1000;
    return decode(schema, await this.#http.exchange(request, timeoutMs + graceMs, signal), name);
  }

  async report<N extends ReportName>(
    name: N,
    input: Reports[N]['input'],
    signal?: AbortSignal,
  ): Promise<Reports[N]['output']> {
    const route = await reportNamed(name);
    const { method, target, rest } = requestLine(route, { ...input });
    const post = method === 'POST';
    const request = {
      method,
      target,
      headers: { ...this.#actor(undefined), ...(post ? { 'content-type': JSON_TYPE } : {}) },
      ...(post ? { body: json(rest) } : {}),
      repeatable: true,
      // An engine that was killed while it was asked is followed by the next one, where a standby waits.
      againMs: Math.min(TAKEOVER_MS, this.#options.reconnectMs ?? DEFAULT_RECONNECT_MS),
    };
    const timeoutMs = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return decode(route.output, await this.#http.exchange(request, timeoutMs, signal), name);
  }

  watch(options: Parameters<Engine['watch']>[0]): ReturnType<Engine['watch']> {
    return watchEvents(options, {
      open: (query, lastEventId, signal) =>
        this.#stream(
          events,
          query,
          signal,
          lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) },
        ),
      reconnectMs: this.#options.reconnectMs ?? DEFAULT_RECONNECT_MS,
      closing: this.#http.closing,
    });
  }

  async output({ signal, ...request }: OutputRequest): Promise<OutputStream> {
    const answer = await this.#stream(output, request, signal, {});
    const header = answer.headers[HEADERS.output];
    const info = decode(outputInfoSchema, parseHeader(header), 'output');
    return { info, chunks: bytesOf(answer, signal) };
  }

  close(): Promise<void> {
    this.#http.close();
    return Promise.resolve();
  }

  #stream(
    route: Route,
    input: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>>,
  ): Promise<IncomingMessage> {
    const { method, target } = requestLine(route, input);
    const request = { method, target, headers: { ...this.#actor(undefined), ...headers }, repeatable: true };
    return this.#http.stream(request, this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal);
  }

  #actor(actor: Did | undefined): Record<string, string> {
    const named = actor ?? this.#options.actor;
    return named === undefined ? {} : { [HEADERS.actor]: named };
  }
}

const outputInfoSchema = v.looseObject({
  task: v.string(),
  subtask: v.number(),
  attempt: v.number(),
  worker: v.nullable(v.string()),
  running: v.boolean(),
});

function decode<T>(schema: v.GenericSchema<unknown, T>, answer: unknown, name: string): T {
  const result = v.safeParse(schema, answer, { abortEarly: true });
  if (result.success) return result.output;
  const path = v.getDotPath(result.issues[0]) ?? 'it';
  throw new FleetError('PROTOCOL_MISMATCH', `the engine's answer to ${name} is not valid at '${path}'`, {
    details: { request: name, path },
    hint: 'Use a client and an engine of the same version.',
  });
}

function parseHeader(header: string | string[] | undefined): unknown {
  try {
    return JSON.parse(String(header));
  } catch {
    return undefined;
  }
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new FleetError('USAGE', 'the input is not plain JSON data', { cause });
  }
}

const ndjson = (records: readonly unknown[]): string => records.map(record => `${json(record)}\n`).join('');

async function* bytesOf(
  answer: IncomingMessage,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) yield chunk;
  } catch (thrown) {
    if (!signal.aborted) throw brokenOff('the output', thrown);
  }
}
