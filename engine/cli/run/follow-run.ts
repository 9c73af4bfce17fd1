import { followFanOut } from '../../client/fan-out.ts';
import type { ChildDocument, JoinStatus } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import type { Context } from '../verb.ts';
import { Outputs, type OutputMode } from './outputs.ts';
import { prefixes } from './labels.ts';
import { progressLines } from './progress.ts';
import { Screen } from './screen.ts';

/** The time that subtasks get to end after a signal, in milliseconds. */
const CANCEL_MS = 10_000;

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
 * @throws the engine's errors
 */
export async function followRun(
  context: Context,
  thread: string,
  mode: OutputMode | null,
): Promise<Followed> {
  return new RunFollower(context, thread, mode).follow();
}

class RunFollower {
  readonly #context: Context;
  readonly #thread: string;
  readonly #mode: OutputMode | null;
  readonly #enough = new AbortController();
  readonly #startedAt = performance.now();
  #status: JoinStatus | null = null;
  #children: ChildDocument[] = [];
  #readAt = 0;
  #interrupted: number | null = null;
  #isStopped = false;

  constructor(context: Context, thread: string, mode: OutputMode | null) {
    this.#context = context;
    this.#thread = thread;
    this.#mode = mode;
  }

  async follow(): Promise<Followed> {
    const { out, env } = this.#context;
    const isDrawn = this.#mode !== null && out.isTTY && env['TERM'] !== 'dumb';
    const screen = new Screen(out, isDrawn ? () => this.#progress() : null);
    const release = this.#context.onEnding(exitCode => void this.#cancel(exitCode));
    let outputs: Outputs | undefined;
    try {
      const { engine } = await this.#context.client();
      for await (const { status, changed, reset } of followFanOut(
        engine,
        this.#thread,
        this.#enough.signal,
      )) {
        if (reset) this.#children = [];
        for (const child of changed) this.#children[child.index] = child;
        this.#status = status;
        this.#readAt = performance.now();
        if (this.#children.length < status.subtasks) continue;
        outputs ??= this.#outputs(engine, screen);
        for (const child of changed) outputs?.update(child);
        screen.draw();
        if (status.outcome === 'timed_out' && status.under_way) await this.#stopRest();
        if (status.complete && !status.under_way) break;
      }
      if (this.#interrupted !== null) outputs?.stop();
      await outputs?.end();
    } finally {
      outputs?.stop();
      release();
      screen.end();
    }
    const join = this.#status && { ...this.#status, children: this.#children };
    return { join, interrupted: this.#interrupted };
  }

  #outputs(engine: ConstructorParameters<typeof Outputs>[0]['engine'], screen: Screen): Outputs | undefined {
    if (this.#mode === null) return undefined;
    return new Outputs({
      engine,
      thread: this.#thread,
      mode: this.#mode,
      prefixOf: prefixes(this.#children, this.#context.out.colours),
      print: lines => screen.print(lines),
    });
  }

  #progress(): readonly string[] {
    if (this.#status === null) return [];
    const { columns, colours } = this.#context.out;
    return progressLines(
      {
        status: this.#status,
        children: this.#children,
        readAt: this.#readAt,
        startedAt: this.#startedAt,
        nowMs: performance.now(),
        columns,
      },
      colours,
    );
  }

  async #cancel(exitCode: number): Promise<void> {
    this.#interrupted = exitCode;
    setTimeout(() => this.#enough.abort(), CANCEL_MS).unref();
    await this.#end('interrupted').catch(() => this.#enough.abort());
  }

  /** Ends what still runs after the time of the whole run. */
  async #stopRest(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.#end('the time of the run is over');
  }

  async #end(reason: string): Promise<void> {
    const { engine, actor } = await this.#context.client();
    try {
      await engine.submit('task.cancel', { task: this.#thread, subtask: null, reason }, { actor });
    } catch (thrown) {
      // It may have ended meanwhile.
      if (!FleetError.is(thrown, 'CONFLICT')) throw thrown;
    }
  }
}
