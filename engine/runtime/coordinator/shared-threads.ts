import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../../operations/engine.ts';
import { writeSnapshot } from '../../operations/snapshot-writer.ts';
import { FleetError, messageOf } from '../../errors.ts';
import type { SharedThread } from '../../domain/model/record-bodies.ts';
import { syncFolder, writeStreamAtomically } from '../../home/files.ts';
import type { Logger } from '../logger.ts';

export interface SharedThreadsOptions {
  readonly engine: Pick<Engine, 'report' | 'watch'>;
  /** The private folder of the files. Other files in it are removed. */
  readonly folder: string;
  readonly logger: Logger;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
}

/** The minimum pause between two writes of a thread's file, in milliseconds. */
const REST_MS = 1_000;
/** The minimum pause as a multiple of the time that the last write took. */
const REST_FACTOR = 9;
/** The maximum size of a thread's file, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Mirrors threads as files, for processes without a connection; each is a snapshot of its thread. Files are written
 * atomically, so that readers never see half of one.
 */
export class SharedThreads {
  readonly #options: SharedThreadsOptions;
  readonly #kept = new Map<string, Kept>();
  #closed = false;
  /** Resolves when the files of the last `set` exist. */
  #choosing: Promise<void> = Promise.resolve();

  constructor(options: SharedThreadsOptions) {
    this.#options = options;
  }

  /** Shares exactly these threads. Resolves when each has its file, or the program log has the reason why not. */
  set(threads: readonly SharedThread[]): Promise<void> {
    this.#choosing = this.#choosing.then(() => this.#set(threads));
    return this.#choosing;
  }

  /** Stops writing. The files stay. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#choosing;
    await this.#end([...this.#kept.keys()]);
  }

  async #set(threads: readonly SharedThread[]): Promise<void> {
    if (this.#closed) return;
    const wanted = new Map(threads.map(shared => [keyOf(shared), shared]));
    await this.#end([...this.#kept.keys()].filter(key => !wanted.has(key)));
    try {
      await this.#clear(threads);
    } catch (error) {
      this.#options.logger.error(`threads are not shared: ${messageOf(error)}`);
      return;
    }
    for (const [key, shared] of wanted) if (!this.#kept.has(key)) this.#kept.set(key, this.#keep(shared));
    await Promise.all(Array.from(this.#kept.values(), ({ first }) => first));
  }

  /** Makes the folder, and removes files of other threads and the remains of a killed process. */
  async #clear(threads: readonly SharedThread[]): Promise<void> {
    const { folder } = this.#options;
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    const files = new Set(threads.map(({ name }) => `${name}.jsonl`));
    for (const file of await fs.readdir(folder))
      if (!files.has(file)) await fs.rm(path.join(folder, file), { recursive: true, force: true });
    await syncFolder(folder);
  }

  #keep({ name, thread }: SharedThread): Kept {
    const abort = new AbortController();
    let isThere = (): void => {};
    const first = new Promise<void>(resolve => (isThere = resolve));
    const over = this.#follow(name, thread, isThere, abort.signal)
      .catch((error: unknown) => this.#refuse(name, error, abort.signal))
      .finally(isThere);
    return { first, over, abort };
  }

  async #follow(name: string, thread: string, isThere: () => void, signal: AbortSignal): Promise<void> {
    // The watch starts before the first write, so that no record in between is missed.
    const events = this.#options.engine.watch({ thread, kinds: ['record'], signal });
    let end = await this.#write(name, thread);
    isThere();
    for await (const event of events) {
      if (event.kind === 'record' && event.position < end) continue;
      const began = performance.now();
      end = await this.#write(name, thread);
      const restMs = Math.max(REST_MS, (performance.now() - began) * REST_FACTOR);
      await delay(restMs, undefined, { signal });
    }
  }

  /** @returns the position of the log's end. @throws TOO_LARGE */
  async #write(name: string, thread: string): Promise<number> {
    let bytes = 0;
    const { end } = await writeStreamAtomically(this.#fileOf(name), 0o600, write =>
      writeSnapshot(this.#options.engine, [thread], this.#options.now() / 1000, line => {
        bytes += Buffer.byteLength(line);
        if (bytes > MAX_BYTES) throw new FleetError('TOO_LARGE', `it has more than ${MAX_BYTES} bytes`);
        return write(line);
      }),
    );
    return end;
  }

  /** Stops sharing a thread that can't be kept up to date, and removes its outdated file. */
  async #refuse(name: string, error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed) return;
    this.#options.logger.error(`thread ${name} is shared no more: ${messageOf(error)}`);
    await fs.rm(this.#fileOf(name), { force: true }).catch(() => undefined);
  }

  async #end(keys: readonly string[]): Promise<void> {
    const ending = keys.map(key => this.#kept.get(key)!);
    for (const key of keys) this.#kept.delete(key);
    for (const { abort } of ending) abort.abort();
    await Promise.all(ending.map(({ over }) => over));
  }

  #fileOf(name: string): string {
    return path.join(this.#options.folder, `${name}.jsonl`);
  }
}

/** Returns a key of name and thread: an alias may refer to another thread later. */
const keyOf = ({ name, thread }: SharedThread): string => `${name} ${thread}`;

interface Kept {
  /** Resolves when its file exists, or can't be written. */
  readonly first: Promise<void>;
  readonly over: Promise<void>;
  readonly abort: AbortController;
}
