import type { ChildBody, Reusable } from '../../domain/model/record-bodies.ts';
import { messageOf } from '../../errors.ts';
import { cancelReason, withoutCommand } from '../executors/ending.ts';
import type { AttemptResult } from '../executors/executor.ts';
import type { Clock } from '../clock.ts';
import { Fingerprints, type FilesOf } from './fingerprints.ts';

/** A delivery whose subtask has inputs, as its attempt begins. */
export interface ReuseRequest {
  readonly body: Pick<ChildBody, 'dir' | 'inputs' | 'outputs' | 'reuse' | 'independent' | 'parent_thread'>;
  /** The time at which the worker received it, by the worker's clock, in ms. */
  readonly receivedAt: number;
  readonly signal: AbortSignal;
}

export interface ReuseOptions {
  readonly clock: Clock;
  /** Called when the files of a subtask cannot be compared, so that it runs. */
  readonly onFault: (message: string) => void;
  /** The time of the file system, in ms since 1970. Default: the time of this machine. */
  readonly fileTime?: () => number;
}

const NEVER = new AbortController().signal;

/** The number of fan-outs whose first deliveries are remembered. */
const MAX_FAN_OUTS = 1_000;

/** Runs an attempt only where no accepted attempt had the same declared files. */
export class Reuse {
  readonly #options: ReuseOptions;
  readonly #fingerprints: Fingerprints;
  /** The times at which the first delivery of each fan-out came, the oldest first. */
  readonly #firstOf = new Map<string, number>();

  constructor(options: ReuseOptions) {
    this.#options = options;
    this.#fingerprints = new Fingerprints(options.clock, options.fileTime);
  }

  /** Returns the result of an attempt that waits, if it need not run; undefined where it has to. Never rejects. */
  async reusedBefore({ body, receivedAt }: Omit<ReuseRequest, 'signal'>): Promise<AttemptResult | undefined> {
    const request = { body, receivedAt, signal: NEVER };
    const files = filesOf(request);
    if (files === null || body.reuse === undefined) return undefined;
    const reusable = await this.#reusable(request, files, await this.#inputsOf(request, files));
    return reusable && reusedResult(reusable);
  }

  /** @param run runs the attempt; null: it could not begin */
  async resultOf(
    request: ReuseRequest,
    run: () => AttemptResult | Promise<AttemptResult | null>,
  ): Promise<AttemptResult | null> {
    const files = filesOf(request);
    if (files === null) return run();
    const inputs = await this.#inputsOf(request, files);
    const reusable = await this.#reusable(request, files, inputs);
    if (request.signal.aborted) return withoutCommand('cancelled', cancelReason(request.signal));
    if (reusable !== undefined) return reusedResult(reusable);
    const result = await run();
    if (result?.verdict !== 'accept') return result;
    const digests = await this.#tryTo(request, () => this.#digestsAfter(files, inputs));
    return digests === null ? result : { ...result, digests };
  }

  #inputsOf(request: ReuseRequest, { inputs }: DeclaredFiles): Promise<string | null> {
    return this.#tryTo(request, () => this.#fingerprints.inputs(inputs, this.#sinceOf(request)));
  }

  /**
   * Returns the time, by the worker's clock, before which everything happened that the attempt waited for. For an
   * independent one that is the opening of its fan-out.
   */
  #sinceOf({ body: { independent, parent_thread: thread }, receivedAt }: ReuseRequest): number {
    const first = this.#firstOf.get(thread);
    if (first !== undefined) return independent === true ? first : receivedAt;
    this.#firstOf.set(thread, receivedAt);
    if (this.#firstOf.size > MAX_FAN_OUTS) this.#firstOf.delete(this.#firstOf.keys().next().value!);
    return receivedAt;
  }

  /** Returns the candidate that had these inputs, and whose outputs are as it left them. */
  async #reusable(
    request: ReuseRequest,
    files: DeclaredFiles,
    inputs: string | null,
  ): Promise<Reusable | undefined> {
    const candidates = (request.body.reuse ?? []).filter(({ inputs_digest: digest }) => digest === inputs);
    if (candidates.length === 0) return undefined;
    const outputs = await this.#tryTo(request, () => this.#fingerprints.outputs(files.outputs));
    return candidates.find(({ outputs_digest: digest }) => digest === outputs);
  }

  async #digestsAfter(
    files: DeclaredFiles,
    inputs: string | null,
  ): Promise<Required<AttemptResult>['digests']> {
    const since = this.#options.clock.now();
    const [after, outputs] = await Promise.all([
      this.#fingerprints.inputs(files.inputs, since),
      this.#fingerprints.outputs(files.outputs),
    ]);
    return { inputs: after === inputs ? inputs : null, outputs };
  }

  /** @returns null where the files cannot be compared, and once the attempt is to end */
  async #tryTo<T>({ signal }: ReuseRequest, digest: () => Promise<T>): Promise<T | null> {
    if (signal.aborted) return null;
    let giveUp = (): void => {};
    const aborted = new Promise<null>(resolve => (giveUp = () => resolve(null)));
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([aborted, digest()]);
    } catch (error) {
      this.#options.onFault(`an attempt is not reusable: ${messageOf(error)}`);
      return null;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }
}

interface DeclaredFiles {
  readonly inputs: FilesOf;
  readonly outputs: FilesOf;
}

/** Returns the declared files; null without inputs. A file that is both is an output. */
function filesOf({ body: { dir, inputs, outputs } }: ReuseRequest): DeclaredFiles | null {
  if (dir == null || inputs == null) return null;
  const made = outputs ?? [];
  return { inputs: { dir, globs: inputs, without: made }, outputs: { dir, globs: made } };
}

function reusedResult(reusable: Reusable): AttemptResult {
  const { inputs_digest: inputs, outputs_digest: outputs, ...reused } = reusable;
  const { task, index, name, attempt } = reused;
  const reason = `nothing declared has changed since attempt ${attempt} of ${name ?? `subtask ${index}`} in ${task}`;
  return { ...withoutCommand('accept', `reused: ${reason}`), digests: { inputs, outputs }, reused };
}
