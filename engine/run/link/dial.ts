import { randomBytes } from 'node:crypto';
import * as http from 'node:http';
import type { Duplex } from 'node:stream';
import { PROTOCOL, VERSION } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import type { ToCoordinator, ToWorker } from '../../fleet/messages.ts';
import type { Did } from '../../record/ids.ts';
import { signChallenge, Verifier, type InstanceKey } from '../../record/signing.ts';
import { Connection } from './connection.ts';
import {
  challengeSchema,
  decode,
  decodeToWorker,
  requireProtocol,
  welcomeSchema,
  type Identify,
  type Signed,
} from './frames.ts';

/** Where a coordinator listens: its socket, or its port with the token for it. */
export type CoordinatorAddress =
  { readonly socketPath: string } | { readonly url: string; readonly token: string };

export interface DialOptions {
  readonly address: CoordinatorAddress;
  readonly key: InstanceKey;
  /** The only coordinator that this worker obeys. */
  readonly coordinator: Did;
  readonly signal: AbortSignal;
  readonly onMessage: (message: Signed<ToWorker>) => void;
  readonly onClose: (error: Error | undefined) => void;
}

export interface CoordinatorPeer {
  readonly heartbeatMs: number;
  send(message: ToCoordinator): void;
  /** Sends what is still to be sent, then ends. */
  end(): Promise<void>;
}

/**
 * The worker's side of a link: connects, proves who it is and has the coordinator prove the same.
 * @throws UNREACHABLE, LINK_BROKEN, PROTOCOL_MISMATCH; AUTH_REQUIRED when another coordinator answers.
 */
export async function dial(options: DialOptions): Promise<CoordinatorPeer> {
  const connection = new Connection(await upgrade(options), options.key);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => connection.close(silent()), HANDSHAKE_MS);
    connection.onClose = error => {
      clearTimeout(timer);
      reject(error ?? new FleetError('LINK_BROKEN', 'the coordinator closed the link during the handshake'));
    };
    connection.onLine = text => {
      const verifier = identify(connection, text, options);
      connection.onLine = answer => {
        const welcome = decode(welcomeSchema, answer);
        if (!verifier.proves(welcome.proof))
          throw new FleetError('AUTH_REQUIRED', 'the coordinator did not prove that it holds its key');
        clearTimeout(timer);
        connection.onLine = text_ => options.onMessage(decodeToWorker(text_, verifier.keys));
        connection.onClose = options.onClose;
        resolve({
          heartbeatMs: welcome.heartbeat_interval_ms,
          send: message => connection.send(message),
          end: () => connection.end(),
        });
      };
    };
  });
}

function identify(
  connection: Connection,
  text: string,
  options: DialOptions,
): { keys: Verifier; proves: (proof: string) => boolean } {
  const challenge = decode(challengeSchema, text);
  requireProtocol(challenge.protocol);
  const keys = new Verifier(challenge.public_key);
  if (keys.did !== options.coordinator) {
    throw new FleetError(
      'AUTH_REQUIRED',
      `${keys.did} answers, and this worker belongs to ${options.coordinator}`,
    );
  }
  const nonce = randomBytes(32).toString('base64url');
  const { did, publicKey } = options.key;
  const frame: Identify = {
    type: 'identify',
    protocol: PROTOCOL,
    did,
    public_key: publicKey,
    nonce,
    proof: signChallenge(options.key, challenge.nonce),
    version: VERSION,
  };
  connection.sendFrame(frame);
  return { keys, proves: proof => keys.verifiesChallenge(proof, nonce) };
}

/** How long a coordinator may take to answer. */
const HANDSHAKE_MS = 10_000;
const silent = (): FleetError => new FleetError('TIMED_OUT', 'the coordinator does not answer');

function upgrade({ address, signal }: DialOptions): Promise<Duplex> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'spl-link',
    Host: 'localhost',
    'Spl-Protocol': String(PROTOCOL),
  };
  const request =
    'socketPath' in address
      ? http.request({ socketPath: address.socketPath, path: '/v1/link', headers, agent: false })
      : http.request(new URL('/v1/link', address.url), {
          headers: { ...headers, Authorization: `Bearer ${address.token}` },
          agent: false,
        });
  return new Promise((resolve, reject) => {
    const giveUp = (): void => void request.destroy(silent());
    const timer = setTimeout(giveUp, HANDSHAKE_MS);
    signal.addEventListener('abort', giveUp, { once: true });
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    request.once('close', settled);
    request.once('upgrade', (_response, socket, head) => {
      settled();
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('response', response => {
      response.resume();
      reject(
        new FleetError('UNREACHABLE', `the coordinator answered the link with status ${response.statusCode}`),
      );
    });
    request.once('error', cause =>
      reject(new FleetError('UNREACHABLE', `no coordinator answers: ${cause.message}`, { cause })),
    );
    request.end();
  });
}
