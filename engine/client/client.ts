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
  /** The actor of the commands; the engine's default is `did:sync:user:local`. */
  readonly actor?: Did;
  /** The environment of work that is submitted over a socket. Default: the worker's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Closes the client. */
  readonly signal?: AbortSignal;
  /** The time limit of a call, in ms. Default 60 s; 45 s for `fleet.start`. */
  readonly timeoutMs?: number;
  /**
   * The time in ms for which `watch` tries to reconnect to an engine that went away, and a command asks again for a
   * lost answer. Default 10 s.
   */
  readonly reconnectMs?: number;
  /**
   * True for a process that asks little and ends: calls over a socket have a connection each, and do not load
   * `node:http`.
   */
  readonly brief?: boolean;
}

/** The engine over HTTP. Every method rejects with FleetError and nothing else. */
export interface EngineClient extends Pick<Engine, 'report' | 'watch' | 'output' | 'close'> {
  /**
   * Submits a command, as the engine's own `submit` does. If the context names no actor, the connection's is used; if
   * it names no idempotency key, a new one is made. If the answer is lost with its connection, the client asks for it
   * again.
   */
  submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context?: Partial<CallContext>,
  ): Promise<Commands[N]['output']>;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_RECONNECT_MS = 10_000;
/** The time in which a standby begins to serve, in milliseconds. */
const TAKEOVER_MS = 3_000;

/**
 * Returns a client of the engine at a socket or a port. It sends nothing before the first call.
 *
 * `watch` reconnects to an engine that went away, and resumes after the last record that it saw. At the beginning and
 * after each interruption, it yields a `gap` if something may have been missed: a caller that reads the state at every
 * `gap` misses no change. It ends with the signal, and fails with UNREACHABLE if no engine answers for `reconnectMs`.
 * @throws USAGE if the URL is neither http nor https
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
    this.#http = new HttpCaller(target, options.brief);
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
    // A record is the same record however often it is written or restored. A key makes any other command repeatable.
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
      // If a standby waits, it follows an engine that was killed during the request.
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
