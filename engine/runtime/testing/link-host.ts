import * as http from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { ToCoordinator } from '../../domain/model/messages.ts';
import type { Did } from '../../record/ids.ts';
import { generateKey, type InstanceKey } from '../../record/signing.ts';
import { acceptLink, type WorkerPeer } from '../link/accept.ts';
import type { Signed } from '../link/frames.ts';

/** A queue that a test waits on: what was put in and not yet taken out, in order. */
export class Inbox<T> {
  readonly #items: T[] = [];
  #wake: (() => void) | undefined;

  put(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** The next one, once it is there. */
  async next(): Promise<T> {
    while (this.#items.length === 0) await new Promise<void>(resolve => (this.#wake = resolve));
    return this.#items.shift()!;
  }

  /** The next one of this kind; what comes before it is dropped. */
  async nextOf<S extends T>(isWanted: (item: T) => item is S): Promise<S> {
    for (;;) {
      const item = await this.next();
      if (isWanted(item)) return item;
    }
  }

  /** Takes all items that are there now. */
  take(): T[] {
    return this.#items.splice(0);
  }
}

export interface Closed {
  readonly peer: WorkerPeer;
  readonly error: Error | undefined;
}

/** The door of a coordinator and nothing behind it: what comes through is put into inboxes. */
export interface LinkHost {
  readonly key: InstanceKey;
  readonly socketPath: string;
  readonly opened: Inbox<WorkerPeer>;
  readonly messages: Inbox<Signed<ToCoordinator>>;
  readonly closed: Inbox<Closed>;
  readonly refused: Inbox<string>;
  /** The raw ends of the connections that were made, oldest first. */
  readonly sockets: readonly Duplex[];
  close(): Promise<void>;
}

export interface LinkHostOptions {
  readonly key?: InstanceKey;
  readonly heartbeatMs?: number;
  readonly handshakeMs?: number;
  /** The public keys of those that are admitted. */
  readonly admitted: ReadonlyMap<Did, string>;
  readonly onMessage?: (peer: WorkerPeer, message: Signed<ToCoordinator>) => void;
  /** Another way to take a connection than a coordinator's. */
  readonly upgrade?: (socket: Duplex) => void;
}

export async function linkHost(options: LinkHostOptions): Promise<LinkHost> {
  const { key = generateKey(), heartbeatMs = 60_000, admitted, onMessage, upgrade } = options;
  const folder = await mkdtemp(join(tmpdir(), 'spl-link-'));
  const socketPath = join(folder, 's');
  const opened = new Inbox<WorkerPeer>();
  const messages = new Inbox<Signed<ToCoordinator>>();
  const closed = new Inbox<Closed>();
  const refused = new Inbox<string>();
  const sockets: Duplex[] = [];
  const server = http.createServer();
  server.on('upgrade', (_request, socket: Duplex, head: Buffer) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    if (upgrade !== undefined) return upgrade(socket);
    acceptLink(socket, head, {
      key,
      heartbeatMs,
      publicKeyOf: did => admitted.get(did),
      onOpen: peer => opened.put(peer),
      onMessage: (peer, message) => {
        onMessage?.(peer, message);
        messages.put(message);
      },
      onClose: (peer, error) => closed.put({ peer, error }),
      onRefused: message => refused.put(message),
      ...(options.handshakeMs === undefined ? {} : { handshakeMs: options.handshakeMs }),
    });
  });
  await new Promise<void>(resolve => server.listen(socketPath, resolve));
  return {
    key,
    socketPath,
    opened,
    messages,
    closed,
    refused,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>(resolve => server.close(() => resolve()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
