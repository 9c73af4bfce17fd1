import type { OutputRequest, OutputStream, ReportName, Reports } from '../contract/engine.ts';
import { PROTOCOL, VERSION } from '../contract/engine.ts';
import { FleetError, messageOf } from '../errors.ts';
import { asJson, TOPIC, type HeartbeatBody, type ResultFields } from '../fleet/bodies.ts';
import { keyOf, type ToCoordinator, type ToWorker } from '../fleet/messages.ts';
import { Worker, type Delivery, type WorkerEffect } from '../fleet/worker.ts';
import type { Home } from '../home/home.ts';
import { processStart } from '../home/process.ts';
import type { Batch, Checkpoint, Log } from '../log/log.ts';
import { RESERVED, type Did } from '../record/ids.ts';
import { seal, type SealedRecord } from '../record/record.ts';
import type { Clock } from './clock.ts';
import type { AttemptResult, Executor, ExecutorContext, OutputSink } from './executors/executor.ts';
import { dial, type CoordinatorAddress, type CoordinatorPeer } from './link/dial.ts';
import type { Signed } from './link/frames.ts';
import type { Logger } from './logger.ts';
import type { OutputStore } from './output/store.ts';

export interface WorkerEngineOptions {
  readonly home: Home;
  readonly alias: string;
  readonly slots: number;
  readonly coordinator: Did;
  /** Asked before every attempt to connect: a coordinator that comes back may listen elsewhere. */
  readonly address: () => Promise<CoordinatorAddress>;
  readonly executors: ReadonlyMap<string, Executor>;
  readonly output: OutputStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** After how long without a coordinator, and with nothing to do, it ends itself. */
  readonly idleExitMs: number;
}

/** How long to wait before the next attempt to connect: from the first to the last, each twice the one before. */
const RECONNECT_FIRST_MS = 20;
const RECONNECT_LAST_MS = 1000;

/**
 * How many runs without side effects one step makes: the first results are on their way to the coordinator while
 * the next ones are made, and the event loop is not held by a long queue.
 */
const STARTS_PER_STEP = 256;

/** A checkpoint is saved after this many records, once the worker has been idle for so long. */
const CHECKPOINT_RECORDS = 20_000;
const CHECKPOINT_IDLE_MS = 1000;

/** A worker at work: the rules in `fleet/worker`, with a log, a link and executors around them. */
export class WorkerEngine {
  readonly did: Did;
  readonly #o: WorkerEngineOptions;
  readonly #core: Worker;
  readonly #startedAt: number;
  readonly #running = new Map<string, AbortController>();
  readonly #closing = new AbortController();
  #log: Log | undefined;
  #peer: CoordinatorPeer | undefined;
  #endpoint: string | null = null;
  #heartbeatClock = 0;
  #heartbeatTimer: NodeJS.Timeout | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  #aloneSince: number;
  #stepping = false;
  #checkpointTimer: NodeJS.Timeout | undefined;
  #checkpointed = 0;
  #exit: (reason: string) => void = () => {};
  /** Settled, with the reason, when this worker is to end. */
  readonly ended = new Promise<string>(resolve => (this.#exit = resolve));

  constructor(options: WorkerEngineOptions) {
    this.#o = options;
    this.did = options.home.key.did;
    this.#startedAt = options.clock.now();
    this.#aloneSince = this.#startedAt;
    this.#core = new Worker({
      self: this.did,
      slots: options.slots,
      hasSideEffects: name => options.executors.get(name)?.sideEffects ?? false,
    });
  }

  /** What the log is replayed into; hand it to the log that `start` is then given. */
  replay({ record }: SealedRecord): void {
    if (record.thread === RESERVED.instanceRegistry && record.actor === this.did)
      this.#heartbeatClock = record.clock + 1;
    this.#core.replay(record);
  }

  /** Takes up the state of a checkpoint. @returns false to have the whole log replayed instead. */
  restore(checkpoint: Checkpoint | undefined): boolean {
    if (checkpoint === undefined || !this.#core.restore(checkpoint.state)) return false;
    this.#checkpointed = checkpoint.position;
    return true;
  }

  /** Begins: reports what an earlier process left, and looks for the coordinator until `close`. */
  start(log: Log, endpoint: string | null): void {
    this.#log = log;
    this.#endpoint = endpoint;
    void log.failed.then(error => this.#exit(`the log can't be written: ${error.message}`));
    this.#step(() => this.#core.recover());
    void this.#stayConnected();
  }

  /** Starts nothing more, ends what runs after the grace, then ends. */
  stop(graceMs: number): void {
    this.#step(() => this.#core.stop());
    this.#beat();
    this.#graceTimer ??= setTimeout(() => this.#step(() => this.#core.graceOver()), graceMs);
  }

  /** Lets go of everything; ends what runs. Waits until it is gone. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#heartbeatTimer);
    clearTimeout(this.#graceTimer);
    for (const controller of this.#running.values()) controller.abort('the worker is closing');
    await Promise.all(this.#attempts.values());
    await this.#peer?.end();
    clearTimeout(this.#checkpointTimer);
    await this.#checkpoint();
    await this.#log?.close();
  }

  report<N extends ReportName>(name: N): Promise<Reports[N]['output']> {
    if (name !== 'health')
      return Promise.reject(
        new FleetError('NOT_FOUND', `a worker does not answer '${name}'; its coordinator does`),
      );
    const health: Reports['health']['output'] = {
      status: this.#core.stopping ? 'draining' : 'ok',
      did: this.did,
      alias: this.#o.alias,
      role: 'worker',
      version: VERSION,
      protocol: PROTOCOL,
      uptime_secs: this.#uptimeSecs(),
      pid: process.pid,
      home: this.#o.home.paths.home,
      endpoint: this.#endpoint,
      records: this.#log?.end ?? 0,
    };
    return Promise.resolve(health as Reports[N]['output']);
  }

  /** What an attempt of this worker's own printed; its task is named by the subtask's own thread. */
  output({ task, subtask, attempt = 1, follow, signal }: OutputRequest): Promise<OutputStream> {
    const { output, alias } = this.#o;
    const ended = this.#attempts.get(attemptKey(task, attempt));
    const running = ended !== undefined;
    const info = { task, subtask, attempt, worker: alias, running };
    if (!follow || ended === undefined) return Promise.resolve({ info, chunks: output.read(task, attempt) });
    return Promise.resolve({ info, chunks: output.follow(task, attempt, { signal, done: ended }) });
  }

  /** Attempts that run, by the subtask's thread and their number; each settles when it has ended. */
  readonly #attempts = new Map<string, Promise<void>>();

  /** One step of the rules: what it decides is written, and what follows from that is done when it is durable. */
  #step(decide: () => void): void {
    if (this.#stepping) return decide();
    this.#stepping = true;
    try {
      decide();
      for (let done = 0; done < STARTS_PER_STEP; done++) {
        const atOnce = this.#core.takeAtOnce();
        if (atOnce.length === 0) break;
        for (const effect of atOnce) this.#do(effect, this.#peer);
        if (done === STARTS_PER_STEP - 1) setImmediate(() => this.#step(() => {}));
      }
    } finally {
      this.#stepping = false;
    }
    const { records, effects } = this.#core.take();
    this.#whenDurable(this.#fresh(records), effects, this.#peer);
  }

  /** Saves the folded state when nothing is under way. */
  #checkpointWhenIdle(): void {
    clearTimeout(this.#checkpointTimer);
    if (!this.#core.idle || this.#log!.end - this.#checkpointed < CHECKPOINT_RECORDS) return;
    this.#checkpointTimer = setTimeout(() => void this.#checkpoint(), CHECKPOINT_IDLE_MS).unref();
  }

  async #checkpoint(): Promise<void> {
    const log = this.#log;
    if (log === undefined || log.end !== log.pendingEnd || log.end === this.#checkpointed) return;
    this.#checkpointed = log.end;
    try {
      await log.saveCheckpoint({ position: log.end, state: this.#core.save() });
    } catch (error) {
      this.#o.logger.error(`could not save a checkpoint: ${messageOf(error)}`);
    }
  }

  /** A delivery that is repeated brings an INTEND that the log has already; what this worker says itself is new. */
  #fresh(records: readonly SealedRecord[]): SealedRecord[] {
    return records.filter(
      ({ record }) => record.actor === this.did || this.#log!.find(record.id) === undefined,
    );
  }

  /**
   * What is to be sent goes to the coordinator that it was decided for, or nowhere: reports that came to a later
   * connection before its `hello` would be acknowledged together with earlier ones that were lost with the last.
   */
  #whenDurable(
    records: readonly SealedRecord[],
    effects: readonly WorkerEffect[],
    peer: CoordinatorPeer | undefined,
  ): void {
    const log = this.#log!;
    if (records.length === 0 && log.end === log.pendingEnd) return this.#doAll(effects, peer);
    if (records.length === 0 && effects.length === 0) return;
    const batch: Batch = { records };
    log.append(batch).then(
      () => {
        this.#doAll(effects, peer);
        this.#checkpointWhenIdle();
      },
      (error: unknown) => this.#o.logger.error(`could not write: ${messageOf(error)}`),
    );
  }

  #doAll(effects: readonly WorkerEffect[], peer: CoordinatorPeer | undefined): void {
    for (const effect of effects) this.#do(effect, peer);
  }

  #do(effect: WorkerEffect, peer: CoordinatorPeer | undefined): void {
    switch (effect.type) {
      case 'send':
        peer?.send(effect.message);
        return;
      case 'start':
        return this.#start(effect.delivery);
      case 'abort':
        this.#running.get(effect.key)?.abort(effect.reason);
        return;
      case 'exit':
        void this.#leave();
        return;
    }
  }

  async #leave(): Promise<void> {
    await this.#peer?.end();
    this.#exit('stopped');
  }

  #start(delivery: Delivery): void {
    const key = keyOf(delivery.ref);
    if (delivery.cancelled !== null || delivery.fenced || delivery.handedBack) {
      return this.#finished(key, {
        ...nothingRan,
        verdict: 'cancelled',
        reason: delivery.cancelled ?? 'ended before it started',
      });
    }
    delivery.state = 'running';
    const { body } = delivery;
    const executor = this.#o.executors.get(body.executor);
    if (executor === undefined) {
      return this.#finished(key, {
        ...nothingRan,
        verdict: 'failed',
        reason: `this worker has no executor '${body.executor}'`,
      });
    }
    const begun = performance.now();
    const sink = executor.sideEffects ? this.#o.output.sink(delivery.intent.thread, body.attempt) : noOutput;
    const context = new AttemptContext(sink);
    const answer = executor.start(
      {
        thread: delivery.intent.thread,
        attempt: body.attempt,
        index: body.index,
        task: body.task,
        goal: body.goal,
        run: body.run ?? null,
        dir: body.dir ?? null,
        timeoutMs: body.timeout_secs * 1000,
        hint: body.hint ?? null,
      },
      context,
    );
    if (!(answer instanceof Promise) && sink === noOutput) {
      return this.#finished(key, resultFields(answer, performance.now() - begun, null));
    }
    this.#running.set(key, context.controller);
    const attempt = this.#await(key, answer, sink, begun);
    const name = attemptKey(delivery.intent.thread, body.attempt);
    this.#attempts.set(name, attempt);
    void attempt.finally(() => this.#attempts.delete(name));
  }

  async #await(
    key: string,
    answer: AttemptResult | Promise<AttemptResult>,
    sink: Pick<ReturnType<OutputStore['sink']>, 'close'>,
    begun: number,
  ): Promise<void> {
    const result = await answer;
    const wallMs = performance.now() - begun;
    const output = await sink.close();
    this.#running.delete(key);
    this.#finished(key, resultFields(result, wallMs, output));
  }

  #finished(key: string, result: ResultFields): void {
    this.#step(() => this.#core.finished(key, result));
  }

  // --- the link -----------------------------------------------------------------------------------------------

  async #stayConnected(): Promise<void> {
    const { signal } = this.#closing;
    let delayMs = RECONNECT_FIRST_MS;
    while (!signal.aborted) {
      const connection = await this.#connectOnce(signal);
      if (connection !== undefined) {
        delayMs = RECONNECT_FIRST_MS;
        await connection.lost;
        continue;
      }
      if (this.#isForsaken()) return this.#exit('no coordinator, and nothing to do');
      await pause(delayMs, signal);
      delayMs = Math.min(RECONNECT_LAST_MS, delayMs * 2);
    }
  }

  /** @returns what settles at the connection's loss, or undefined when nobody could be reached. */
  async #connectOnce(signal: AbortSignal): Promise<{ readonly lost: Promise<void> } | undefined> {
    let lost = (): void => {};
    const loss = new Promise<void>(resolve => (lost = resolve));
    try {
      this.#peer = await dial({
        address: await this.#o.address(),
        key: this.#o.home.key,
        coordinator: this.#o.coordinator,
        signal,
        onMessage: message => this.#take(message),
        onClose: error => {
          if (error !== undefined) this.#o.logger.info(`link lost: ${error.message}`);
          this.#lose();
          lost();
        },
      });
    } catch (error) {
      if (!FleetError.is(error, 'UNREACHABLE')) this.#o.logger.error(`no link: ${messageOf(error)}`);
      return undefined;
    }
    clearInterval(this.#heartbeatTimer);
    this.#heartbeatTimer = setInterval(() => this.#beat(), this.#peer.heartbeatMs);
    this.#beat();
    this.#step(() => this.#core.connected());
    return { lost: loss };
  }

  #lose(): void {
    this.#peer = undefined;
    this.#aloneSince = this.#o.clock.now();
    clearInterval(this.#heartbeatTimer);
    this.#step(() => this.#core.disconnected());
  }

  #isForsaken(): boolean {
    return this.#core.idle && this.#o.clock.now() - this.#aloneSince >= this.#o.idleExitMs;
  }

  #take(message: Signed<ToWorker>): void {
    switch (message.type) {
      case 'deliver':
        return this.#step(() => this.#core.deliver(message.records));
      case 'ack':
        return this.#step(() => this.#core.acknowledged(message.upTo));
      case 'cancel':
        return this.#step(() => this.#core.cancel(message.deliveries, message.reason));
      case 'recall':
        return this.#step(() => this.#core.recall(message.deliveries));
      case 'fence':
        return this.#step(() => this.#core.fence(message.deliveries));
      case 'stop':
        return this.stop(message.graceMs);
    }
  }

  #beat(): void {
    const message: ToCoordinator = { type: 'heartbeat', record: this.#heartbeat() };
    this.#peer?.send(message);
  }

  #heartbeat(): SealedRecord {
    const body: HeartbeatBody = {
      topic: TOPIC.heartbeat,
      did: this.did,
      alias: this.#o.alias,
      role: 'worker',
      endpoint: this.#endpoint,
      version: VERSION,
      health: this.#core.stopping ? 'draining' : 'healthy',
      pid: process.pid,
      pid_start: processStart(process.pid),
      slots: this.#o.slots,
      uptime_secs: this.#uptimeSecs(),
      active_dispatches: this.#core.running,
      store_records: this.#log?.end ?? 0,
    };
    const clock = Math.max(this.#heartbeatClock, Math.floor(this.#o.clock.now()));
    this.#heartbeatClock = clock + 1;
    return seal({
      act: 'DO',
      actor: this.did,
      body: asJson(body),
      clock,
      data_type: 'SCALAR',
      parents: [],
      thread: RESERVED.instanceRegistry,
    });
  }

  #uptimeSecs(): number {
    return (this.#o.clock.now() - this.#startedAt) / 1000;
  }
}

const nothingRan = { cost_usd: 0, wall_time_secs: 0 } as const;

const attemptKey = (thread: string, attempt: number): string => `${thread}/${attempt}`;

/** An abort signal is dear, and an attempt that is over at once never asks for it. */
class AttemptContext implements ExecutorContext {
  readonly output: OutputSink;
  #controller: AbortController | undefined;

  constructor(output: OutputSink) {
    this.output = output;
  }

  get controller(): AbortController {
    return (this.#controller ??= new AbortController());
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }
}

/** For runs without side effects, which print nothing. */
const noOutput = { write: () => Promise.resolve(), close: () => Promise.resolve(null) };

function resultFields(
  result: AttemptResult,
  wallMs: number,
  output: Awaited<ReturnType<ReturnType<OutputStore['sink']>['close']>>,
): ResultFields {
  return {
    verdict: result.verdict,
    reason: result.reason,
    exit_code: result.exitCode,
    signal: result.signal,
    summary: result.summary,
    cost_usd: result.costUsd,
    wall_time_secs: Math.round(wallMs * 1000) / 1e6,
    ...(result.leftGroup.length === 0 ? {} : { left_group: result.leftGroup }),
    ...(output === null ? {} : { output: { ...output } }),
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
