import type { IncomingMessage } from 'node:http';
import * as net from 'node:net';

/** The head of an answer, as `node:http` has it. */
export type AnswerHead = Pick<IncomingMessage, 'statusCode' | 'headers'>;

export interface BareRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface BareAnswer {
  readonly head: AnswerHead;
  readonly text: string;
}

/** The longest body, in characters: the engine takes it before it can refuse it. */
const MAX_BODY = 64 * 1024;

/** Returns true if a request needs none of the care of `node:http`: it is short, and nothing in it can end a line. */
export function canGoBare({ target, headers, body = '' }: BareRequest): boolean {
  const texts = [target, ...Object.values(headers)];
  return body.length <= MAX_BODY && texts.every(text => /^[\x20-\x7e]*$/.test(text));
}

/**
 * Sends one request over a connection of its own, and reads the whole answer. A short command does so because loading
 * `node:http` takes a quarter of its time. The signal destroys the connection.
 * @throws the error of the connection; ECONNRESET if it ends before the answer does; `tooLarge` beyond `maxBytes`
 */
export function callBare(
  socketPath: string,
  request: BareRequest,
  cancel: AbortSignal,
  { maxBytes, tooLarge }: { readonly maxBytes: number; readonly tooLarge: () => Error },
): Promise<BareAnswer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path: socketPath });
    const destroy = (): void => void socket.destroy();
    cancel.addEventListener('abort', destroy, { once: true });
    const chunks: Buffer[] = [];
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) socket.destroy(tooLarge());
    });
    socket.on('error', reject);
    socket.on('close', () => {
      cancel.removeEventListener('abort', destroy);
      const answer = parse(Buffer.concat(chunks));
      if (answer === undefined) reject(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
      else resolve(answer);
    });
    socket.write(textOf(request));
  });
}

function textOf({ method, target, headers, body = '' }: BareRequest): string {
  const lines = Object.entries({ host: 'localhost', connection: 'close', ...headers });
  return `${method} ${target} HTTP/1.1\r\n${lines.map(line => `${line.join(': ')}\r\n`).join('')}\r\n${body}`;
}

const END_OF_HEAD = '\r\n\r\n';

/** Returns undefined for an answer without its end. */
function parse(bytes: Buffer): BareAnswer | undefined {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end === -1) return undefined;
  const [status = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map(line => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const body = bytes.subarray(end + END_OF_HEAD.length);
  const length = headers['content-length'];
  if (length !== undefined && body.length < Number(length)) return undefined;
  return { head: { statusCode: Number(status.split(' ')[1]), headers }, text: body.toString('utf8') };
}
