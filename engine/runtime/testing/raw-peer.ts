import * as http from 'node:http';
import type { Duplex } from 'node:stream';
import { PROTOCOL, VERSION } from '../../contract/engine.ts';
import { signChallenge, type InstanceKey } from '../../record/signing.ts';
import { proofText, type Challenge, type Identify } from '../link/frames.ts';
import { readLines } from '../link/lines.ts';
import { Inbox } from './link-host.ts';

/** A peer that says what a test has it say, byte by byte. */
export interface RawPeer {
  readonly socket: Duplex;
  /** The lines that came, and null at the end. */
  readonly lines: Inbox<string | null>;
  write(line: string): void;
  sendFrame(frame: object): void;
  /** The next frame, which must come. */
  next(): Promise<Record<string, unknown>>;
  /** Settled when the other side has closed. */
  ended(): Promise<void>;
}

/** Upgrades a connection to a link, and says nothing. */
export function rawPeer(socketPath: string): Promise<RawPeer> {
  return new Promise((resolve, reject) => {
    const headers = { Connection: 'Upgrade', Upgrade: 'spl-link', Host: 'localhost' };
    const request = http.get({ socketPath, path: '/v1/link', headers, agent: false });
    request.once('error', reject);
    request.once('upgrade', (_response, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(peerOn(socket));
    });
  });
}

function peerOn(socket: Duplex): RawPeer {
  const lines = new Inbox<string | null>();
  const closed = new Promise<void>(resolve => socket.once('close', resolve));
  socket.on('error', () => socket.destroy());
  socket.once('close', () => lines.put(null));
  readLines(socket, { maxBytes: () => Infinity, onLine: line => lines.put(line), onError: () => {} });
  return {
    socket,
    lines,
    write: line => void socket.write(`${line}\n`),
    sendFrame: frame => void socket.write(`${JSON.stringify(frame)}\n`),
    next: async () => {
      const text = await lines.next();
      if (text === null) throw new Error('the link is closed');
      return JSON.parse(text) as Record<string, unknown>;
    },
    ended: () => closed,
  };
}

/** Returns the answer of a worker to a challenge. */
export function identify(key: InstanceKey, challenge: Challenge, changes: Partial<Identify> = {}): Identify {
  return {
    type: 'identify',
    protocol: PROTOCOL,
    did: key.did,
    public_key: key.publicKey,
    nonce: 'bm9uY2U',
    proof: signChallenge(key, proofText(key.did, challenge.did, challenge.nonce)),
    version: VERSION,
    ...changes,
  };
}

/** A peer that has gone through the handshake as a worker does. */
export async function admittedPeer(socketPath: string, key: InstanceKey): Promise<RawPeer> {
  const peer = await rawPeer(socketPath);
  peer.sendFrame(identify(key, (await peer.next()) as unknown as Challenge));
  const answer = await peer.next();
  if (answer['type'] !== 'welcome') throw new Error(`refused: ${JSON.stringify(answer)}`);
  return peer;
}
