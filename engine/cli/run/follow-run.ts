import { followFanOut, PAGE, readFanOut } from '../../client/fan-out.ts';
import type { ChildDocument, FannedOut, JoinStatus } from '../../contract/documents.ts';
import { expectedSecs } from '../../contract/expected-time.ts';
import { FleetError } from '../../errors.ts';
import { printLines } from '../context.ts';
import type { Client } from '../host.ts';
import type { Context } from '../verb.ts';
import { prefixes } from './labels.ts';
import { Outputs, type OutputMode } from './outputs.ts';
import { oddWaits, progressLines } from './progress.ts';
import { Screen } from './screen.ts';

/** The time that subtasks get to end after a signal, in milliseconds. */
const CANCEL_MS = 10_000;
/** The interval at which reasons to wait and signs of life are read again, which change without an event. */
const LOOK_MS = 2_000;
/** The most subtasks that are read again. */
const MAX_READ_AGAIN = 32;

/** The end of a run, as far as it was seen. */
export interface Followed {
  /** Null if nothing was read. */
  readonly join: JoinStatus | null;
  /** The exit code of a signal; null without one. */
  readonly interrupted: number | null;
}

/**
 * Follows a run until nothing of it runs any more, and prints its output. A signal cancels it.
 * @param mode null prints nothing
 * @param before the subtasks as they were, of which those that had ended are not printed
 * @throws the engine's errors
 */
export async function followRun(
  context: Context,
  fanOut: Pick<FannedOut, 'thread' | 'subtasks' | 'run'>,
  mode: OutputMode | null,
  before: readonly ChildDocument[],
): Promise<Followed> {
  const { engine } = await context.client();
  return new RunFollower(context, engine, fanOut, mode, before).follow();
}

class RunFollower {
  readonly #context: Context;
  readonly #engine: Client;
  readonly #fanOut: Pick<FannedOut, 'thread' | 'subtasks' | 'run'>;
  readonly #mode: OutputMode | null;
  readonly #before: readonly ChildDocument[];
  readonly #screen: Screen;
  readonly #enough = new AbortController();
  readonly #startedAt = performance.now();
  #outputs: Outputs | undefined;
  #status: JoinStatus | null = null;
  #children: ChildDocument[] = [];
  #readAt = 0;
  /** The time that earlier runs took; null if there are none. */
  #expectedSecs: number | null = null;
  #interrupted: number | null = null;
  #hasEndedRest = false;
  /** The reasons to wait that were printed. */
  readonly #told = new Set<string>();

  constructor(
    context: Context,
    engine: Client,
    fanOut: Pick<FannedOut, 'thread' | 'subtasks' | 'run'>,
    mode: OutputMode | null,
    before: readonly ChildDocument[],
  ) {
    this.#before = before;
    this.#context = context;
    this.#engine = engine;
    this.#fanOut = fanOut;
    this.#mode = mode;
    const isDrawn = mode !== null && context.out.isTTY && context.env['TERM'] !== 'dumb';
    this.#screen = new Screen(context.out, isDrawn ? () => this.#progress() : null);
  }

  async follow(): Promise<Followed> {
    const release = this.#context.onEnding(
      exitCode => void this.#cancel(exitCode),
      () => this.#screen.end(),
    );
    if (this.#screen.isDrawn) void this.#expect().catch(() => undefined);
    const looking = setInterval(() => void this.#look().catch(() => undefined), LOOK_MS);
    try {
      await this.#untilOver();
      if (this.#interrupted !== null) this.#outputs?.stop();
      await this.#outputs?.end();
    } finally {
      clearInterval(looking);
      this.#outputs?.stop();
      release();
      this.#screen.end();
    }
    const join = this.#status && { ...this.#status, children: this.#children };
    return { join, interrupted: this.#interrupted };
  }

  async #untilOver(): Promise<void> {
    const { thread, subtasks } = this.#fanOut;
    const { signal } = this.#enough;
    const atOnce = subtasks <= PAGE;
    for await (const { status, changed, reset } of followFanOut(this.#engine, thread, signal, { atOnce })) {
      this.#take(status, changed, reset);
      if (status.outcome === 'timed_out' && status.under_way) await this.#endRest();
      if (status.complete && !status.under_way) break;
    }
    if (this.#status === null || !this.#status.complete || this.#status.under_way) return;
    // The counts and the subtasks were read one after the other, and subtasks may have ended between.
    const last = await readFanOut(this.#engine, thread, signal);
    this.#take(last, last.children, true);
  }

  #take(status: JoinStatus, changed: readonly ChildDocument[], reset: boolean): void {
    const before = this.#children.length;
    if (reset) this.#children = [];
    for (const child of changed) this.#children[child.index] = child;
    this.#status = status;
    this.#readAt = performance.now();
    if (this.#mode === null) return;
    // The names of all determine the width of each. A matrix may add subtasks.
    if (this.#children.length < status.subtasks) {
      this.#isFirst = true;
    } else {
      if (this.#children.length !== before)
        this.#prefixOf = prefixes(this.#children, this.#context.out.colours);
      this.#outputs ??= this.#newOutputs(this.#mode);
      for (const child of this.#known(changed)) this.#outputs.update(child);
    }
    this.#screen.draw();
    if (!this.#screen.isDrawn) this.#tellWaits(changed);
  }

  #prefixOf: ReturnType<typeof prefixes> = () => '';
  /** True if the next call with all names is for all subtasks. */
  #isFirst = true;
  #known(changed: readonly ChildDocument[]): readonly ChildDocument[] {
    const known = this.#isFirst ? this.#children : changed;
    this.#isFirst = false;
    return known;
  }

  #newOutputs(mode: OutputMode): Outputs {
    return new Outputs({
      engine: this.#engine,
      thread: this.#fanOut.thread,
      mode,
      before: this.#before,
      prefixOf: child => this.#prefixOf(child),
      print: lines => this.#screen.print(lines),
    });
  }

  #progress(): readonly string[] {
    if (this.#status === null) return [];
    const { columns, colours } = this.#context.out;
    const [status, children] = [this.#status, this.#children];
    const [readAt, startedAt, nowMs] = [this.#readAt, this.#startedAt, performance.now()];
    const expectedSecs = this.#expectedSecs;
    return progressLines({ status, children, readAt, startedAt, nowMs, columns, expectedSecs }, colours);
  }

  async #expect(): Promise<void> {
    const { run, thread, subtasks } = this.#fanOut;
    if (run == null) return;
    const earlier = await this.#engine.report('runs', { name: run.name, limit: 20 }, this.#enough.signal);
    const alike = earlier.runs.filter(each => each.thread !== thread && each.subtasks === subtasks);
    this.#expectedSecs = expectedSecs(alike);
    this.#screen.draw();
  }

  /** Reads again what changes without an event. */
  async #look(): Promise<void> {
    const open = this.#children.filter(({ state }) => state !== 'done').slice(0, MAX_READ_AGAIN);
    if (this.#status === null || open.length === 0) return;
    const indices = open.map(({ index }) => index);
    const input = { task: this.#fanOut.thread, offset: 0, limit: MAX_READ_AGAIN, indices };
    const { children } = await this.#engine.report('children', input, this.#enough.signal);
    // A change that was read meanwhile is newer.
    this.#take(
      this.#status,
      children.filter(({ index }) => open.some(known => known === this.#children[index])),
      false,
    );
  }

  /** Prints each reason to wait that is out of the ordinary once, where no progress is drawn. */
  #tellWaits(changed: readonly ChildDocument[]): void {
    for (const [key, text] of oddWaits(changed, this.#children)) {
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      printLines(this.#context.err, [`· ${text}`]);
    }
  }

  async #cancel(exitCode: number): Promise<void> {
    this.#interrupted = exitCode;
    setTimeout(() => this.#enough.abort(), CANCEL_MS).unref();
    await this.#end('interrupted').catch(() => this.#enough.abort());
  }

  /** Ends what still runs when the time of the whole run is over. */
  async #endRest(): Promise<void> {
    if (this.#hasEndedRest) return;
    this.#hasEndedRest = true;
    await this.#end('the time of the run was over');
  }

  async #end(reason: string): Promise<void> {
    const { actor } = await this.#context.client();
    const input = { task: this.#fanOut.thread, subtask: null, reason };
    try {
      await this.#engine.submit('task.cancel', input, { actor });
    } catch (thrown) {
      // It may have ended meanwhile.
      if (!FleetError.is(thrown, 'CONFLICT')) throw thrown;
    }
  }
}
