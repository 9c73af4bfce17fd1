import type { OutputRequest, OutputStream } from '../../contract/engine.ts';
import type { ReportName, Reports } from '../../operations/index.ts';
import { PROTOCOL, VERSION } from '../../contract/engine.ts';
import { FleetError, messageOf } from '../../errors.ts';
import { asJson, TOPIC, type HeartbeatBody } from '../../domain/model/record-bodies.ts';
import { ENVIRONMENT_GONE, type ToCoordinator, type ToWorker } from '../../domain/model/messages.ts';
import { Worker, type Delivery, type WorkerEffect } from '../../domain/worker/worker.ts';
import type { Home } from '../../home/home.ts';
import { processStart } from '../../system/process-table.ts';
import type { Batch, Checkpoint, Log } from '../../log/log.ts';
import { RESERVED, type Did } from '../../record/ids.ts';
import { seal, type SealedRecord } from '../../record/record.ts';
import { Attempts, type AttemptsOptions } from '../attempts/attempts.ts';
import type { Clock } from '../clock.ts';
import type { Executor } from '../executors/executor.ts';
import { dial, type CoordinatorAddress, type CoordinatorPeer } from '../link/dial.ts';
import type { Signed } from '../link/frames.ts';
import { encodeAhead } from '../link/encode-ahead.ts';
import type { Logger } from '../logger.ts';
import type { StallOptions } from '../attempts/stall-watch.ts';
import type { OutputStore } from '../output/store.ts';
import { Reuse } from '../reuse/reuse.ts';

export interface WorkerEngineOptions {
  readonly home: Home;
  readonly alias: string;
  readonly slots: number;
  readonly coordinator: Did;
  /** Called before every attempt to connect: a new coordinator may have another address. */
  readonly address: () => Promise<CoordinatorAddress>;
  readonly executors: ReadonlyMap<string, Executor>;
  readonly output: OutputStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The time without a coordinator and without work after which the worker ends itself. */
  readonly idleExitMs: number;
  /** The options of the stall watch of attempts. Default: no watch. */
  readonly stall?: StallOptions;
  /** Reads a stored environment of the coordinator. Default: attempts have the worker's own. */
  readonly environmentOf?: AttemptsOptions['environmentOf'];
}

/** The pauses between attempts to connect, in ms: each is twice the one before, up to the last. */
const RECONNECT_FIRST_MS = 20;
const RECONNECT_LAST_MS = 1000;
/** The age below which a lost connection counts as a failed attempt, so that the pause keeps growing. */
const STEADY_MS = 1000;

/**
 * The time after the grace of a stop for attempts that do not end and records that are not acknowledged, in
 * milliseconds.
 */
const LEAVE_MS = 15_000;

/**
 * The number of attempts without side effects that one step starts. The first results are sent while the next ones are
 * made, and a long queue does not block the event loop.
 */
const STARTS_PER_STEP = 256;

/** The number of records after which an idle worker saves a checkpoint. */
const CHECKPOINT_RECORDS = 20_000;
const CHECKPOINT_IDLE_MS = 1000;

/** Runs a worker: the rules in `domain/worker` with a log, a link and executors. */
export class WorkerEngine {
  readonly did: Did;
  readonly #options: WorkerEngineOptions;
  readonly #core: Worker;
  readonly #startedAt: number;
  readonly #attempts: Attempts;
  readonly #closing = new AbortController();
  #log: Log | undefined;
  #peer: CoordinatorPeer | undefined;
  #endpoint: string | null = null;
  #heartbeatClock = 0;
  #heartbeatTimer: NodeJS.Timeout | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  /** The end of the grace of a stop, by the clock in ms. */
  #graceEnds = Number.POSITIVE_INFINITY;
  readonly #processStart = processStart(process.pid);
  #longestPauseMs = RECONNECT_LAST_MS;
  /** The last logged problem of the link. Each one is logged once, not at every attempt. */
  #trouble: string | undefined;
  #aloneSince: number;
  #stepping = false;
  #checkpointTimer: NodeJS.Timeout | undefined;
  #checkpointed = 0;
  #deadline = Number.POSITIVE_INFINITY;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #exit: (reason: string) => void = () => {};
  #fail: (error: Error) => void = () => {};
  /** Resolves with the reason when this worker is to end; rejects when it can't go on. */
  readonly ended = new Promise<string>((resolve, reject) => {
    this.#exit = resolve;
    this.#fail = reject;
  });

  constructor(options: WorkerEngineOptions) {
    this.#options = options;
    this.did = options.home.key.did;
    this.#startedAt = options.clock.now();
    this.#aloneSince = this.#startedAt;
    this.ended.catch(() => {});
    this.#attempts = new Attempts({
      executors: options.executors,
      output: options.output,
      ...(options.stall !== undefined && { stall: options.stall }),
      onStalled: (key, silentMs) => this.#step(() => this.#core.stalled(key, silentMs)),
      ...(options.environmentOf !== undefined && { environmentOf: options.environmentOf }),
      reuse: new Reuse({ clock: options.clock, onFault: message => options.logger.error(message) }),
      onBare: key => this.#step(() => this.#core.notBegun(key, ENVIRONMENT_GONE)),
      onFinished: (key, result) => this.#step(() => this.#core.finished(key, result)),
    });
    this.#core = new Worker({
      self: this.did,
      slots: options.slots,
      hasSideEffects: name => options.executors.get(name)?.sideEffects ?? false,
    });
  }

  /** Replays a record of the log that `start` gets later. */
  replay({ record }: SealedRecord): void {
    if (record.thread === RESERVED.instanceRegistry && record.actor === this.did)
      this.#heartbeatClock = record.clock + 1;
    this.#core.replay(record);
  }

  /** Restores the state of a checkpoint. @returns false to have the whole log replayed instead. */
  restore(checkpoint: Checkpoint | undefined): boolean {
    if (checkpoint === undefined || !this.#core.restore(checkpoint.state)) return false;
    this.#checkpointed = checkpoint.position;
    return true;
  }

  /** Reports the results of an earlier process, and connects to the coordinator until `close`. */
  start(log: Log, endpoint: string | null): void {
    this.#log = log;
    this.#endpoint = endpoint;
    void log.failed.then(error => this.#fail(error));
    this.#step(() => this.#core.recover());
    void this.#stayConnected();
  }

  /** Starts nothing more, ends running attempts after the grace, then ends. Of several graces the shortest applies. */
  stop(graceMs: number): void {
    this.#step(() => {
      this.#core.stop();
      // Fenced before anything is handed back, so that this worker does not get it again.
      this.#beat();
    });
    const ends = this.#options.clock.now() + graceMs;
    if (ends >= this.#graceEnds) return;
    this.#graceEnds = ends;
    clearTimeout(this.#graceTimer);
    this.#graceTimer = setTimeout(() => this.#graceOver(), graceMs);
  }

  #graceOver(): void {
    this.#step(() => this.#core.graceOver());
    this.#graceTimer = setTimeout(
      () => this.#exit('stopped, and keeps what was not taken from it'),
      LEAVE_MS,
    );
  }

  /** Ends running attempts and hands them back, waits for their ends, and releases all resources. */
  async close(): Promise<void> {
    if (this.#log !== undefined) {
      this.#step(() => {
        this.#core.stop();
        this.#core.graceOver();
      });
    }
    this.#closing.abort();
    clearInterval(this.#heartbeatTimer);
    clearTimeout(this.#graceTimer);
    clearTimeout(this.#deadlineTimer);
    await this.#attempts.allEnded();
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
      alias: this.#options.alias,
      role: 'worker',
      version: VERSION,
      protocol: PROTOCOL,
      uptime_secs: this.#uptimeSecs(),
      pid: process.pid,
      home: this.#options.home.paths.home,
      endpoint: this.#endpoint,
      records: this.#log?.end ?? 0,
    };
    return Promise.resolve(health as Reports[N]['output']);
  }

  /** Returns the output of an attempt of this worker. `task` is the subtask's own thread. */
  output({ task, subtask, attempt = 1, follow, signal }: OutputRequest): Promise<OutputStream> {
    const { output, alias } = this.#options;
    const ended = this.#attempts.endOf(task, attempt);
    const running = ended !== undefined;
    const info = { task, subtask: Number(subtask), attempt, worker: alias, running };
    if (!follow || ended === undefined) return Promise.resolve({ info, chunks: output.read(task, attempt) });
    return Promise.resolve({ info, chunks: output.follow(task, attempt, { signal, done: ended }) });
  }

  /** Runs one step of the rules: appends its records, and performs its effects when they are durable. */
  #step(decide: () => void): void {
    this.#core.advance(this.#options.clock.now());
    if (this.#stepping) return decide();
    this.#stepping = true;
    try {
      decide();
      for (let done = 0; done < STARTS_PER_STEP; done++) {
        const atOnce = this.#core.takeAtOnce();
        if (atOnce.length === 0) break;
        for (const effect of atOnce) this.#do(effect, this.#peer);
        if (done === STARTS_PER_STEP - 1) setImmediate(() => this.#goOn());
      }
    } finally {
      this.#stepping = false;
    }
    const { records, effects } = this.#core.take();
    this.#whenDurable(this.#fresh(records), effects, this.#peer);
    this.#wakeAt(this.#core.nextDeadline);
  }

  /** Schedules a step for this time, in ms, if it is finite. */
  #wakeAt(deadline: number): void {
    if (deadline === this.#deadline) return;
    this.#deadline = deadline;
    clearTimeout(this.#deadlineTimer);
    if (deadline === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(0, deadline - this.#options.clock.now()) + 1;
    this.#deadlineTimer = setTimeout(() => {
      this.#deadline = Number.POSITIVE_INFINITY;
      this.#goOn();
    }, delayMs);
  }

  #goOn(): void {
    if (!this.#closing.signal.aborted) this.#step(() => {});
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
      this.#options.logger.error(`could not save a checkpoint: ${messageOf(error)}`);
    }
  }

  /** Returns the records that the log does not have yet: a repeated delivery contains its INTEND again. */
  #fresh(records: readonly SealedRecord[]): SealedRecord[] {
    return records.filter(
      ({ record }) => record.actor === this.did || this.#log!.find(record.id) === undefined,
    );
  }

  /**
   * Performs the effects when the records are durable. A message is sent only on the connection for which it was
   * decided. Reports that came on a later connection before its `hello` would be acknowledged together with earlier
   * ones that were lost.
   */
  #whenDurable(
    records: readonly SealedRecord[],
    effects: readonly WorkerEffect[],
    peer: CoordinatorPeer | undefined,
  ): void {
    const log = this.#log!;
    if (records.length === 0 && log.end === log.pendingEnd)
      return effects.forEach(effect => this.#do(effect, peer));
    if (records.length === 0 && effects.length === 0) return;
    const batch: Batch = { records };
    const durable = log.append(batch);
    const prepared = effects.map(effect => this.#prepare(effect, peer));
    durable.then(
      () => {
        for (const doEffect of prepared) doEffect();
        this.#checkpointWhenIdle();
      },
      (error: unknown) => this.#options.logger.error(`could not write: ${messageOf(error)}`),
    );
  }

  async #compare(delivery: Delivery): Promise<void> {
    const result = await this.#attempts.reused(delivery);
    if (result !== undefined && !this.#closing.signal.aborted)
      this.#step(() => this.#core.reused(delivery.key, result));
  }

  #prepare(effect: WorkerEffect, peer: CoordinatorPeer | undefined): () => void {
    if (effect.type !== 'send' || peer === undefined) return () => this.#do(effect, peer);
    return encodeAhead(peer, effect.message);
  }

  #do(effect: WorkerEffect, peer: CoordinatorPeer | undefined): void {
    switch (effect.type) {
      case 'send':
        peer?.send(effect.message);
        return;
      case 'start':
        if (!this.#closing.signal.aborted) this.#attempts.start(effect.delivery);
        return;
      case 'compare':
        return void this.#compare(effect.delivery);
      case 'abort':
        return this.#attempts.abort(effect.key, effect.reason);
      case 'exit':
        void this.#leave();
        return;
    }
  }

  async #leave(): Promise<void> {
    // A worker that leaves does not connect again.
    this.#closing.abort();
    await this.#peer?.end();
    this.#exit('stopped');
  }

  // --- the link -----------------------------------------------------------------------------------------------

  async #stayConnected(): Promise<void> {
    const { signal } = this.#closing;
    let delayMs = RECONNECT_FIRST_MS;
    while (!signal.aborted) {
      const begun = performance.now();
      const connection = await this.#connectOnce(signal);
      if (connection !== undefined) {
        await connection.lost;
        if (performance.now() - begun >= STEADY_MS) {
          delayMs = RECONNECT_FIRST_MS;
          this.#trouble = undefined;
        }
      } else if (this.#isAbandoned()) {
        return this.#exit('no coordinator, and nothing to do');
      }
      await pause(delayMs, signal);
      delayMs = Math.min(this.#longestPauseMs, delayMs * 2);
    }
  }

  /** @returns a promise of the connection's loss, or undefined when the coordinator could not be reached. */
  async #connectOnce(signal: AbortSignal): Promise<{ readonly lost: Promise<void> } | undefined> {
    let isLost = false;
    let reportLost = (): void => {};
    const lost = new Promise<void>(resolve => (reportLost = resolve));
    try {
      const peer = await dial({
        address: await this.#options.address(),
        key: this.#options.home.key,
        coordinator: this.#options.coordinator,
        signal,
        onMessage: message => this.#take(message),
        onClose: error => {
          if (error !== undefined) this.#complain(`link lost: ${error.message}`);
          isLost = true;
          this.#lose();
          reportLost();
        },
      });
      if (signal.aborted) await peer.end();
      // The coordinator may have closed it right after the handshake.
      else if (!isLost) this.#use(peer);
    } catch (error) {
      if (!FleetError.is(error, 'UNREACHABLE')) this.#complain(`no link: ${messageOf(error)}`);
      return undefined;
    }
    return { lost };
  }

  #use(peer: CoordinatorPeer): void {
    this.#peer = peer;
    // A restarted coordinator waits for two heartbeats before it treats a worker as hung.
    this.#longestPauseMs = Math.min(RECONNECT_LAST_MS, peer.heartbeatMs / 2);
    clearInterval(this.#heartbeatTimer);
    this.#heartbeatTimer = setInterval(() => this.#beat(), peer.heartbeatMs);
    this.#beat();
    this.#step(() => this.#core.connected());
  }

  #complain(trouble: string): void {
    if (trouble !== this.#trouble) this.#options.logger.error(trouble);
    this.#trouble = trouble;
  }

  #lose(): void {
    this.#peer = undefined;
    this.#aloneSince = this.#options.clock.now();
    clearInterval(this.#heartbeatTimer);
    this.#step(() => this.#core.disconnected());
  }

  #isAbandoned(): boolean {
    return this.#core.idle && this.#options.clock.now() - this.#aloneSince >= this.#options.idleExitMs;
  }

  #take(message: Signed<ToWorker>): void {
    if (message.type === 'stop') return this.stop(message.graceMs);
    this.#step(() => this.#core.receive(message));
  }

  #beat(): void {
    const message: ToCoordinator = {
      type: 'heartbeat',
      record: this.#heartbeat(),
      at: this.#options.clock.now(),
    };
    this.#peer?.send(message);
  }

  #heartbeat(): SealedRecord {
    const body: HeartbeatBody = {
      topic: TOPIC.heartbeat,
      did: this.did,
      alias: this.#options.alias,
      role: 'worker',
      endpoint: this.#endpoint,
      version: VERSION,
      health: this.#core.stopping ? 'draining' : 'healthy',
      pid: process.pid,
      pid_start: this.#processStart,
      slots: this.#options.slots,
      uptime_secs: this.#uptimeSecs(),
      active_dispatches: this.#core.running,
      store_records: this.#log?.end ?? 0,
    };
    const clock = Math.max(this.#heartbeatClock, Math.floor(this.#options.clock.now()));
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
    return (this.#options.clock.now() - this.#startedAt) / 1000;
  }
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
