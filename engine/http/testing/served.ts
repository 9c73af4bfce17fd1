import { mkdtemp, rm } from 'node:fs/promises';
import * as http from 'node:http';
import * as os from 'node:os';
import * as path from 'node:path';
import { connect, type ConnectOptions, type EngineClient } from '../../client/client.ts';
import { serveApi, type ApiServer, type ServeOptions } from '../server.ts';
import { FakeEngine } from './fake-engine.ts';

export const TOKEN = 'a-token-for-tests';

/** An answer with its whole body. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** The body as loosely typed JSON. */
  readonly json: Record<string, unknown>;
}

export interface RawRequest {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** True to send the body without a declared length. */
  readonly chunked?: boolean;
}

/** A fake engine, served on a socket in its own folder and on a free port. */
export class Served {
  readonly engine: FakeEngine;
  readonly server: ApiServer;
  readonly folder: string;
  readonly logged: unknown[];
  readonly #clients: EngineClient[] = [];

  private constructor(engine: FakeEngine, server: ApiServer, folder: string, logged: unknown[]) {
    this.engine = engine;
    this.server = server;
    this.folder = folder;
    this.logged = logged;
  }

  static async start(
    options: Partial<ServeOptions> = {},
    engine: FakeEngine = new FakeEngine(),
  ): Promise<Served> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'spl-api-'));
    const logged: unknown[] = [];
    const server = await serveApi({
      engine,
      socketPath: path.join(folder, 'spl.sock'),
      tcp: { host: '127.0.0.1', port: 0, token: TOKEN },
      log: (_message, cause) => void logged.push(cause),
      ...options,
    });
    return new Served(engine, server, folder, logged);
  }

  get socketPath(): string {
    return path.join(this.folder, 'spl.sock');
  }

  /** A client over the socket, closed with the server. */
  client(options: ConnectOptions = {}): EngineClient {
    return this.#keep(connect({ socketPath: this.socketPath }, options));
  }

  /** A client over the port, closed with the server. */
  tcpClient(options: ConnectOptions = {}): EngineClient {
    return this.#keep(connect({ url: this.server.endpoint ?? '', token: TOKEN }, options));
  }

  /** Sends one request over the socket, as any program might. */
  raw(target: string, request: RawRequest = {}): Promise<RawAnswer> {
    return rawRequest({ socketPath: this.socketPath, path: target }, request);
  }

  /** Sends one request over the port, with the token unless the headers give another authorization; '' sends none. */
  rawTcp(target: string, request: RawRequest = {}): Promise<RawAnswer> {
    const { authorization = `Bearer ${TOKEN}`, ...others } = request.headers ?? {};
    const headers = authorization === '' ? others : { ...others, authorization };
    return rawRequest({ host: '127.0.0.1', port: this.server.port, path: target }, { ...request, headers });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map(client => client.close()));
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #keep(client: EngineClient): EngineClient {
    this.#clients.push(client);
    return client;
  }
}

export function rawRequest(where: http.RequestOptions, request: RawRequest): Promise<RawAnswer> {
  const {
    method = request.body === undefined ? 'GET' : 'POST',
    headers = {},
    body,
    chunked = false,
  } = request;
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ ...where, method, headers, agent: false }, answer => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json });
      });
    });
    outgoing.on('error', reject);
    if (chunked) outgoing.setHeader('transfer-encoding', 'chunked');
    else if (body !== undefined) outgoing.setHeader('content-length', Buffer.byteLength(body));
    outgoing.end(body);
  });
}
