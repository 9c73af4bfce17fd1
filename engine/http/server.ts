import type { getRequestListener } from '@hono/node-server';
import * as http from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PROTOCOL } from '../contract/engine.ts';
import type { ServedEngine } from '../operations/engine.ts';
import { loadOperations, type RouteName } from '../operations/index.ts';
import { FleetError } from '../errors.ts';
import { errorAnswer, type ErrorAnswer, type Log } from './answers.ts';
import { BodyRoom } from './body.ts';
import { admit, type Door, type TokenBook } from './gate.ts';
import type { Holder } from './grants.ts';
import { listenOnPort, listenOnSocket } from './listen.ts';
import { HEADERS, JSON_TYPE, LINK_PATH, LINK_UPGRADE } from '../operations/http-format.ts';
import { OpenStreams } from './streams.ts';

/** Limits of the server. Each has a default. */
export interface ApiLimits {
  /** The largest body of records and fan-outs, in bytes. Default 64 MiB. */
  readonly bulkBodyBytes: number;
  /** The largest body of other requests, in bytes. Default 4 MiB. */
  readonly bodyBytes: number;
  /** The largest total of bodies that are being read, in bytes. Default 256 MiB. */
  readonly unreadBytes: number;
  /** The most requests under way, not counting streams. Default 512. */
  readonly openRequests: number;
  /** The most open event streams and outputs. Default 256. */
  readonly openStreams: number;
  /** The most requests under way of one token other than the home's own. Default 64. */
  readonly openRequestsOfToken: number;
  /** The most open streams of one token other than the home's own. Default 16. */
  readonly openStreamsOfToken: number;
  /** The most open connections per door. Default 1024. */
  readonly connections: number;
  /** The time between two heartbeat comments of the event stream. Default 15 s. */
  readonly heartbeatMs: number;
  /** The time for which `close` waits for answers under way, in ms. Default 2 s. */
  readonly closeGraceMs: number;
}

const DEFAULT_LIMITS: ApiLimits = {
  bulkBodyBytes: 64 * 1024 * 1024,
  bodyBytes: 4 * 1024 * 1024,
  unreadBytes: 256 * 1024 * 1024,
  openRequests: 512,
  openStreams: 256,
  openRequestsOfToken: 64,
  openStreamsOfToken: 16,
  connections: 1024,
  heartbeatMs: 15_000,
  closeGraceMs: 2_000,
};

type RequestListener = ReturnType<typeof getRequestListener>;

/** Handles a connection that asked to be a link: answers the upgrade, or closes it. */
export type UpgradeHandler = (request: http.IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface ServeOptions {
  readonly engine: ServedEngine;
  /**
   * The path of the socket, which gets mode 0600. A leftover socket is removed: the caller holds the lease of the home.
   */
  readonly socketPath: string;
  /** The first port to try, 0 for any. If it is taken, the next free one is used. Null: no port. */
  readonly tcp: {
    /**
     * The address to listen on. Outside the loopback it needs TLS, here or at a proxy, which the caller must ensure.
     */
    readonly host: string;
    readonly port: number;
    readonly token: string;
    /** A certificate and its key, as PEM. Null or left out: plain HTTP. */
    readonly tls?: { readonly cert: string; readonly key: string } | null;
    /** Returns true for a host name that requests may use in addition to the loopback's. */
    readonly isOwnName?: (name: string) => boolean;
    /** The permissions of other tokens. Left out: there are none. */
    readonly tokens?: TokenBook;
  } | null;
  readonly limits?: Partial<ApiLimits>;
  /** The routes that are served. A worker offers its health and its output. Default: all. */
  readonly only?: readonly RouteName[];
  /** Handles `GET /v1/link` with `Upgrade: spl-link`. Left out: links are refused. */
  readonly upgrade?: UpgradeHandler;
  /** Logs failures that are the engine's own. */
  readonly log?: Log;
}

export interface ApiServer {
  /** `http://127.0.0.1:‹port›`, or https; null without a port. */
  readonly endpoint: string | null;
  readonly port: number | null;
  /** The messages for the user, such as a port that was taken. */
  readonly notes: readonly string[];
  /**
   * Stops listening, ends streams, lets answers under way finish within the grace, then closes every connection,
   * including links. Afterwards the socket file is gone. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Serves an engine on a Unix socket and, if requested, on a port.
 * @throws UNAVAILABLE if listening fails on the socket or on a hundred ports; CONFLICT if something other than a socket
 * is at the path
 */
export async function serveApi(options: ServeOptions): Promise<ApiServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = new Server(options, limits);
  try {
    return await server.listen();
  } catch (thrown) {
    await server.close();
    throw thrown;
  }
}

class Server {
  readonly #options: ServeOptions;
  readonly #limits: ApiLimits;
  readonly #log: Log;
  readonly #streams: OpenStreams;
  readonly #doors: http.Server[] = [];
  /** The answers under way, with their holders once known. */
  readonly #answering = new Map<http.ServerResponse, Holder | null>();
  readonly #holders = new WeakMap<http.IncomingMessage, Holder>();
  /** The requests that came over the socket. */
  readonly #local = new WeakSet<http.IncomingMessage>();
  readonly #links = new Set<Duplex>();
  #closing: Promise<void> | null = null;
  #listener: Promise<RequestListener> | undefined;

  constructor(options: ServeOptions, limits: ApiLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#log = options.log ?? (() => undefined);
    this.#streams = new OpenStreams(limits.openStreams, limits.openStreamsOfToken);
  }

  async listen(): Promise<ApiServer> {
    const { socketPath, tcp } = this.#options;
    await listenOnSocket(await this.#open({ kind: 'socket' }), socketPath);
    if (tcp === null) return this.#served(null, []);
    const { host, port: first, tls = null, ...keys } = tcp;
    const door = await this.#open({ kind: 'tcp', ...keys }, tls);
    const { port, notes } = await listenOnPort(door, host, first);
    const endpoint = `${tls === null ? 'http' : 'https'}://${reachable(host)}:${port}`;
    return this.#served({ port, endpoint }, notes);
  }

  /**
   * Loads the routes at the first request. Most workers get none, and loading takes longer than the rest of their
   * start.
   */
  async #routes(): Promise<RequestListener> {
    const [{ getRequestListener }, { createApp }, operations] = await Promise.all([
      import('@hono/node-server'),
      import('./app.ts'),
      loadOperations(),
    ]);
    const { only } = this.#options;
    const app = createApp({
      ...this.#limits,
      operations,
      engine: this.#options.engine,
      room: new BodyRoom(this.#limits.unreadBytes),
      streams: this.#streams,
      isLocal: incoming => this.#local.has(incoming),
      holderOf: incoming => this.#holders.get(incoming) ?? 'anyone',
      log: this.#log,
      ...(only === undefined ? {} : { only }),
    });
    return getRequestListener(app.fetch, {
      // Other code shares the process, such as an editor's extension host.
      overrideGlobalObjects: false,
      errorHandler: thrown => {
        throw badTarget(thrown);
      },
    });
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #served(tcp: { port: number; endpoint: string } | null, notes: readonly string[]): ApiServer {
    const close = (): Promise<void> => this.close();
    return { endpoint: tcp?.endpoint ?? null, port: tcp?.port ?? null, notes, close };
  }

  async #open(
    door: Door,
    tls: { readonly cert: string; readonly key: string } | null = null,
  ): Promise<http.Server> {
    const options = {
      headersTimeout: 10_000,
      // Limits the time in which a request must arrive. Answers have no time limit.
      requestTimeout: 60_000,
      connectionsCheckingInterval: 5_000,
      keepAliveTimeout: 60_000,
      maxHeaderSize: 16 * 1024,
      // The gate refuses a request without the header, with our own message.
      requireHostHeader: false,
    };
    const server =
      tls === null
        ? http.createServer(options)
        : (await import('node:https')).createServer({ ...options, ...tls });
    server.maxConnections = this.#limits.connections;
    server.on('request', (incoming, outgoing) => {
      this.#track(outgoing);
      try {
        const holder = admit(incoming, door);
        this.#holders.set(incoming, holder);
        if (door.kind === 'socket') this.#local.add(incoming);
        this.#answering.set(outgoing, holder);
        this.#requireRoom(holder);
      } catch (thrown) {
        return refuse(incoming, outgoing, errorAnswer(thrown, this.#log));
      }
      this.#handle(incoming, outgoing).catch((thrown: unknown) =>
        refuse(incoming, outgoing, errorAnswer(thrown, this.#log)),
      );
    });
    server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(door, request, socket, head),
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) =>
      this.#malformed(error, socket),
    );
    this.#doors.push(server);
    return server;
  }

  async #handle(incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
    const handle = await (this.#listener ??= this.#routes());
    if (!outgoing.destroyed) await handle(incoming, outgoing);
  }

  /** @throws OVERLOADED if the limits are exceeded; the request itself is already counted */
  #requireRoom(holder: Holder): void {
    const { openRequests, openRequestsOfToken } = this.#limits;
    if (this.#answering.size - this.#streams.size > openRequests) throw tooManyRequests(openRequests, '');
    if (typeof holder === 'string') return;
    const ofToken = [...this.#answering.values()].filter(each => each === holder).length;
    if (ofToken - this.#streams.countOf(holder) > openRequestsOfToken)
      throw tooManyRequests(openRequestsOfToken, ' with this token');
  }

  #track(outgoing: http.ServerResponse): void {
    this.#answering.set(outgoing, null);
    outgoing.once('close', () => this.#answering.delete(outgoing));
    for (const [name, value] of Object.entries(COMMON_HEADERS)) outgoing.setHeader(name, value);
  }

  #upgrade(door: Door, request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    try {
      if (admit(request, door) !== 'root') throw notALink();
      const { upgrade } = this.#options;
      if (upgrade === undefined || this.#closing !== null) throw noLinks(this.#closing !== null);
      checkUpgrade(request);
      this.#links.add(socket);
      socket.once('close', () => this.#links.delete(socket));
      upgrade(request, socket, head);
    } catch (thrown) {
      socket.end(rawAnswer(errorAnswer(thrown, this.#log)));
    }
  }

  /** Answers input that is not HTTP on the bare socket, because it never becomes a request. */
  #malformed(error: NodeJS.ErrnoException, socket: Socket): void {
    const halfAnswered = [...this.#answering.keys()].some(a => a.socket === socket && a.headersSent);
    if (error.code === 'ECONNRESET' || !socket.writable || halfAnswered) {
      socket.destroy();
      return;
    }
    socket.end(rawAnswer(errorAnswer(notHttp(error), this.#log)));
  }

  async #close(): Promise<void> {
    const closed = this.#doors.map(door => new Promise<void>(resolve => door.close(() => resolve())));
    this.#streams.close();
    for (const door of this.#doors) door.closeIdleConnections();
    await this.#answered();
    for (const door of this.#doors) door.closeAllConnections();
    for (const link of this.#links) link.destroy();
    await Promise.all(closed);
  }

  /** Resolves when no answer is under way, or the grace is over. */
  async #answered(): Promise<void> {
    const open = [...this.#answering.keys()].map(
      outgoing => new Promise<void>(resolve => outgoing.once('close', resolve)),
    );
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>(resolve => {
      timer = setTimeout(resolve, this.#limits.closeGraceMs);
    });
    await Promise.race([Promise.all(open), grace]);
    clearTimeout(timer);
  }
}

/** Returns an address for a URL; the loopback's if the server listens on all addresses. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

const COMMON_HEADERS: Readonly<Record<string, string>> = {
  [HEADERS.protocol]: String(PROTOCOL),
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

/** The time for which the rest of the body is read after a refusal, so that the answer gets through. */
const LINGER_MS = 5_000;

function refuse(incoming: http.IncomingMessage, outgoing: http.ServerResponse, answer: ErrorAnswer): void {
  const text = JSON.stringify(answer.document);
  outgoing.writeHead(answer.status, {
    'Content-Type': JSON_TYPE,
    'Content-Length': Buffer.byteLength(text),
    ...answer.headers,
  });
  outgoing.end(text);
  if (incoming.complete) return;
  const timer = setTimeout(() => incoming.destroy(), LINGER_MS);
  incoming.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
}

function rawAnswer({ status, headers: more, document }: ErrorAnswer): string {
  const text = JSON.stringify(document);
  const headers = {
    ...COMMON_HEADERS,
    ...more,
    'Content-Type': JSON_TYPE,
    'Content-Length': String(Buffer.byteLength(text)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`;
}

function checkUpgrade({ method, url = '', headers }: http.IncomingMessage): void {
  const [path = ''] = url.split('?');
  if (method !== 'GET' || path !== LINK_PATH) {
    throw new FleetError('NOT_FOUND', `there is nothing to upgrade at ${path}`, { details: { path } });
  }
  if (headers.upgrade?.toLowerCase() === LINK_UPGRADE) return;
  throw new FleetError('USAGE', `'Upgrade: ${headers.upgrade ?? ''}' is not supported`, {
    hint: `${LINK_PATH} supports only 'Upgrade: ${LINK_UPGRADE}'.`,
  });
}

function tooManyRequests(limit: number, whose: string): FleetError {
  return new FleetError('OVERLOADED', `${limit} requests are already being answered${whose}`, {
    details: { limit },
    hint: 'Retry in a second.',
  });
}

function notALink(): FleetError {
  return new FleetError('SCOPE_FORBIDDEN', 'a link requires the token of the home', {
    hint: 'Only workers of the fleet can open a link.',
  });
}

function noLinks(closing: boolean): FleetError {
  return closing
    ? new FleetError('UNAVAILABLE', 'the engine is closing')
    : new FleetError('NOT_SUPPORTED', 'this engine accepts no links');
}

function notHttp(error: NodeJS.ErrnoException): FleetError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new FleetError('TOO_LARGE', 'the headers of the request are too large', { cause: error });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new FleetError('TIMED_OUT', 'the request took too long to arrive', { cause: error });
    default:
      return new FleetError('USAGE', 'the request is not HTTP/1.1', { cause: error });
  }
}

/** Returns the error for a request target that the adaptor refused before routing. */
function badTarget(cause: unknown): FleetError {
  return new FleetError('USAGE', 'the path of the request is not readable', { cause });
}
