import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  VERSION,
  type CallContext,
  type EngineEvent,
  type OutputRequest,
  type OutputStream,
  type WatchOptions,
} from '../../contract/engine.ts';
import { requireInSnapshots } from '../../contract/snapshot.ts';
import { Watchers, type Watcher } from '../../contract/watchers.ts';
import type { Coordinator } from '../../domain/coordinator/coordinator.ts';
import type { Effect, OutBatch, Output } from '../../domain/coordinator/decision-buffer.ts';
import type { ToCoordinator } from '../../domain/model/messages.ts';
import type { CelCompiler } from '../../domain/model/predicate.ts';
import { asJson, TOPIC, topicOf, type HeartbeatBody } from '../../domain/model/record-bodies.ts';
import type { FleetFacts } from '../../domain/views/views.ts';
import { FleetError, messageOf } from '../../errors.ts';
import type { Home } from '../../home/home.ts';
import { processStart } from '../../system/process-table.ts';
import type { Log } from '../../log/log.ts';
import type { Engine } from '../../operations/engine.ts';
import {
  loadOperations,
  type CommandName,
  type Commands,
  type Operations,
  type ReportName,
  type Reports,
} from '../../operations/index.ts';
import { RESERVED, type Did, type ThreadId } from '../../record/ids.ts';
import { seal, type FleetRecord, type SealedRecord } from '../../record/record.ts';
import type { Clock } from '../clock.ts';
import type { Executor } from '../executors/executor.ts';
import { acceptLink, type WorkerPeer } from '../link/accept.ts';
import { encodeAhead } from '../link/encode-ahead.ts';
import type { Signed } from '../link/frames.ts';
import type { Logger } from '../logger.ts';
import { openOutput } from '../output/outputs.ts';
import type { WorktreeSettings } from '../worktrees/worktree.ts';
import { Checkpoints } from './checkpoints.ts';
import { commandDigest } from './command-digest.ts';
import { Environments } from './environments.ts';
import { FleetControl } from './fleet-control.ts';
import { freshReports } from './fresh-reports.ts';
import { KeyedCommands } from './keyed-commands.ts';
import { OperationContexts } from './operation-contexts.ts';
import type { RecordSource } from './record-source.ts';
import { SharedThreads } from './shared-threads.ts';
import type { WorkerProgram } from './supervisor.ts';
import type { Tokens } from './tokens.ts';
import { WorkSubmission } from './work-submission.ts';

export interface CoordinatorEngineOptions {
  readonly home: Home;
  readonly coordinator: Coordinator;
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cel: CelCompiler;
  readonly heartbeatMs: number;
  readonly defaultExecutor: string;
  /** The time-out in seconds of subtasks that name none; null for no time-out. */
  readonly defaultTimeoutSecs: number | null;
  /** The executors of the fleet's workers. A fan-out that an executor refuses is refused before anything is written. */
  readonly executors: ReadonlyMap<string, Executor>;
  readonly worker: WorkerProgram;
  /** The git settings with which workers make worktrees. */
  readonly worktree: Pick<WorktreeSettings, 'dirty' | 'timeoutMs'>;
  /** Searches the log; opens on first use. */
  readonly records: RecordSource;
  /** The home's tokens. The server of the engine checks requests with the same object. */
  readonly tokens: Tokens;
  /** The position of the checkpoint that the state was restored from; 0 without one. */
  readonly checkpointed: number;
  /** Called when a client asked the coordinator itself to stop. */
  readonly onStop: (error?: Error) => void;
}

/** The pause after a failed tick, in milliseconds. */
const TICK_PAUSE_MS = 1000;

/** A running coordinator: the rules in `domain/coordinator`, with a log, links and processes around them. */
export class CoordinatorEngine implements Engine {
  readonly did: Did;
  readonly #options: CoordinatorEngineOptions;
  readonly #core: Coordinator;
  readonly #peers = new Map<Did, WorkerPeer>();
  readonly #watchers = new Watchers();
  readonly #control: FleetControl;
  readonly #work: WorkSubmission;
  readonly #contexts: OperationContexts;
  /** Loaded by `start`. */
  #operations!: Operations;
  readonly #shared: SharedThreads;
  readonly #environments: Environments;
  readonly #startedAt: number;
  #endpoint: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #lastAppend: Promise<unknown> = Promise.resolve();
  readonly #processStart = processStart(process.pid);
  /** The reason why nothing can be written any more. */
  #failure: Error | undefined;
  /** Set while ticks fail, so that a fault does not make this process spin. */
  #tickPauseMs = 0;
  #setReady = (): void => {};
  /** Resolves when `start` is done. Until then the port is open and links wait. */
  readonly #ready = new Promise<void>(resolve => (this.#setReady = resolve));
  #closed = false;
  #closing: Promise<void> | undefined;
  readonly #checkpoints: Checkpoints;

  constructor(options: CoordinatorEngineOptions) {
    this.#options = options;
    this.did = options.home.key.did;
    this.#core = options.coordinator;
    this.#startedAt = options.clock.now();
    this.#checkpoints = new Checkpoints({
      log: options.log,
      state: options.coordinator.state,
      cel: options.cel,
      logger: options.logger,
      position: options.checkpointed,
    });
    this.#environments = new Environments(options.home.paths);
    this.#shared = new SharedThreads({
      engine: this,
      folder: options.home.paths.sharedDir,
      logger: options.logger,
      now: () => options.clock.now(),
    });
    this.#control = new FleetControl({
      did: this.did,
      home: options.home,
      coordinator: options.coordinator,
      clock: options.clock,
      logger: options.logger,
      executors: [...options.executors.keys()],
      worker: options.worker,
      step: decide => this.#step(decide),
      fleet: () => this.#fleetFacts(),
      threadsOf: names => this.#threadsOf(names),
      shared: this.#shared,
      watchers: this.#watchers,
      unlink: did => this.#peers.get(did)?.close(),
      onStop: options.onStop,
    });
    const keyed = new KeyedCommands({
      coordinator: options.coordinator,
      step: decide => this.#step(decide),
      isClosed: () => this.#closed,
    });
    this.#work = new WorkSubmission({ ...options, keyed, environments: this.#environments });
    this.#contexts = new OperationContexts({
      ...options,
      keyed,
      work: this.#work,
      fleet: this.#control,
      home: options.home.paths.home,
      facts: () => this.#fleetFacts(),
      now: () => options.clock.now(),
    });
    void options.log.failed.then(error => this.#fail(error));
  }

  /**
   * Starts the coordinator: registers itself, resumes the work that the log left open, and adopts running workers.
   * @param notes the messages that the next `fleet.start` shows to people, such as a port that was taken
   */
  async start(endpoint: string | null, notes: readonly string[] = []): Promise<void> {
    this.#endpoint = endpoint;
    this.#control.notes = notes;
    this.#operations = await loadOperations();
    await this.#work.resume();
    await this.#step(now => {
      const isMoved = this.#isMoved();
      this.#register(now);
      this.#core.resume(now);
      if (isMoved) this.#leaveWorkersBehind(now);
    });
    await this.#control.resume();
    this.#setReady();
    if (this.#core.state.shared.length > 0) void this.#shared.set(this.#core.state.shared);
  }

  /** Accepts a connection that asked to be a link. */
  acceptLink(_request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // The answer to a worker's `hello` depends on the log, which `start` resumes first.
    void this.#ready.then(() => this.#link(socket, head));
  }

  #link(socket: Duplex, head: Buffer): void {
    if (this.#closed) return void socket.destroy();
    acceptLink(socket, head, {
      key: this.#options.home.key,
      heartbeatMs: this.#options.heartbeatMs,
      publicKeyOf: did => {
        const instance = this.#core.state.instances.get(did);
        return instance?.role === 'worker' ? instance.publicKey : undefined;
      },
      onOpen: peer => this.#opened(peer),
      onMessage: (peer, message) => this.#take(peer, message),
      onClose: (peer, error) => this.#lost(peer, error),
      onRefused: message => this.#options.logger.error(`refused a link: ${message}`),
    });
  }

  async submit<N extends CommandName>(
    name: N,
    input: Commands[N]['input'],
    context: CallContext,
  ): Promise<Commands[N]['output']> {
    await this.#ready;
    this.#requireOpen();
    const caller =
      context.idempotencyKey === undefined
        ? context
        : { ...context, digest: await commandDigest(name, input) };
    return this.#operations.command(name).run(input, this.#contexts.ofCommand(name, caller));
  }

  /** The number of open fan-outs: not joined, or with children that have not ended. */
  get openFanOuts(): number {
    return this.#core.state.open.size;
  }

  /** True once somebody has started the fleet for more than one run: it does not end when idle. */
  get isWanted(): boolean {
    return this.#control.isWanted;
  }

  watch(options: WatchOptions): AsyncIterable<EngineEvent> {
    const watcher = this.#watchers.add(options);
    if (options.after === undefined) return watcher;
    return this.#resumed(options.after, options, watcher);
  }

  async report<N extends ReportName>(
    name: N,
    input: Reports[N]['input'],
    signal?: AbortSignal,
    holder?: string,
  ): Promise<Reports[N]['output']> {
    await this.#ready;
    this.#requireOpen();
    const asker = { ...(signal && { signal }), ...(holder !== undefined && { holder }) };
    const answer = await this.#operations.report(name).answer(input, this.#contexts.ofReport(asker));
    // Answers only with durable facts, so it waits for decisions that are not yet durable.
    if (this.#options.log.end !== this.#options.log.pendingEnd) await this.#lastAppend;
    return answer;
  }

  output(request: OutputRequest): Promise<OutputStream> {
    this.#requireOpen();
    return openOutput(this.#core, request, options => this.watch(options));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#setReady();
    clearTimeout(this.#timer);
    this.#control.close();
    for (const peer of this.#peers.values()) peer.close();
    this.#watchers.close();
    await this.#shared.close();
    await this.#environments.close();
    await this.#lastAppend.then(
      () => this.#checkpoints.close(),
      () => this.#checkpoints.abandon(),
    );
    try {
      await this.#options.records.close();
    } finally {
      await this.#options.log.close();
    }
  }

  /** Resolves the names to threads, without duplicates. */
  async #threadsOf(names: readonly string[]): Promise<readonly ThreadId[]> {
    const threads = new Set<ThreadId>();
    for (const name of names) {
      const { thread } = await this.report('thread.state', { thread: name });
      requireInSnapshots(thread);
      threads.add(thread as ThreadId);
    }
    return [...threads];
  }

  // --- steps --------------------------------------------------------------------------------------------------

  /**
   * Runs one step of the rules and appends its records. Effects, watchers and the caller wait until they are durable.
   */
  async #step<T>(decide: (now: number) => T): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    const now = this.#options.clock.now();
    let decided: () => T;
    try {
      const value = decide(now);
      decided = () => value;
    } catch (error) {
      // A refusal is thrown before the first write. Anything else decided in the step is still delivered.
      decided = () => {
        throw error;
      };
    }
    const { batches, effects, ...changes } = this.#core.take();
    const durable = this.#append(batches);
    const doEffects = effects.map(effect => this.#prepare(effect));
    const after = (): void => {
      if (this.#closed) return;
      for (const doEffect of doEffects) doEffect();
      this.#publish(changes);
      this.#work.release(changes);
      this.#checkpoints.saveWhenIdle();
    };
    if (batches.length === 0 && this.#options.log.end === this.#options.log.pendingEnd) after();
    else durable.then(after, () => {});
    this.#schedule();
    await durable;
    return decided();
  }

  #append(batches: readonly OutBatch[]): Promise<unknown> {
    for (const batch of batches) {
      this.#lastAppend = this.#options.log
        .append(batch)
        .then(({ first, at }) => this.#appended(batch.records, first, at));
      // The state already has these decisions. If they can't be written, the state is wrong.
      this.#lastAppend.catch((error: unknown) => this.#fail(error));
    }
    return this.#lastAppend;
  }

  #appended(records: readonly SealedRecord[], first: number, at: number): void {
    for (const { record } of records) {
      const topic = topicOf(record);
      if (topic === TOPIC.fanOut || topic === TOPIC.join || topic === TOPIC.retry)
        this.#core.stamp(record, at);
    }
    if (!this.#watchers.wants('record')) return;
    records.forEach(({ record }, i) =>
      this.#watchers.publish({ kind: 'record', position: first + i, at, record }),
    );
  }

  #publish({ changed, instances, namespaces }: Pick<Output, 'changed' | 'instances' | 'namespaces'>): void {
    if (this.#watchers.size === 0) return;
    for (const [thread, children] of changed) {
      const complete = this.#core.state.tasks.get(thread)?.fanOut?.joined != null;
      this.#watchers.publish({ kind: 'task', thread, children: [...children], complete });
    }
    for (const did of instances) this.#watchers.publish({ kind: 'instance', did });
    for (const id of namespaces) this.#watchers.publish({ kind: 'namespace', id });
  }

  /**
   * Prepares an effect. A message goes only to the connection for which it was decided; a later connection would take
   * it for a message decided after its own `hello`.
   */
  #prepare(effect: Effect): () => void {
    if (effect.type === 'end-process') return () => void this.#control.endProcess(effect.did, effect.reason);
    const peer = this.#peers.get(effect.to);
    return peer === undefined ? () => {} : encodeAhead(peer, effect.message);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const now = this.#options.clock.now();
    const next = this.#core.nextDeadline(now);
    // A timer's maximum delay is 2^31 ms, so a deadline beyond a day is checked again after a day.
    if (next !== undefined)
      this.#timer = setTimeout(
        () => this.#tick(),
        Math.max(Math.min(next - now, 86_400_000) + 1, this.#tickPauseMs),
      );
  }

  #tick(): void {
    this.#step(now => this.#core.tick(now)).then(
      () => (this.#tickPauseMs = 0),
      (error: unknown) => {
        this.#options.logger.error(messageOf(error));
        this.#tickPauseMs = TICK_PAUSE_MS;
        this.#schedule();
      },
    );
  }

  /** Runs a step whose result nobody waits for. */
  #dispatch(decide: (now: number) => void): void {
    this.#step(decide).catch((error: unknown) => this.#options.logger.error(messageOf(error)));
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined || this.#closed) return;
    this.#failure = error instanceof Error ? error : new Error(messageOf(error));
    this.#options.logger.error(`the log can't be written, and this coordinator stops: ${messageOf(error)}`);
    this.#options.onStop(this.#failure);
  }

  #requireOpen(): void {
    if (this.#closed) throw new FleetError('UNAVAILABLE', 'the engine is closed');
  }

  // --- links --------------------------------------------------------------------------------------------------

  #opened(peer: WorkerPeer): void {
    this.#peers.get(peer.did)?.close();
    this.#peers.set(peer.did, peer);
  }

  #take(peer: WorkerPeer, message: Signed<ToCoordinator>): void {
    const { did } = peer;
    switch (message.type) {
      case 'hello':
        this.#control.linked(did);
        this.#dispatch(now => this.#core.hello(did, message.held, message.at, now));
        return this.#control.replaceIfOther(did, peer.version);
      case 'report':
        return this.#takeReports(did, message.first, message);
      case 'started':
        return this.#dispatch(now => this.#core.started(did, message.deliveries, now));
      case 'stalled':
        return this.#dispatch(now => this.#core.stalled(did, message.deliveries, message.silentMs, now));
      case 'returned':
        this.#control.noteReturned(did, message.deliveries.length);
        return this.#dispatch(now => this.#core.returned(did, message, now));
      case 'ask':
        return this.#dispatch(now => this.#core.asked(did, message.at, now));
      case 'heartbeat':
        this.#dispatch(now =>
          this.#core.heartbeat(did, message.record, signatureOf(message, [message.record]), message.at, now),
        );
        this.#watchers.publish({ kind: 'heartbeat', did });
        return this.#control.onHello(did);
    }
  }

  /** Acknowledges reports when they are durable here, including repeated ones. */
  #takeReports(
    did: Did,
    first: number,
    message: Signed<{ readonly records: readonly SealedRecord[] }>,
  ): void {
    const fresh = freshReports(message.records, did, this.#core.state, this.#options.log);
    const signature = signatureOf(message, message.records);
    this.#dispatch(now => {
      if (fresh.length > 0)
        this.#core.reports(
          did,
          signature === undefined ? { records: fresh } : { records: fresh, signature },
          now,
        );
      this.#core.acknowledge(did, first + message.records.length);
    });
  }

  #lost(peer: WorkerPeer, error: Error | undefined): void {
    if (this.#peers.get(peer.did) !== peer) return;
    this.#peers.delete(peer.did);
    if (error !== undefined) this.#options.logger.error(`link to ${peer.did} broke: ${error.message}`);
    if (this.#closed) return;
    this.#dispatch(() => this.#core.disconnected(peer.did));
    this.#control.linkLost(peer.did);
  }

  // --- itself -------------------------------------------------------------------------------------------------

  /**
   * Returns true when this home was served from another folder before: it was moved, or is a copy of a home that may
   * still be served there.
   */
  #isMoved(): boolean {
    const known = this.#core.state.instances.get(this.did);
    return known !== undefined && known.home !== this.#options.home.paths.home;
  }

  /** Abandons the workers of the former folder: they are not searched for, adopted or ended, and their work is lost. */
  #leaveWorkersBehind(now: number): void {
    for (const { did, role, status } of [...this.#core.state.instances.values()]) {
      if (role !== 'worker' || status === 'stopped') continue;
      this.#core.abandon(did, 'this home was moved or copied, and its workers were not', now);
      this.#core.stopped(did, now);
    }
  }

  #register(now: number): void {
    const { home } = this.#options;
    if (this.#core.state.instances.get(this.did)?.home !== home.paths.home) {
      this.#core.admit(
        {
          did: this.did,
          alias: 'coordinator',
          role: 'coordinator',
          home: home.paths.home,
          public_key: home.key.publicKey,
        },
        now,
      );
    }
    this.#core.registerSelf(this.#heartbeat(), now);
  }

  #heartbeat(): SealedRecord {
    const body: HeartbeatBody = {
      topic: TOPIC.heartbeat,
      did: this.did,
      alias: 'coordinator',
      role: 'coordinator',
      endpoint: this.#endpoint,
      version: VERSION,
      health: 'healthy',
      pid: process.pid,
      pid_start: this.#processStart,
      slots: 1,
      uptime_secs: 0,
      active_dispatches: 0,
      store_records: this.#options.log.end,
    };
    const clock = this.#core.state.registryClocks.get(this.did) ?? 0;
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

  #fleetFacts(): FleetFacts {
    let active = 0;
    for (const link of this.#core.links.values()) active += link.assigned.size;
    return {
      did: this.did,
      startedAt: this.#startedAt,
      storeRecords: this.#options.log.end,
      activeDispatches: active,
      heartbeatMs: this.#options.heartbeatMs,
      url: this.#endpoint ?? `unix:${this.#options.home.paths.socket}`,
      executors: [...this.#options.executors.keys()],
      programs: Object.fromEntries(
        [...this.#options.executors.values()].flatMap(({ name, program }) =>
          program === undefined ? [] : [[name, program]],
        ),
      ),
      defaultExecutor: this.#options.defaultExecutor,
    };
  }

  async *#resumed(after: number, options: WatchOptions, live: Watcher): AsyncGenerator<EngineEvent> {
    // The position is beyond the end of this log, so the watcher saw another log and its missed events are unknown.
    const isOfAnother = after >= this.#options.log.end;
    let reached = isOfAnother ? -1 : after;
    try {
      if (isOfAnother) yield { kind: 'gap' };
      for await (const { position, at, record } of this.#options.log.read(after + 1, {
        signal: options.signal,
      })) {
        reached = position;
        const event = { kind: 'record', position, at, record } as const;
        if (live.wants(event)) yield event;
      }
      for await (const event of live) if (event.kind !== 'record' || event.position > reached) yield event;
    } catch (error) {
      if (!options.signal.aborted) throw error;
    } finally {
      live.end();
    }
  }
}

function signatureOf(message: Signed<object>, records: readonly SealedRecord[]): OutBatch['signature'] {
  return message.signature === undefined
    ? undefined
    : { ...message.signature, ids: records.map(({ record }: { record: FleetRecord }) => record.id) };
}
