import { Worker } from 'node:worker_threads';
import * as v from 'valibot';
import { FleetError, messageOf } from '../errors.ts';
import { homePaths } from '../home/paths.ts';
import { resolveSocket } from '../home/socket.ts';
import { connect, type ConnectOptions, type EngineClient } from './client.ts';
import { errorOf } from './http-call.ts';
import { threadMessageSchema, type CloseMessage, type ThreadData } from './thread-protocol.ts';

export interface CoordinatorThreadOptions extends ThreadData {
  /** The absolute path of the built file `coordinator-thread.js`. */
  readonly file: string;
  /** The options of the client. */
  readonly client: ConnectOptions;
  readonly logger: { info(message: string): void; error(message: string): void };
}

/** A coordinator in a thread of this process. It holds the home's lease. */
export interface CoordinatorThread {
  readonly client: EngineClient;
  /** The messages for people: a port that was taken, a log that was cut. */
  readonly notes: readonly string[];
  /** Resolves when the coordinator was asked to stop, and rejects when it cannot go on. Close it after either. */
  readonly ended: Promise<void>;
  /** Releases the home. The workers go on. */
  close(): Promise<void>;
}

/**
 * Opens the home in a thread of this process. The coordinator never blocks this process's event loop, nor the other way
 * round.
 * @throws FleetError like `openCoordinator`: LEASE_HELD if another process holds the lease; UNAVAILABLE if the thread
 * dies
 */
export async function coordinatorThread(options: CoordinatorThreadOptions): Promise<CoordinatorThread> {
  const thread = new Thread(options);
  const notes = await thread.opened;
  try {
    const client = connect({ socketPath: await resolveSocket(homePaths(options.home)) }, options.client);
    const close = async (): Promise<void> => {
      // The client closes last, because the answer to the stop request is still on its way.
      await thread.close();
      await client.close();
    };
    return { client, notes, ended: thread.ended, close };
  } catch (thrown) {
    await thread.close();
    throw thrown;
  }
}

/** The messages of the thread as promises. */
class Thread {
  readonly #worker: Worker;
  readonly #logger: CoordinatorThreadOptions['logger'];
  readonly #gone: Promise<void>;
  /** The messages for people, once the home is served. */
  readonly opened: Promise<readonly string[]>;
  readonly ended: Promise<void>;
  #onOpen: (notes: readonly string[]) => void = () => undefined;
  #onStop: () => void = () => undefined;
  #onFault: (error: FleetError) => void = () => undefined;

  constructor({ file, home, workerPriority, logger }: CoordinatorThreadOptions) {
    const workerData: ThreadData = { home, workerPriority };
    // Some options of an editor's process are invalid for a thread.
    const worker = new Worker(file, { name: 'spl-coordinator', workerData, execArgv: [] });
    this.#worker = worker;
    this.#logger = logger;
    const fault = new Promise<never>((_resolve, reject) => (this.#onFault = reject));
    this.opened = Promise.race([new Promise<readonly string[]>(resolve => (this.#onOpen = resolve)), fault]);
    this.ended = Promise.race([new Promise<void>(resolve => (this.#onStop = resolve)), fault]);
    // Prevents an unhandled rejection while nothing awaits it yet.
    this.ended.catch(() => undefined);
    this.#gone = new Promise(resolve => worker.once('exit', () => resolve()));
    worker.on('message', (message: unknown) => this.#onMessage(message));
    worker.on('error', error => this.#onFault(died(error)));
    worker.on('exit', () => this.#onFault(died(undefined)));
  }

  /** Makes the thread release the home. Resolves when the thread is gone. */
  async close(): Promise<void> {
    this.#worker.postMessage({ kind: 'close' } satisfies CloseMessage);
    await this.#gone;
  }

  #onMessage(message: unknown): void {
    const word = v.parse(threadMessageSchema, message);
    switch (word.kind) {
      case 'log':
        return this.#logger[word.level](word.message);
      case 'open':
        return this.#onOpen(word.notes);
      case 'stopped':
        return word.error === null ? this.#onStop() : this.#onFault(errorOf(word.error, 500, WHERE));
      case 'refused':
        return this.#onFault(errorOf(word.error, 500, WHERE));
    }
  }
}

const WHERE = 'the thread of the coordinator';

const died = (cause: unknown): FleetError =>
  new FleetError(
    'UNAVAILABLE',
    `${WHERE} ended: ${cause === undefined ? 'no reason given' : messageOf(cause)}`,
    {
      cause,
      hint: 'Running attempts continue. See the log of the extension for the cause.',
    },
  );
