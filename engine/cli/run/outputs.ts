import { isUnaccepted, type ChildDocument } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { ReaderGone, type Client } from '../host.ts';
import { LineComposer } from './line-composer.ts';
import { lostLines } from './summary.ts';

export const OUTPUT_MODES = ['stream', 'grouped', 'failed'] as const;
export type OutputMode = (typeof OUTPUT_MODES)[number];

export interface OutputsOptions {
  readonly engine: Pick<Client, 'output'>;
  readonly thread: string;
  readonly mode: OutputMode;
  /** The subtasks as they were; the attempts of those that had ended are not printed. */
  readonly before: readonly ChildDocument[];
  readonly prefixOf: (child: ChildDocument) => string;
  /** Prints whole lines. @throws ReaderGone */
  readonly print: (lines: Uint8Array) => Promise<void>;
}

const keyOf = ({ index, attempt }: ChildDocument): string => `${index}/${attempt}`;

/**
 * Prints the output of a run's subtasks: of each attempt as it comes, or of each subtask at its end. Stops without an
 * error once nobody reads.
 */
export class Outputs {
  readonly #options: OutputsOptions;
  readonly #stop = new AbortController();
  /** The attempts that are printed or were, by `index/attempt`. */
  readonly #known = new Set<string>();
  /** The last print of each subtask, after which its next one begins. */
  readonly #last = new Map<number, Promise<void>>();
  /** The last print of an ended subtask. One at a time is printed. */
  #queue: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  constructor(options: OutputsOptions) {
    this.#options = options;
    for (const child of options.before) if (child.state === 'done') this.#known.add(keyOf(child));
  }

  /** Takes notice of a subtask that has changed. */
  update(child: ChildDocument): void {
    const key = keyOf(child);
    if (child.attempt === 0 || !this.#isDue(child) || this.#known.has(key)) return;
    this.#known.add(key);
    if (child.state !== 'done') {
      const before = this.#last.get(child.index) ?? Promise.resolve();
      this.#last.set(child.index, this.#guarded(before.then(() => this.#print(child))));
    } else {
      const before = this.#last.get(child.index);
      this.#queue = this.#guarded(this.#queue.then(() => before).then(() => this.#print(child)));
    }
  }

  /** Waits until everything is printed. @throws the engine's errors */
  async end(): Promise<void> {
    await Promise.all([...this.#last.values(), this.#queue]);
    if (this.#failure !== null) throw this.#failure;
  }

  /** Prints nothing more. */
  stop(): void {
    this.#stop.abort();
  }

  #isDue(child: ChildDocument): boolean {
    const { mode } = this.#options;
    if (mode === 'stream') return child.state !== 'pending';
    return child.state === 'done' && (mode === 'grouped' || isUnaccepted(child));
  }

  async #print(child: ChildDocument): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { engine, thread, prefixOf, print } = this.#options;
    const { signal } = this.#stop;
    const request = { task: thread, subtask: child.index, attempt: child.attempt, signal };
    const { chunks } = await engine.output({ ...request, follow: child.state !== 'done' });
    const composer = new LineComposer(prefixOf(child));
    for (const line of lostLines(child)) await print(Buffer.from(`${prefixOf(child)}${line}\n`));
    for await (const chunk of chunks) await print(composer.push(chunk));
    await print(composer.end());
  }

  /** Ends all printing at the first failure, and keeps the failure for `end`. */
  async #guarded(printing: Promise<void>): Promise<void> {
    try {
      await printing;
    } catch (thrown) {
      // A worker may have lost an attempt before it wrote anything.
      const isExpected = thrown instanceof ReaderGone || this.#stop.signal.aborted;
      if (!isExpected && !FleetError.is(thrown, 'NOT_FOUND')) this.#failure ??= thrown as Error;
      if (!FleetError.is(thrown, 'NOT_FOUND')) this.stop();
    }
  }
}
