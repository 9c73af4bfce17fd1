import { Worker } from 'node:worker_threads';
import * as v from 'valibot';
import { FleetError, messageOf } from '../../errors.ts';
import { replySchema, unpackError, type Request, type WorkerData } from './protocol.ts';

/** A request without its id. */
export type Question = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

interface Pending {
  readonly id: number;
  readonly onRunning: () => void;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: FleetError) => void;
}

/**
 * Runs the index's thread: starts it at the first question, and again after its death. It takes one question at a time,
 * so that its death affects one asker. It keeps the process alive only while a question is open.
 */
export class ThreadHost {
  readonly #workerFile: string | URL;
  readonly #data: WorkerData;
  #worker: Worker | undefined;
  #pending: Pending | undefined;
  #lastId = 0;

  constructor(workerFile: string | URL, data: WorkerData) {
    this.#workerFile = workerFile;
    this.#data = data;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  get isBusy(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Asks a question; the one before must have been answered.
   * @param onRunning called when the index is up to date and the question itself runs
   * @throws the thread's error; UNAVAILABLE when the thread dies or can't be started; the reason of `kill`.
   */
  ask(question: Question, onRunning: () => void = () => undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      try {
        const worker = (this.#worker ??= this.#start());
        const id = ++this.#lastId;
        this.#pending = { id, onRunning, resolve, reject };
        worker.ref();
        worker.postMessage({ ...question, id } satisfies Request);
      } catch (cause) {
        this.#settle()?.reject(died(cause));
        reject(died(cause));
      }
    });
  }

  /** Ends the thread in any state; an open question is rejected with `reason`. Resolves when the thread is gone. */
  async kill(reason: FleetError): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#settle()?.reject(reason);
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = startWorker(this.#workerFile, this.#data);
    let cause: unknown;
    worker.on('message', message => this.#onMessage(message));
    worker.on('messageerror', error => void this.kill(died(error)));
    worker.on('error', error => (cause = error));
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#settle()?.reject(died(cause));
    });
    return worker;
  }

  #onMessage(message: unknown): void {
    const result = v.safeParse(replySchema, message);
    if (!result.success) {
      void this.kill(died(new Error('it sent an invalid reply')));
      return;
    }
    const reply = result.output;
    if (reply.id !== this.#pending?.id) return;
    if (reply.kind === 'running') this.#pending.onRunning();
    else if (reply.kind === 'answer') this.#settle()?.resolve(reply.answer);
    else this.#settle()?.reject(unpackError(reply.error));
  }

  #settle(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#worker?.unref();
    return pending;
  }
}

/** `execArgv` is empty: some options of an editor's process are invalid for a thread, and the index needs none. */
function startWorker(file: string | URL, workerData: WorkerData): Worker {
  const isSource = String(file).endsWith('.ts');
  const program = isSource ? new URL('thread-from-source.mjs', import.meta.url) : file;
  return new Worker(program, { name: 'spl-index', workerData, execArgv: [] });
}

const died = (cause: unknown): FleetError =>
  new FleetError(
    'UNAVAILABLE',
    `the index's thread ended: ${cause === undefined ? 'no reason given' : messageOf(cause)}`,
    {
      cause,
    },
  );
