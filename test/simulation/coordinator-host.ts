import { FleetError } from '../../engine/errors.ts';
import { asJson, TOPIC, topicOf, type HeartbeatBody } from '../../engine/domain/model/record-bodies.ts';
import type { Coordinator } from '../../engine/domain/coordinator/coordinator.ts';
import type { Effect } from '../../engine/domain/coordinator/decision-buffer.ts';
import { applyRecord } from '../../engine/domain/fold/apply-record.ts';
import type { ToCoordinator } from '../../engine/domain/model/messages.ts';
import { restoreState, saveState } from '../../engine/domain/fold/snapshot.ts';
import { emptyState, type FleetState } from '../../engine/domain/model/state.ts';
import { RESERVED, type Did } from '../../engine/record/ids.ts';
import { seal, type SealedRecord } from '../../engine/record/record.ts';
import type { Connection } from './connection.ts';
import { Control } from './control.ts';
import { rememberingCompiler as cel } from './predicates.ts';
import { SimProcess } from './process.ts';
import { SimLog } from './sim-log.ts';
import { risingClock, type World } from './world.ts';

/** The engine around a coordinator's rules, like `runtime/coordinator`, in virtual time. */
export class CoordinatorHost {
  readonly did = 'did:sync:instance:c000000000000000' as Did;
  readonly process: SimProcess;
  readonly log: SimLog;
  readonly peers = new Map<Did, Connection>();
  core: Coordinator | undefined;
  control: Control | undefined;
  /** Called at the end of every life. */
  onCrash: () => void = () => {};
  readonly #world: World;
  readonly #connections = new Map<Connection, Did>();
  #now: () => number;
  #checkpoint: { readonly position: number; readonly bytes: Uint8Array } | undefined;
  #timer = 0;
  #timerDue = Number.POSITIVE_INFINITY;

  constructor(world: World) {
    this.#world = world;
    const { scheduler, random } = world;
    this.process = new SimProcess(scheduler);
    this.process.onWake = () => this.#wake();
    this.#now = risingClock(world, 0);
    this.log = new SimLog({
      scheduler,
      random,
      process: this.process,
      clock: () => this.#now(),
      commitMs: () => world.profile.commitMs(),
      onDurable: stored => world.watcher.durable(stored),
    });
  }

  /** Starts a life: folds the log, continues open work, and adopts living workers. */
  start(): void {
    const { rules, profile, watcher, trace, scheduler } = this.#world;
    trace.add(scheduler.now, 'coordinator', 'starts, records in its log:', this.log.end);
    this.process.begin();
    this.#now = risingClock(this.#world, this.log.lastAt);
    const state = this.#rebuild();
    this.core = new rules.Coordinator({ self: this.did, cel, heartbeatMs: profile.heartbeatMs, state });
    this.control = new Control(this.#world, this);
    watcher.coordinatorStarts(this.core);
    this.step(now => {
      this.#register(now);
      this.core!.resume(now);
    });
    this.control.resume();
  }

  /** Ends its life at once, and loses everything that was not durable. */
  crash(): void {
    if (!this.process.up) return;
    const { trace, scheduler, watcher } = this.#world;
    trace.add(
      scheduler.now,
      'coordinator',
      'crashes, records not told durable:',
      this.log.pendingEnd - this.log.end,
    );
    watcher.coordinatorCrashes(this.core!);
    this.process.end();
    for (const connection of this.#connections.keys()) connection.closeByCoordinator();
    this.#connections.clear();
    this.peers.clear();
    this.core = undefined;
    this.control = undefined;
    this.log.crash();
    watcher.rebuild();
    this.onCrash();
  }

  /** Runs one step of the rules. Appends their records, and runs their effects when the records are durable. */
  step<T>(decide: (now: number) => T): T | FleetError {
    const { core, log } = this;
    const { watcher, rules, random, profile } = this.#world;
    const now = this.#now();
    let value: T | FleetError;
    try {
      value = decide(now);
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      value = error;
    }
    const output = core!.take();
    for (const { records } of output.batches) {
      for (const { record } of records) watcher.appended(record, now);
      log.append(records, () => this.#stamp(records));
    }
    const decided = log.pendingEnd;
    watcher.stepped(core!, output, now);
    const peers = new Map(this.peers);
    const release = (): void => {
      for (const effect of output.effects) this.#do(effect, decided, peers);
    };
    if (rules.hasty) release();
    else log.whenDurable(release);
    this.#schedule();
    if (random.chance(profile.crashAfterStep)) this.process.after(random.between(0, 4), () => this.crash());
    return value;
  }

  /** Accepts a connection that a worker opened. */
  accept(did: Did, connection: Connection): void {
    this.unlink(did);
    this.peers.set(did, connection);
    connection.toWorker('welcome');
  }

  /** Remembers a connection that a worker is about to open, so that it ends with this process. */
  expect(did: Did, connection: Connection): void {
    this.#connections.set(connection, did);
  }

  lost(did: Did, connection: Connection): void {
    this.#connections.delete(connection);
    if (this.peers.get(did) !== connection) return;
    this.peers.delete(did);
    this.#world.trace.add(this.#world.scheduler.now, 'coordinator', 'lost the link to', did);
    this.step(() => this.core!.disconnected(did));
  }

  /** Closes the connection to a worker, if there is one. */
  unlink(did: Did): void {
    const connection = this.peers.get(did);
    if (connection === undefined) return;
    connection.closeByCoordinator();
    this.lost(did, connection);
  }

  take(did: Did, connection: Connection, message: ToCoordinator): void {
    const { trace, scheduler } = this.#world;
    if (this.peers.get(did) !== connection) return;
    this.#world.watcher.hears(did);
    if (message.type !== 'heartbeat')
      trace.add(scheduler.now, 'coordinator', `from ${this.#world.workers.get(did)!.alias}:`, message);
    const core = this.core!;
    switch (message.type) {
      case 'hello':
        return void this.step(now => core.hello(did, message.held, message.at, now));
      case 'report':
        return void this.step(now => this.#takeReports(did, message.first, message.records, now));
      case 'started':
        return void this.step(now => core.started(did, message.deliveries, now));
      case 'stalled':
        return void this.step(now => core.stalled(did, message.deliveries, message.silentMs, now));
      case 'returned':
        return void this.step(now => core.returned(did, message, now));
      case 'ask':
        return void this.step(now => core.asked(did, message.at, now));
      case 'heartbeat':
        return void this.step(now => core.heartbeat(did, message.record, undefined, message.at, now));
    }
  }

  /** Saves a snapshot, as the engine does when its log has no pending writes. */
  saveCheckpoint(): void {
    if (this.log.end !== this.log.pendingEnd) return;
    this.#checkpoint = { position: this.log.end, bytes: saveState(this.core!.state, cel) };
  }

  #takeReports(did: Did, first: number, records: readonly SealedRecord[], now: number): void {
    const fresh = records.filter(
      ({ record }) => this.log.find(record.id) === undefined && record.actor === did,
    );
    if (fresh.length > 0) this.core!.reports(did, { records: fresh }, now);
    this.core!.acknowledge(did, first + records.length);
  }

  #stamp(records: readonly SealedRecord[]): void {
    for (const { record } of records) {
      const topic = topicOf(record);
      if (topic === TOPIC.fanOut || topic === TOPIC.join || topic === TOPIC.retry)
        this.core!.stamp(record, this.log.records[this.log.find(record.id)!]!.at);
    }
  }

  #do(effect: Effect, decided: number, peers: ReadonlyMap<Did, Connection>): void {
    const { watcher, trace, scheduler, workers } = this.#world;
    watcher.coordinatorEffect(effect, decided);
    if (effect.type === 'end-process') return this.control!.endProcess(effect.did, effect.reason);
    trace.add(scheduler.now, 'coordinator', `to ${workers.get(effect.to)!.alias}:`, effect.message);
    peers.get(effect.to)?.toWorker(effect.message);
  }

  // --- time ---------------------------------------------------------------------------------------------------

  #schedule(): void {
    const timer = ++this.#timer;
    const now = this.#now();
    const next = this.core!.nextDeadline(now);
    this.#timerDue = Number.POSITIVE_INFINITY;
    if (next === undefined) return;
    const delay = Math.min(next - now, 86_400_000) + 1;
    this.#timerDue = this.#world.scheduler.now + delay;
    this.process.after(delay, () => {
      if (timer === this.#timer) this.#tick();
    });
  }

  #tick(): void {
    const { core } = this;
    this.#world.watcher.ticks();
    this.step(now => core!.tick(now));
  }

  /** Checks the timers first when a stopped process continues. */
  #wake(): void {
    this.#world.watcher.listens();
    if (this.#timerDue <= this.#world.scheduler.now) this.#tick();
  }

  // --- its beginning ------------------------------------------------------------------------------------------

  /**
   * Folds the log: from its beginning, from the checkpoint, or from a snapshot of any moment. The results must agree.
   */
  #rebuild(): FleetState {
    const { random, watcher } = this.#world;
    const whole = this.#replay(emptyState(), 0, this.log.end);
    const from = this.#snapshot(random.integer(0, 3));
    if (from === undefined) return whole;
    const restored = restoreState(from.bytes, cel)!;
    const state = this.#replay(restored, from.position, this.log.end);
    watcher.sameStates(whole, state, true, `restored at ${from.position} of ${this.log.end}`);
    return state;
  }

  #snapshot(how: number): { readonly position: number; readonly bytes: Uint8Array } | undefined {
    if (how === 0) return undefined;
    if (how < 3) return this.#checkpoint;
    const position = this.#world.random.integer(0, this.log.end);
    return { position, bytes: saveState(this.#replay(emptyState(), 0, position), cel) };
  }

  #replay(state: FleetState, from: number, to: number): FleetState {
    for (const { sealed, at } of this.log.records.slice(from, to))
      applyRecord(state, sealed.record, at, { self: this.did, cel });
    return state;
  }

  #register(now: number): void {
    const core = this.core!;
    if (!core.state.instances.has(this.did))
      core.admit(
        { did: this.did, alias: 'coordinator', role: 'coordinator', home: '/home/c', public_key: 'c' },
        now,
      );
    const body: HeartbeatBody = {
      topic: TOPIC.heartbeat,
      did: this.did,
      alias: 'coordinator',
      role: 'coordinator',
      endpoint: null,
      version: '1',
      health: 'healthy',
      pid: this.process.life,
      pid_start: null,
      slots: 1,
      uptime_secs: 0,
      active_dispatches: 0,
      store_records: this.log.end,
    };
    const clock = core.state.registryClocks.get(this.did) ?? 0;
    const fields = { act: 'DO', actor: this.did, data_type: 'SCALAR', parents: [], clock } as const;
    core.registerSelf(seal({ ...fields, body: asJson(body), thread: RESERVED.instanceRegistry }), now);
  }
}
