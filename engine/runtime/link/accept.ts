import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROTOCOL } from '../../contract/engine.ts';
import { FleetError, messageOf } from '../../errors.ts';
import type { ToCoordinator, ToWorker } from '../../domain/model/messages.ts';
import type { Did } from '../../record/ids.ts';
import { signChallenge, Verifier, type InstanceKey } from '../../record/signing.ts';
import { Connection } from './connection.ts';
import {
  decode,
  decodeToCoordinator,
  identifySchema,
  proofText,
  requireProtocol,
  type Challenge,
  type Identify,
  type Signed,
  type Welcome,
} from './frames.ts';

/** A worker that has proved its identity. */
export interface WorkerPeer {
  readonly did: Did;
  readonly version: string;
  send(message: ToWorker): void;
  /** Encodes and signs a message now. @returns sends it. */
  prepare(message: ToWorker): () => void;
  close(): void;
}

export interface AcceptOptions {
  readonly key: InstanceKey;
  readonly heartbeatMs: number;
  /** Returns the public key of a worker of this fleet; undefined for any other DID. */
  readonly publicKeyOf: (did: Did) => string | undefined;
  readonly onOpen: (peer: WorkerPeer) => void;
  readonly onMessage: (peer: WorkerPeer, message: Signed<ToCoordinator>) => void;
  readonly onClose: (peer: WorkerPeer, error: Error | undefined) => void;
  /** Called with the reason of a refused link. */
  readonly onRefused: (message: string) => void;
  /** The time that a peer may take to identify itself, in ms. Default: 10 s. */
  readonly handshakeMs?: number;
}

const HANDSHAKE_MS = 10_000;

/** The coordinator's side of `Upgrade: spl-link`: challenges the peer, and lets an admitted worker in. */
export function acceptLink(socket: Duplex, head: Buffer, options: AcceptOptions): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: spl-link\r\n\r\n');
  if (head.length > 0) socket.unshift(head);
  const connection = new Connection(socket, options.key);
  const nonce = randomBytes(32).toString('base64url');
  const timer = setTimeout(
    () => connection.close(new FleetError('TIMED_OUT', 'the peer did not identify itself')),
    options.handshakeMs ?? HANDSHAKE_MS,
  );
  connection.onClose = error => {
    clearTimeout(timer);
    if (error !== undefined) options.onRefused(error.message);
  };
  const { did, publicKey } = options.key;
  const challenge: Challenge = { type: 'challenge', protocol: PROTOCOL, did, public_key: publicKey, nonce };
  connection.sendFrame(challenge);
  connection.onLine = text => {
    clearTimeout(timer);
    // One attempt per connection.
    connection.onLine = () => {};
    try {
      admit(connection, decode(identifySchema, text), nonce, options);
    } catch (error) {
      options.onRefused(messageOf(error));
      const code = error instanceof FleetError ? error.code : 'INTERNAL';
      connection.sendFrame({ type: 'refused', code, message: messageOf(error) });
      void connection.end();
    }
  };
}

function admit(connection: Connection, peerFrame: Identify, nonce: string, options: AcceptOptions): void {
  requireProtocol(peerFrame.protocol);
  const self = options.key.did;
  const publicKey = options.publicKeyOf(peerFrame.did);
  if (peerFrame.did === self || publicKey === undefined || publicKey !== peerFrame.public_key) {
    throw new FleetError('SCOPE_FORBIDDEN', `${peerFrame.did} does not belong to this fleet`, {
      details: { did: peerFrame.did },
    });
  }
  const verifier = new Verifier(publicKey);
  if (!verifier.verifiesChallenge(peerFrame.proof, proofText(peerFrame.did, self, nonce)))
    throw new FleetError('AUTH_REQUIRED', `${peerFrame.did} did not prove that it holds its key`);
  const welcome: Welcome = {
    type: 'welcome',
    proof: signChallenge(options.key, proofText(self, peerFrame.did, peerFrame.nonce)),
    heartbeat_interval_ms: options.heartbeatMs,
  };
  connection.sendFrame(welcome);
  connection.trust();
  const peer: WorkerPeer = {
    did: peerFrame.did,
    version: peerFrame.version,
    send: message => connection.send(message),
    prepare: message => connection.prepare(message),
    close: () => connection.close(),
  };
  connection.onLine = text => options.onMessage(peer, decodeToCoordinator(text, verifier));
  connection.onClose = error => options.onClose(peer, error);
  options.onOpen(peer);
}

/** The signature of `http.Server`'s upgrade, for the server that carries the link. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
