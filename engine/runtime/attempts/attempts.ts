import { randomUUID } from 'node:crypto';
import { budgetAmount, type Currency } from '../../contract/format.ts';
import { messageOf } from '../../errors.ts';
import type { ChildBody, ResultFields } from '../../domain/model/record-bodies.ts';
import { readDelivery } from '../../subtask/delivery.ts';
import type { Delivery } from '../../domain/worker/worker.ts';
import { attemptSigns } from './attempt-signs.ts';
import type { AttemptResult, Executor, ExecutorContext, OutputSink, Used } from '../executors/executor.ts';
import type { Environment } from '../coordinator/environments.ts';
import { after } from '../processes/timer.ts';
import { MAX_LEFT_GROUP, MAX_REPORT_NAME, MAX_REPORT_TEXT } from '../link/bodies.ts';
import { StallWatch, type StallOptions } from './stall-watch.ts';
import type { OutputStore } from '../output/store.ts';
import type { Reuse } from '../reuse/reuse.ts';

export interface AttemptsOptions {
  readonly executors: ReadonlyMap<string, Executor>;
  readonly output: OutputStore;
  /** The options of the stall watch of attempts with side effects. Default: no watch. */
  readonly stall?: StallOptions;
  /** Called when an attempt has shown no sign of life for this time; null: it does again. */
  readonly onStalled?: (key: string, silentMs: number | null) => void;
  /**
   * Reads the environment with a name; undefined when it is no longer stored. Default: all attempts have the worker's
   * own.
   */
  readonly environmentOf?: (name: string) => Promise<Environment | undefined>;
  /** Reuses accepted attempts. Default: everything runs. */
  readonly reuse?: Reuse;
  /** Called when an attempt did not start because its environment is no longer stored. */
  readonly onBare?: (key: string) => void;
  /** Called when an attempt has ended and its output is stored; `start` itself may call it. */
  readonly onFinished: (key: string, result: ResultFields) => void;
}

/** Runs deliveries by their executors. Each one gets exactly one answer, whatever the executor does. */
export class Attempts {
  readonly #options: AttemptsOptions;
  /** The attempts that take time, by the keys of their deliveries. */
  readonly #running = new Map<string, AbortController>();
  /** Promises that resolve at the ends of attempts, by the subtask's thread and the attempt's number. */
  readonly #ends = new Map<string, Promise<void>>();

  /** The latest comparison. */
  #comparing: Promise<ResultFields | undefined> = Promise.resolve(undefined);

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Starts a delivery, or answers at once for a cancelled one. */
  start(delivery: Delivery): void {
    const { key, body, intent, state, cancelReason } = delivery;
    if (state !== 'running') {
      const reason = cancelReason ?? 'ended before it started';
      return this.#options.onFinished(key, { ...nothingRan, verdict: 'cancelled', reason });
    }
    const executor = this.#options.executors.get(body.executor);
    if (executor === undefined) {
      const reason = `this worker has no executor '${body.executor}'`;
      return this.#options.onFinished(key, { ...nothingRan, verdict: 'failed', reason });
    }
    const begun = performance.now();
    const id = randomUUID();
    const sink = executor.sideEffects ? this.#options.output.sink(intent.thread, body.attempt) : noOutput;
    const context = new AttemptContext(sink, body);
    if (executor.sideEffects) context.watch = this.#watch(delivery, id, context);
    const answer = this.#reuseOrBegin(executor, delivery, id, context);
    if (!(answer instanceof Promise) && sink === noOutput)
      return this.#options.onFinished(
        key,
        resultFields(context.amended(answer), performance.now() - begun, null),
      );
    this.#running.set(key, context.controller);
    const end = this.#await(key, answer, { context, sink, begun });
    const name = nameOf(intent.thread, body.attempt);
    this.#ends.set(name, end);
    void end.finally(() => {
      if (this.#ends.get(name) === end) this.#ends.delete(name);
    });
  }

  /**
   * Returns the result of a waiting delivery if an accepted attempt of the same work can be reused. Deliveries are
   * compared one after the other, and not once they have started.
   */
  reused(delivery: Delivery): Promise<ResultFields | undefined> {
    const { reuse } = this.#options;
    const compare = async (): Promise<ResultFields | undefined> => {
      if (delivery.state !== 'queued') return undefined;
      const begun = performance.now();
      const result = await reuse?.reusedBefore(delivery);
      return result && resultFields(result, performance.now() - begun, null);
    };
    return (this.#comparing = this.#comparing.then(compare));
  }

  /** Starts unless an accepted attempt of the same work can be reused. */
  #reuseOrBegin(executor: Executor, delivery: Delivery, id: string, context: AttemptContext): Answer {
    const run = (): Answer => this.#begin(executor, delivery, id, context);
    const { reuse } = this.#options;
    const { body, receivedAt } = delivery;
    if (reuse === undefined || body.inputs == null) return run();
    return reuse.resultOf({ body, receivedAt, signal: context.signal }, run);
  }

  /** Starts at once unless an environment has to be read first. */
  #begin(executor: Executor, delivery: Delivery, id: string, context: AttemptContext): Answer {
    const { environmentOf } = this.#options;
    const { environment: name } = delivery.body;
    if (name === undefined || environmentOf === undefined || !executor.sideEffects)
      return begin(executor, delivery, id, context, null);
    return environmentOf(name).then(
      environment => (environment === undefined ? null : begin(executor, delivery, id, context, environment)),
      (error: unknown) => ({ ...faultOf(error), reason: messageOf(error) }),
    );
  }

  /** Ends a running attempt, which still gets its answer. */
  abort(key: string, reason: string): void {
    this.#running.get(key)?.abort(reason);
  }

  #watch({ key, body }: Delivery, id: string, context: AttemptContext): StallWatch | undefined {
    const { stall, onStalled } = this.#options;
    if (stall === undefined || stall.afterMs === 0) return undefined;
    return new StallWatch({
      ...stall,
      signs: attemptSigns({ id, dir: body.dir ?? null }),
      onChange: silentMs => onStalled?.(key, silentMs),
      end: reason => context.end(reason),
    });
  }

  /** Resolves when the attempt has ended; undefined when it is not running. */
  endOf(thread: string, attempt: number): Promise<void> | undefined {
    return this.#ends.get(nameOf(thread, attempt));
  }

  /** Resolves when the running attempts have ended. */
  async allEnded(): Promise<void> {
    await Promise.all(this.#ends.values());
  }

  async #await(key: string, answer: Answer, { context, sink, begun }: Running): Promise<void> {
    const stopClock = context.startClock();
    const result = await Promise.resolve(answer).catch(faultOf);
    stopClock();
    context.watch?.stop();
    const wallMs = performance.now() - begun;
    const output = await sink.close();
    this.#running.delete(key);
    if (result === null) this.#options.onBare?.(key);
    else this.#options.onFinished(key, resultFields(context.amended(result), wallMs, output));
  }
}

/** Null: the attempt did not start. */
type Answer = AttemptResult | Promise<AttemptResult | null>;

interface Running {
  readonly context: AttemptContext;
  readonly sink: Sink;
  readonly begun: number;
}

type Sink = Pick<ReturnType<OutputStore['sink']>, 'close'>;

const nothingRan = { cost_usd: 0, wall_time_secs: 0 } as const;

const nameOf = (thread: string, attempt: number): string => `${thread}/${attempt}`;

/**
 * The context of one attempt for its executor, with the shares of its budget. The abort signal is costly and made on
 * first use: an attempt that ends at once never needs it.
 */
class AttemptContext implements ExecutorContext {
  readonly output: OutputSink;
  watch: StallWatch | undefined;
  readonly #shares: Shares;
  #controller: AbortController | undefined;
  #costUsd = 0;
  #tokens = 0;
  /** The worker's own reason for ending the attempt. */
  #ended: string | null = null;

  constructor(output: OutputSink, shares: Shares) {
    this.output = {
      write: chunk => {
        this.watch?.noteActivity();
        return output.write(chunk);
      },
    };
    this.#shares = shares;
  }

  used({ costUsd = 0, tokens = 0 }: Used): void {
    this.#costUsd = Math.max(this.#costUsd, costUsd);
    this.#tokens = Math.max(this.#tokens, tokens);
    this.watch?.noteActivity();
    this.#hold('usd', this.#costUsd);
    this.#hold('tokens', this.#tokens);
  }

  /** Ends the attempt after its time-out. @returns stops the clock. */
  startClock(): () => void {
    const { budget_secs: secs } = this.#shares;
    return secs == null ? noClock : after(secs * 1000, () => this.#pass('secs', secs));
  }

  /** Returns the result with the usage reported meanwhile, and with the worker's reason when the worker ended it. */
  amended(result: AttemptResult): AttemptResult {
    const tokens = Math.max(result.tokens ?? 0, this.#tokens);
    if (this.#ended === null && tokens === (result.tokens ?? 0) && this.#costUsd <= result.costUsd)
      return result;
    const spent = {
      ...result,
      costUsd: Math.max(result.costUsd, this.#costUsd),
      ...(tokens > 0 && { tokens }),
    };
    // A result from before the end stays as it is.
    if (this.#ended === null || result.verdict !== 'cancelled') return spent;
    return { ...spent, verdict: 'failed', reason: this.#ended };
  }

  #hold(currency: 'usd' | 'tokens', used: number): void {
    const share = this.#shares[`budget_${currency}`];
    if (share != null && used > share) this.#pass(currency, share);
  }

  #pass(currency: Currency, share: number): void {
    this.end(`passed its budget of ${budgetAmount(currency, share)}`);
  }

  /** Ends the attempt as failed, unless it is ending already. */
  end(reason: string): void {
    if (this.controller.signal.aborted) return;
    this.#ended = reason;
    this.controller.abort(reason);
  }

  get controller(): AbortController {
    return (this.#controller ??= new AbortController());
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }
}

type Shares = Pick<ChildBody, 'budget_usd' | 'budget_tokens' | 'budget_secs'>;

const noClock = (): void => {};

/** The sink of attempts without side effects, which print nothing. */
const noOutput = { write: () => Promise.resolve(), close: () => Promise.resolve(null) };

function begin(
  executor: Executor,
  { intent, body }: Delivery,
  id: string,
  context: ExecutorContext,
  environment: Environment | null,
): AttemptResult | Promise<AttemptResult> {
  const { timeout_secs: timeoutSecs, env, ...fields } = readDelivery(body);
  const attempt = {
    id,
    thread: intent.thread,
    attempt: body.attempt,
    index: body.index,
    task: body.task,
    ...fields,
    timeoutMs: timeoutSecs === null ? null : timeoutSecs * 1000,
    env: env ?? {},
    hint: body.hint ?? null,
    depends: (body.depends ?? []).map(({ index, name, summary, branch }) => {
      return { index, name: name ?? null, summary, branch: branch ?? null };
    }),
    results: body.results ?? {},
    session: body.session ?? null,
    earlierBranch: body.earlier_branch ?? null,
    environment,
  } as const;
  try {
    return executor.start(attempt, context);
  } catch (error) {
    return faultOf(error);
  }
}

/** Returns the result of an executor that threw. Only its attempt fails. */
function faultOf(error: unknown): AttemptResult {
  return {
    verdict: 'failed',
    reason: `the executor broke: ${messageOf(error)}`,
    exitCode: null,
    signal: null,
    summary: '',
    costUsd: 0,
    leftGroup: [],
  };
}

function resultFields(
  result: AttemptResult,
  wallMs: number,
  output: Awaited<ReturnType<Sink['close']>>,
): ResultFields {
  return {
    verdict: result.verdict,
    reason: result.reason === null ? null : writable(result.reason),
    exit_code: result.exitCode,
    signal: result.signal,
    summary: writable(result.summary),
    cost_usd: countable(result.costUsd),
    wall_time_secs: Math.round(wallMs * 1000) / 1e6,
    ...(result.leftGroup.length === 0 ? {} : { left_group: leftGroup(result.leftGroup) }),
    ...(output === null ? {} : { output: { ...output } }),
    ...rareFields(result),
  };
}

/** Returns the result fields that only some executors report. */
function rareFields({
  tokens,
  session,
  quota,
  results,
  work,
  asks,
  isCostUnknown,
  digests,
  reused,
}: AttemptResult): Partial<ResultFields> {
  return {
    ...(tokens !== undefined && { tokens: countable(tokens) }),
    ...(session !== undefined && isName(session) && { session }),
    ...(quota !== undefined && {
      quota: isMoment(quota.resetsAtUnix) ? { resets_at_unix: quota.resetsAtUnix } : {},
    }),
    ...(results !== undefined && { results }),
    ...(work !== undefined && { work: { ...work } }),
    ...(asks !== undefined && { asks: writable(asks) }),
    ...(isCostUnknown === true && { cost_unknown: true as const }),
    ...(digests !== undefined && { outputs_digest: digests.outputs }),
    ...(digests?.inputs != null && { inputs_digest: digests.inputs }),
    ...(reused !== undefined && { reused: { ...reused } }),
  };
}

/**
 * Cuts the text of a tool to `max` UTF-16 code units and replaces lone surrogates. A report that can't be written, or
 * that makes the coordinator drop the link, would end the worker.
 */
function writable(text: string, max = MAX_REPORT_TEXT): string {
  const fitting = text.length > max ? text.slice(0, max) : text;
  return /\p{Surrogate}/u.test(fitting) ? Buffer.from(fitting).toString() : fitting;
}

const leftGroup = (processes: readonly string[]): string[] =>
  processes.slice(0, MAX_LEFT_GROUP).map(each => writable(each, MAX_REPORT_NAME));

/** The largest amount of one attempt: amounts are summed in whole millionths. */
const MAX_AMOUNT = Math.floor(Number.MAX_SAFE_INTEGER / 1e6);

function countable(amount: number): number {
  return Number.isNaN(amount) ? 0 : Math.min(Math.max(0, amount), MAX_AMOUNT);
}

/** A conversation's id is never cut, because a cut one would be another's; it becomes an argument of a command. */
const isName = (text: string): boolean =>
  text.length <= MAX_REPORT_NAME && !/[\p{Surrogate}\p{Control}]/u.test(text);

const isMoment = (unixSecs: number | undefined): unixSecs is number =>
  unixSecs !== undefined && unixSecs >= 0 && unixSecs <= Number.MAX_SAFE_INTEGER;
