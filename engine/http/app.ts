import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono, type Context } from 'hono';
import type { CallContext } from '../contract/engine.ts';
import type { ServedEngine } from '../operations/engine.ts';
import type { Operations, RouteName } from '../operations/index.ts';
import type { Command, Operation, Route } from '../operations/operation.ts';
import { events, openapi, output } from '../operations/streams.ts';
import { FleetError } from '../errors.ts';
import { errorAnswer, type Log } from './answers.ts';
import { parseJson, parseNdjson, readBody, type BodyRoom } from './body.ts';
import { decodeBody, decodeCaller, decodeEnvironment, decodeKinds, decodeQuery } from './decode.ts';
import { HEADERS, JSON_TYPE, LINK_PATH, LINK_UPGRADE, NDJSON_TYPE } from '../operations/http-format.ts';
import { authorizedEngine } from './granted.ts';
import { requireScope, type Holder } from './grants.ts';
import { sendEvents, sendOutput, type OpenStreams } from './streams.ts';
import { HolderTurns } from './turns.ts';

export interface AppOptions {
  readonly operations: Operations;
  readonly engine: ServedEngine;
  readonly streams: OpenStreams;
  /** The largest body of records and fan-outs, in bytes. */
  readonly bulkBodyBytes: number;
  /** The largest body of other requests, in bytes. */
  readonly bodyBytes: number;
  /** The room shared by all bodies that are being read. */
  readonly room: BodyRoom;
  /** The time between two heartbeat comments of the event stream. */
  readonly heartbeatMs: number;
  /** Returns the holder that a request comes from. */
  readonly holderOf: (incoming: HttpBindings['incoming']) => Holder;
  /** Returns true if the request came over the socket. */
  readonly isLocal: (incoming: HttpBindings['incoming']) => boolean;
  /** The routes that are served. Default: all. */
  readonly only?: readonly RouteName[];
  readonly log: Log;
}

type Env = { Bindings: HttpBindings };
type AnyCommand = Operations['commands'][number];
type AnyReport = Operations['reports'][number];
type Handler = (c: Context<Env>) => Promise<Response> | never;

/** Creates the routes of an engine. Access was checked before. */
export function createApp(options: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  const offered = offeredRoutes(options);
  for (const [{ method, path }, handler] of offered) app.on(method, path, handler);
  refuseOtherMethods(
    app,
    offered.map(([route]) => route),
  );
  app.notFound(c => refuse(c, pathNotFound(c.req.path), options.log));
  app.onError((thrown, c) => refuse(c, thrown, options.log));
  return app;
}

function refuse(c: Context<Env>, thrown: unknown, log: Log): Response {
  const { status, headers, document } = errorAnswer(thrown, log);
  return send(c, document, status, headers);
}

function offeredRoutes(options: AppOptions): (readonly [Route, Handler])[] {
  const { operations } = options;
  const turns = new HolderTurns();
  const named: (readonly [RouteName, Route, Handler])[] = [
    ...operations.commands.map(each => [each.name, each, command(each, options)] as const),
    ...operations.reports.map(each => [each.name, each, report(each, options, turns)] as const),
    [events.name, events, eventStream(options)],
    [output.name, output, outputStream(options)],
    [openapi.name, openapi, apiDocument(options)],
  ];
  const { only } = options;
  if (only !== undefined) {
    return named.filter(([name]) => only.includes(name)).map(([, route, handler]) => [route, handler]);
  }
  return [
    ...named.map(([, route, handler]) => [route, handler] as const),
    [{ method: 'GET', path: LINK_PATH }, linkWithoutUpgrade],
  ];
}

function command(operation: AnyCommand, options: AppOptions): Handler {
  return async c => {
    const { holder, engine } = callOf(c, operation, options);
    const context = caller(c, holder);
    noQuery(operation, c);
    if (operation.form === 'records') return appendRecords(c, engine, context, options);
    const { environment, body } = withoutEnvironment(operation, await jsonOf(c, operation, options));
    if (environment !== undefined && !options.isLocal(c.env.incoming)) throw onlyOverSocket();
    // The schema of the command decodes the body, and the path has the other members of the command's input.
    const input = { ...decodeBody(operation.body, body), ...c.req.param() } as never;
    return send(
      c,
      await engine.submit(
        operation.name,
        input,
        environment === undefined ? context : { ...context, environment },
      ),
    );
  };
}

/**
 * Returns the holder of a request, and the engine with the holder's permissions. @throws SCOPE_FORBIDDEN before
 * anything is read
 */
function callOf(
  c: Context<Env>,
  operation: Operation,
  { engine, holderOf }: AppOptions,
): { readonly holder: Holder; readonly engine: ServedEngine } {
  const holder = holderOf(c.env.incoming);
  requireScope(holder, operation);
  return { holder, engine: authorizedEngine(engine, holder) };
}

/** Appends one record, or one record per line. The engine checks each. */
async function appendRecords(
  c: Context<Env>,
  engine: ServedEngine,
  context: CallContext,
  options: AppOptions,
): Promise<Response> {
  const many = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase() === NDJSON_TYPE;
  const text = await readBody(c.env.incoming, options.bulkBodyBytes, options.room);
  const records = many ? await parseNdjson(text) : [parseJson(text)];
  const { stored } = await engine.submit('records.append', { records }, context);
  return send(c, many ? { object: 'list', data: stored } : stored[0]);
}

function report(operation: AnyReport, options: AppOptions, turns: HolderTurns): Handler {
  return async c => {
    const { engine, holder } = callOf(c, operation, options);
    const query = decodeQuery(operation, new URL(c.req.url).searchParams);
    const body =
      operation.body === undefined ? {} : decodeBody(operation.body, await jsonOf(c, operation, options));
    // The query, the body and the path together have exactly the members of the report's input.
    const input = { ...body, ...query, ...c.req.param() } as never;
    const { signal } = c.req.raw;
    const answer = () => engine.report(operation.name, input, signal);
    const isTurned = typeof holder !== 'string' && operation.costly === true;
    return send(c, await (isTurned ? turns.take(holder, signal, answer) : answer()));
  };
}

/** The environment beside a command that submits work. It is not part of the command's input. */
interface Submission {
  readonly environment?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Separates the environment from the body. @throws INVALID_RECORD for an invalid environment */
function withoutEnvironment({ submits }: Pick<Command, 'submits'>, given: unknown): Submission {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  if (submits !== true || !isObject || !('environment' in given)) return { body: given };
  const { environment, ...body } = given;
  return { environment: decodeEnvironment(environment), body };
}

function onlyOverSocket(): FleetError {
  return new FleetError('SCOPE_FORBIDDEN', "an environment is accepted only over the home's socket", {
    details: { path: 'environment' },
    hint: 'Omit it, and set the variables that the subtasks need in env.',
  });
}

/** Reads the body of a POST. An empty body stands for an object without members. */
async function jsonOf(
  c: Context<Env>,
  { bulk }: Operation & Pick<Command, 'bulk'>,
  options: AppOptions,
): Promise<unknown> {
  const text = await readBody(
    c.env.incoming,
    bulk === true ? options.bulkBodyBytes : options.bodyBytes,
    options.room,
  );
  return text.trim() === '' ? {} : parseJson(text);
}

function eventStream(options: AppOptions): Handler {
  return async c => {
    const { holder, engine } = callOf(c, events, options);
    const { outgoing } = streamable(c);
    const query = decodeQuery(events, new URL(c.req.url).searchParams);
    const { thread, kinds, after } = query as { thread?: string; kinds?: string; after?: number };
    const resumeAfter = resumption(c.req.header('last-event-id')) ?? after;
    const wanted = kinds === undefined ? {} : { kinds: decodeKinds(kinds) };
    const signal = options.streams.admit(outgoing, holder);
    const watched = engine.watch({
      ...(thread === undefined ? {} : { thread }),
      ...wanted,
      ...(resumeAfter === undefined ? {} : { after: resumeAfter }),
      signal,
    });
    await sendEvents(outgoing, watched, { heartbeatMs: options.heartbeatMs, signal, log: options.log });
    return RESPONSE_ALREADY_SENT;
  };
}

/** Returns the position that the client saw last. It takes precedence over the `after` of the query. */
function resumption(lastEventId: string | undefined): number | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  const position = /^\d{1,16}$/.test(lastEventId) ? Number(lastEventId) : NaN;
  if (Number.isSafeInteger(position)) return position;
  throw new FleetError('USAGE', `the header Last-Event-ID: '${lastEventId}' is not a position`, {
    details: { last_event_id: lastEventId },
  });
}

function outputStream(options: AppOptions): Handler {
  return async c => {
    const { holder, engine } = callOf(c, output, options);
    const { outgoing } = streamable(c);
    const query = decodeQuery(output, new URL(c.req.url).searchParams);
    const { attempt, follow } = query as { attempt?: number; follow: boolean };
    const { task = '', subtask = '' } = c.req.param() as { task?: string; subtask?: string };
    const signal = options.streams.admit(outgoing, holder);
    const attemptOutput = await engine.output({
      task,
      subtask,
      ...(attempt === undefined ? {} : { attempt }),
      follow,
      signal,
    });
    await sendOutput(outgoing, attemptOutput, { signal, log: options.log });
    return RESPONSE_ALREADY_SENT;
  };
}

/** Serves the OpenAPI document, which is created on the first request. */
function apiDocument(options: AppOptions): Handler {
  return async c => {
    callOf(c, openapi, options);
    noQuery(openapi, c);
    const { openApi } = await import('./openapi.ts');
    return send(c, openApi(options.operations));
  };
}

/** Requires a GET: a HEAD is routed like a GET, and a stream has no known length. */
function streamable(c: Context<Env>): HttpBindings {
  if (c.env.incoming.method === 'HEAD') throw new FleetError('USAGE', 'a stream accepts only GET');
  return c.env;
}

function linkWithoutUpgrade(): never {
  throw new FleetError('USAGE', `${LINK_PATH} needs the header 'Upgrade: ${LINK_UPGRADE}'`);
}

function refuseOtherMethods(app: Hono<Env>, routes: readonly Route[]): void {
  for (const path of new Set(routes.map(route => route.path))) {
    const methods = routes.filter(route => route.path === path).map(({ method }) => method);
    const allow = methods.join(', ');
    app.all(path, c =>
      send(
        c,
        {
          object: 'error',
          type: 'invalid_request',
          code: 'USAGE',
          message: `${c.req.method} is not supported at ${c.req.path}`,
          details: { method: c.req.method, allow: methods },
          hint: `Use ${allow}.`,
        },
        405,
        { Allow: allow },
      ),
    );
  }
}

function pathNotFound(path: string): FleetError {
  return new FleetError('NOT_FOUND', `there is nothing at ${path}`, { details: { path } });
}

function caller(c: Context<Env>, holder: Holder): CallContext {
  const own = typeof holder === 'string' ? null : holder.actor;
  return decodeCaller(c.req.header(HEADERS.actor), c.req.header(HEADERS.idempotencyKey), own);
}

function noQuery(route: Route, c: Context<Env>): void {
  decodeQuery(route, new URL(c.req.url).searchParams);
}

/** Writes the answer itself: a `Response` makes a stream of it first, which takes a quarter of a short request's time. */
function send(
  c: Context<Env>,
  document: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const text = JSON.stringify(document);
  const { outgoing } = c.env;
  outgoing.writeHead(status, {
    'Content-Type': JSON_TYPE,
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  outgoing.end(text);
  return RESPONSE_ALREADY_SENT;
}
