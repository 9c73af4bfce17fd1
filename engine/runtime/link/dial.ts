import { randomBytes } from 'node:crypto';
import * as http from 'node:http';
import type { Duplex } from 'node:stream';
import { PROTOCOL, VERSION } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import type { ToCoordinator, ToWorker } from '../../domain/model/messages.ts';
import type { Did } from '../../record/ids.ts';
import { signChallenge, Verifier, type InstanceKey } from '../../record/signing.ts';
import { Connection } from './connection.ts';
import {
  answerSchema,
  challengeSchema,
  decode,
  decodeToWorker,
  proofText,
  requireProtocol,
  type Identify,
  type Signed,
} from './frames.ts';

/** The address of a coordinator: its socket, or its port with the token for it. */
export type CoordinatorAddress =
  { readonly socketPath: string } | { readonly url: string; readonly token: string };

export interface DialOptions {
  readonly address: CoordinatorAddress;
  readonly key: InstanceKey;
  /** The coordinator that this worker accepts. */
  readonly coordinator: Did;
  readonly signal: AbortSignal;
  readonly onMessage: (message: Signed<ToWorker>) => void;
  readonly onClose: (error: Error | undefined) => void;
  /** The time that a coordinator may take for the upgrade, and again for the handshake, in ms. Default: 10 s. */
  readonly handshakeMs?: number;
}

export interface CoordinatorPeer {
  readonly heartbeatMs: number;
  send(message: ToCoordinator): void;
  /** Encodes and signs a message now. @returns sends it. */
  prepare(message: ToCoordinator): () => void;
  /** Sends the queue, then ends. */
  end(): Promise<void>;
}

/**
 * Connects a worker to its coordinator: each side proves its identity to the other.
 * @throws UNREACHABLE, also when the signal aborts; LINK_BROKEN, PROTOCOL_MISMATCH; AUTH_REQUIRED when another
 * coordinator answers.
 */
export async function dial(options: DialOptions): Promise<CoordinatorPeer> {
  const { signal, handshakeMs = HANDSHAKE_MS } = options;
  const connection = new Connection(await upgrade(options), options.key);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => connection.close(noAnswer()), handshakeMs);
    const giveUp = (): void => connection.close(dialCancelled());
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    connection.onClose = error => {
      settled();
      reject(error ?? new FleetError('LINK_BROKEN', 'the coordinator closed the link during the handshake'));
    };
    signal.addEventListener('abort', giveUp);
    if (signal.aborted) return giveUp();
    connection.onLine = text => {
      const proof = identify(connection, text, options);
      connection.onLine = answer => {
        const heartbeatMs = welcomed(answer, proof);
        settled();
        connection.trust();
        connection.onLine = line => options.onMessage(decodeToWorker(line, proof.verifier, options.key.did));
        connection.onClose = options.onClose;
        resolve({
          heartbeatMs,
          send: message => connection.send(message),
          prepare: message => connection.prepare(message),
          end: () => connection.end(),
        });
      };
    };
  });
}

/** The text that the coordinator has to sign, and the check of its signature. */
interface Expected {
  readonly verifier: Verifier;
  readonly text: string;
}

function identify(connection: Connection, text: string, options: DialOptions): Expected {
  const challenge = decode(challengeSchema, text);
  requireProtocol(challenge.protocol);
  const verifier = new Verifier(challenge.public_key);
  if (verifier.did !== options.coordinator) {
    throw new FleetError(
      'AUTH_REQUIRED',
      `the coordinator is ${verifier.did}, but this worker belongs to ${options.coordinator}`,
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
    proof: signChallenge(options.key, proofText(did, verifier.did, challenge.nonce)),
    version: VERSION,
  };
  connection.sendFrame(frame);
  return { verifier, text: proofText(verifier.did, did, nonce) };
}

/** @returns the coordinator's interval of heartbeats, in milliseconds. */
function welcomed(answer: string, { verifier, text }: Expected): number {
  const frame = decode(answerSchema, answer);
  if (frame.type === 'refused')
    throw new FleetError('LINK_BROKEN', `the coordinator refused the link: ${frame.message}`, {
      details: { code: frame.code },
    });
  if (!verifier.verifiesChallenge(frame.proof, text))
    throw new FleetError('AUTH_REQUIRED', 'the coordinator did not prove that it holds its key');
  return frame.heartbeat_interval_ms;
}

const HANDSHAKE_MS = 10_000;
const noAnswer = (): FleetError => new FleetError('UNREACHABLE', 'the coordinator does not answer');
const dialCancelled = (): FleetError =>
  new FleetError('UNREACHABLE', 'the connection to the coordinator was cancelled');

function upgrade({ address, signal, handshakeMs = HANDSHAKE_MS }: DialOptions): Promise<Duplex> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'spl-link',
    Host: 'localhost',
    'Spl-Protocol': String(PROTOCOL),
  };
  const request =
    'socketPath' in address
      ? http.request({
          // Without a name, Node.js checks the host for an address, and needs 10 ms to prepare for that.
          ...{ servername: '', socketPath: address.socketPath, path: '/v1/link', headers, agent: false },
        })
      : http.request(new URL('/v1/link', address.url), {
          headers: { ...headers, Authorization: `Bearer ${address.token}` },
          agent: false,
        });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => request.destroy(noAnswer()), handshakeMs);
    const giveUp = (): void => void request.destroy(dialCancelled());
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    signal.addEventListener('abort', giveUp);
    if (signal.aborted) giveUp();
    request.once('upgrade', (_response, socket, head) => {
      settled();
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('response', response => {
      settled();
      request.destroy();
      reject(
        new FleetError('UNREACHABLE', `the coordinator answered the link with status ${response.statusCode}`),
      );
    });
    request.on('error', cause => {
      settled();
      reject(
        cause instanceof FleetError
          ? cause
          : new FleetError('UNREACHABLE', `no coordinator answers: ${cause.message}`, { cause }),
      );
    });
    request.end();
  });
}
