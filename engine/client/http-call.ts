import * as http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import * as v from 'valibot';
import { errorSchema } from '../contract/documents.ts';
import { PROTOCOL } from '../contract/engine.ts';
import { FleetError, isErrorCode, messageOf, systemCodeOf } from '../errors.ts';
import { linkedController } from '../contract/linked-controller.ts';
import { callBare, canGoBare, type AnswerHead, type BareAnswer } from './bare-call.ts';
import type { Route } from '../operations/operation.ts';
import { HEADERS } from '../operations/http-format.ts';

/** The address of an engine: its socket, or its port with a token of its home. */
export type Target =
  | { readonly socketPath: string }
  | {
      /** `http://127.0.0.1:‹port›`, or https. */
      readonly url: string;
      readonly token: string;
      /** Certificates, as PEM, that are trusted in addition to the usual ones. */
      readonly ca?: string;
    };

export interface WireRequest {
  readonly method: Route['method'];
  /** Path and query, percent-encoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** True if the request may be sent twice: it is repeated when a kept-alive connection turns out to be dead. */
  readonly repeatable: boolean;
  /** The time for which the request is repeated after its answer was lost with the connection. Default 0. */
  readonly againMs?: number;
}

/** The first pause between two attempts to get a lost answer. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** The size limit of an answer, because it is kept in memory. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** Sends HTTP requests to one engine over kept-alive connections. */
export class HttpCaller {
  readonly #target: Target;
  readonly #isBrief: boolean;
  readonly #where: string;
  readonly #connection: http.RequestOptions;
  #wire: Promise<Wire> | undefined;
  readonly #closing = new AbortController();

  /** Aborts with `close`. */
  readonly closing: AbortSignal = this.#closing.signal;

  /** @throws USAGE if the URL is neither http nor https */
  constructor(target: Target, isBrief = false) {
    this.#target = target;
    this.#isBrief = isBrief;
    this.#where = 'socketPath' in target ? target.socketPath : target.url;
    this.#connection = 'socketPath' in target ? { socketPath: target.socketPath } : hostAndPort(target.url);
  }

  /**
   * Sends a request and reads the whole answer.
   * @throws FleetError: the engine's own error; UNREACHABLE, TIMED_OUT, PROTOCOL_MISMATCH; UNAVAILABLE if the signal
   * aborted
   */
  async exchange(request: WireRequest, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    return this.#within(timeoutMs, signal, async cancel => {
      let lost: FleetError | undefined;
      let pauseMs = FIRST_PAUSE_MS;
      for (const began = performance.now(); ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        try {
          const { head, text } = await this.#answer(request, cancel);
          return parseAnswer(text, head, this.#where);
        } catch (thrown) {
          if (!FleetError.is(thrown, 'UNREACHABLE') || cancel.aborted) throw thrown;
          if (lost === undefined && wasNotDelivered(thrown.details['reason'])) throw thrown;
          if (request.againMs === undefined) throw thrown;
          lost ??= thrown;
          if (performance.now() - began > request.againMs) throw answerLost(lost, request.againMs);
        }
        await pause(pauseMs, undefined, { signal: cancel });
      }
    });
  }

  /**
   * Sends a request. Returns the answer as a stream, once its head has arrived. The caller must read the stream to the
   * end or destroy it; the signal destroys it too.
   * @throws FleetError like `exchange`
   */
  async stream(
    request: WireRequest,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<http.IncomingMessage> {
    const answer = await this.#within(timeoutMs, signal, async cancel => {
      const head = await this.#send(request, cancel);
      if (head.statusCode === 200) return head;
      return parseAnswer(await this.#text(head), head, this.#where) as never;
    });
    destroyOnAbort(answer, [this.closing, signal]);
    return answer;
  }

  /** Aborts calls under way, including streams, and refuses further ones. */
  close(): void {
    this.#closing.abort(new FleetError('UNAVAILABLE', 'the client is closed'));
    void this.#wire?.then(({ agent }) => agent.destroy());
  }

  /** Runs `work` with a signal that aborts at the time-out, with the caller's own, and with `close`. */
  async #within<T>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    work: (cancel: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { controller, release } = linkedController([this.closing, signal]);
    const timer = setTimeout(() => controller.abort(timedOut(this.#where, timeoutMs)), timeoutMs);
    try {
      if (controller.signal.aborted) throw givenUp(controller.signal.reason);
      return await work(controller.signal);
    } catch (thrown) {
      throw controller.signal.aborted ? givenUp(controller.signal.reason) : thrown;
    } finally {
      clearTimeout(timer);
      release();
    }
  }

  async #answer(request: WireRequest, cancel: AbortSignal): Promise<BareAnswer> {
    const bare = { ...request, headers: this.#headers(request) };
    if (!this.#isBrief || !('socketPath' in this.#target) || !canGoBare(bare)) {
      const head = await this.#send(request, cancel);
      return { head, text: await this.#text(head) };
    }
    cancel.throwIfAborted();
    const limit = { maxBytes: MAX_ANSWER_BYTES, tooLarge };
    const answer = await callBare(this.#target.socketPath, bare, cancel, limit).catch((thrown: unknown) => {
      throw thrown instanceof FleetError ? thrown : unreachable(this.#where, thrown);
    });
    checkProtocol(answer.head, this.#where);
    return answer;
  }

  async #send(request: WireRequest, cancel: AbortSignal, again = true): Promise<http.IncomingMessage> {
    const wire = await (this.#wire ??= wireOf(this.#target));
    cancel.throwIfAborted();
    const outgoing = this.#request(request, wire);
    const destroy = (): void => void outgoing.destroy();
    cancel.addEventListener('abort', destroy, { once: true });
    try {
      const answer = await headOf(outgoing, request.body);
      checkProtocol(answer, this.#where);
      return answer;
    } catch (thrown) {
      cancel.removeEventListener('abort', destroy);
      if (again && request.repeatable && !cancel.aborted && diedWhileIdle(outgoing, thrown)) {
        return await this.#send(request, cancel, false);
      }
      outgoing.destroy();
      throw thrown instanceof FleetError ? thrown : unreachable(this.#where, thrown);
    }
  }

  #request(request: WireRequest, { request: open, agent }: Wire): http.ClientRequest {
    const { method, target } = request;
    try {
      return open({
        ...this.#connection,
        agent,
        method,
        path: target,
        headers: this.#headers(request),
      });
    } catch (cause) {
      throw new FleetError('USAGE', `the request can't be sent: ${messageOf(cause)}`, { cause });
    }
  }

  #headers({ headers, body }: WireRequest): Record<string, string> {
    return {
      ...headers,
      [HEADERS.protocol]: String(PROTOCOL),
      ...('token' in this.#target ? { authorization: `Bearer ${this.#target.token}` } : {}),
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    };
  }

  async #text(answer: http.IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) {
          throw tooLarge();
        }
        chunks.push(chunk);
      }
    } catch (thrown) {
      throw thrown instanceof FleetError ? thrown : unreachable(this.#where, thrown);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}

const tooLarge = (): FleetError =>
  new FleetError('TOO_LARGE', `the engine's answer has more than ${MAX_ANSWER_BYTES} bytes`);

/** Returns the error of an interrupted stream; @see HttpCaller.stream. */
export function brokenOff(what: string, cause: unknown): FleetError {
  return new FleetError('LINK_BROKEN', `${what} was interrupted: ${messageOf(cause)}`, { cause });
}

/** The request function, and the agent that keeps its connections. */
interface Wire {
  readonly request: (options: http.RequestOptions) => http.ClientRequest;
  readonly agent: http.Agent;
}

/**
 * Without TLS there is no server name to send. With an empty one, Node.js does not check whether the host is an
 * address: its regular expression for that takes 10 ms to compile, a tenth of a short command.
 */
const NO_SERVERNAME = { servername: '' };

/** Loads TLS only if it is used: most callers use the socket. */
async function wireOf(target: Target): Promise<Wire> {
  if ('socketPath' in target || !target.url.startsWith('https:'))
    return {
      request: options => http.request({ ...options, ...NO_SERVERNAME }),
      agent: new http.Agent({ keepAlive: true }),
    };
  const [https, tls] = await Promise.all([import('node:https'), import('node:tls')]);
  const trusted = target.ca === undefined ? {} : { ca: [...tls.rootCertificates, target.ca] };
  return {
    request: options => https.request(options),
    agent: new https.Agent({ keepAlive: true, ...trusted }),
  };
}

function hostAndPort(text: string): http.RequestOptions {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new FleetError('USAGE', `'${text}' is not an http or https URL`, { details: { url: text } });
  }
  const usual = url.protocol === 'https:' ? 443 : 80;
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? usual : Number(url.port) };
}

function headOf(outgoing: http.ClientRequest, body: string | undefined): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    // Stays for the life of the request: a refusal may arrive while the body is still being written.
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Returns true if the engine had closed the idle connection, so that the request never arrived. */
function diedWhileIdle(outgoing: http.ClientRequest, thrown: unknown): boolean {
  return outgoing.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(systemCodeOf(thrown) ?? '');
}

function checkProtocol(answer: AnswerHead, where: string): void {
  const theirs = answer.headers[HEADERS.protocol];
  if (theirs === String(PROTOCOL)) return;
  const what =
    theirs === undefined
      ? `the server at ${where} is not a fleet engine`
      : `the engine at ${where} uses protocol ${String(theirs)}, but this client uses protocol ${PROTOCOL}`;
  throw new FleetError('PROTOCOL_MISMATCH', what, {
    details: { engine: theirs ?? null, client: PROTOCOL },
    ...(theirs === undefined ? {} : { hint: 'Use a client and an engine of the same version.' }),
  });
}

function parseAnswer(text: string, answer: AnswerHead, where: string): unknown {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new FleetError('PROTOCOL_MISMATCH', `the engine at ${where} sent an answer that is not JSON`, {
      cause,
    });
  }
  if (answer.statusCode === 200) return document;
  throw errorOf(document, answer.statusCode ?? 0, where);
}

/** Returns the engine's own error, as it threw it. */
export function errorOf(document: unknown, status: number, where: string): FleetError {
  const result = v.safeParse(errorSchema, document);
  if (!result.success) {
    return new FleetError(
      'PROTOCOL_MISMATCH',
      `the engine at ${where} answered with status ${status} and no error document`,
    );
  }
  const { code, message, details, hint } = result.output;
  // A newer engine may have other error codes. The message still names the failure.
  const known = isErrorCode(code);
  return new FleetError(known ? code : 'INTERNAL', message, {
    details: known ? (details ?? {}) : { ...details, code },
    ...(typeof hint === 'string' ? { hint } : {}),
  });
}

const UNTRUSTED = /CERT|LEAF_SIGNATURE/;

function unreachable(where: string, cause: unknown): FleetError {
  const code = systemCodeOf(cause);
  if (code === 'EACCES' || code === 'EPERM') {
    return new FleetError('AUTH_REQUIRED', `this user has no permission to open '${where}'`, { cause });
  }
  if (code !== undefined && UNTRUSTED.test(code)) {
    return new FleetError('UNREACHABLE', `the certificate of ${where} is not trusted: ${messageOf(cause)}`, {
      details: { target: where, reason: code },
      hint: 'Add its issuer to [server] tls_ca in config.toml, or to NODE_EXTRA_CA_CERTS.',
      cause,
    });
  }
  const what = isAbsent(code)
    ? `no engine answers at ${where}`
    : `the connection to the engine at ${where} failed: ${messageOf(cause)}`;
  return new FleetError('UNREACHABLE', what, {
    details: { target: where, reason: code ?? null },
    hint: 'Start one: spl fleet start',
    cause,
  });
}

/** Returns true if no engine received the request: none listens there, or the one that does is not trusted. */
const wasNotDelivered = (reason: unknown): boolean =>
  isAbsent(reason) || (typeof reason === 'string' && UNTRUSTED.test(reason));

/** Returns true if nothing listens there. */
const isAbsent = (code: unknown): boolean => code === 'ECONNREFUSED' || code === 'ENOENT';

/** Returns the error for an engine that had the request and did not come back to answer it. */
function answerLost({ details, cause }: FleetError, againMs: number): FleetError {
  const where = String(details['target']);
  return new FleetError(
    'UNREACHABLE',
    `the engine at ${where} stopped before it answered, and did not return within ${againMs / 1000} s: ` +
      'the command may have run',
    {
      details: { ...details, lost: true },
      hint: 'Start it with spl fleet start, and check what was done before you try again.',
      cause,
    },
  );
}

function timedOut(where: string, timeoutMs: number): FleetError {
  return new FleetError('TIMED_OUT', `the engine at ${where} did not answer within ${timeoutMs / 1000} s`, {
    details: { target: where, timeout_secs: timeoutMs / 1000 },
  });
}

function givenUp(reason: unknown): FleetError {
  return reason instanceof FleetError
    ? reason
    : new FleetError('UNAVAILABLE', 'the call was cancelled', { cause: reason });
}

function destroyOnAbort(answer: http.IncomingMessage, signals: readonly (AbortSignal | undefined)[]): void {
  const { controller, release } = linkedController(signals);
  answer.once('close', release);
  if (controller.signal.aborted) answer.destroy();
  else controller.signal.addEventListener('abort', () => answer.destroy(), { once: true });
}
