import { asJson, type ResultFields } from '../../engine/domain/model/record-bodies.ts';
import { heartbeatBody } from '../../engine/domain/testing/worker-bodies.ts';
import { keyOf, type ToCoordinator, type ToWorker } from '../../engine/domain/model/messages.ts';
import type { Delivery, Worker, WorkerEffect } from '../../engine/domain/worker/worker.ts';
import { RESERVED, type Did } from '../../engine/record/ids.ts';
import { seal, type SealedRecord } from '../../engine/record/record.ts';
import { drawAttempt } from './attempts.ts';
import { Connection } from './connection.ts';
import { SimProcess } from './process.ts';
import { SimLog } from './sim-log.ts';
import { EPOCH, risingClock, type World } from './world.ts';

const RECONNECT_FIRST_MS = 20;
const RECONNECT_LAST_MS = 1000;
/** The delay of an exit, in ms: messages sent before it still arrive. */
const EXIT_MS = 200;
/** The number of rounds of runs without side effects that one step makes. */
const STARTS_PER_STEP = 8;
/** The chance that a step of a worker with nothing under way in its log is followed by a checkpoint. */
const CHECKPOINT_CHANCE = 0.02;

interface Attempt {
  readonly delivery: Delivery;
  readonly begun: number;
  aborted: boolean;
}

/**
 * The engine around a worker's rules, like `runtime/worker`, in virtual time, with simulated pretend: unlike the
 * fleet of the transcripts, its log is durable late and may lose its end, and its links delay and break.
 */
export class WorkerHost {
  readonly did: Did;
  readonly alias: string;
  readonly process: SimProcess;
  readonly log: SimLog;
  readonly running = new Map<string, Attempt>();
  core: Worker | undefined;
  /**
   * The time since which it runs, is connected at both ends and is not stopped, in ms of the simulation; undefined
   * otherwise.
   */
  wellSince: number | undefined;
  readonly #world: World;
  #now: () => number;
  #connection: Connection | undefined;
  #stepping = false;
  #heartbeatClock = 0;
  #graceTimer: number | undefined;
  #deadline = Number.POSITIVE_INFINITY;
  #checkpoint: { readonly position: number; readonly bytes: Uint8Array } | undefined;

  constructor(world: World, index: number, alias: string) {
    this.#world = world;
    this.did = `did:sync:instance:${(index + 1).toString(16).padStart(16, 'a')}` as Did;
    this.alias = alias;
    const { scheduler, random } = world;
    this.process = new SimProcess(scheduler);
    this.#now = risingClock(world, 0);
    this.log = new SimLog({
      scheduler,
      random,
      process: this.process,
      clock: () => this.#now(),
      commitMs: () => world.profile.commitMs(),
      onDurable: stored => world.watcher.durableAtWorker(this, stored),
    });
  }

  /** Starts a life: replays its log, sends the reports of an earlier life, and looks for the coordinator. */
  start(): void {
    const { rules, profile, random } = this.#world;
    this.#trace('starts');
    this.process.begin();
    this.#now = risingClock(this.#world, this.log.lastAt);
    this.core = new rules.Worker({
      self: this.did,
      slots: profile.slots,
      hasSideEffects: executor => executor === 'shell',
    });
    this.#replay(this.core);
    this.process.after(random.between(50, 300), () => {
      this.step(() => this.core!.recover());
      this.#connect(RECONNECT_FIRST_MS);
    });
  }

  /** Folds the log, from a checkpoint if there is one. */
  #replay(core: Worker): void {
    const from = this.#checkpoint;
    const isRestored = from !== undefined && core.restore(from.bytes);
    const records = isRestored ? this.log.records.slice(from.position) : this.log.records;
    for (const { sealed } of records) core.replay(sealed.record);
  }

  /** Ends its process at once, with everything that it runs. */
  kill(why: string): void {
    if (!this.process.up) return;
    this.#trace(why);
    const { life } = this.process;
    this.process.end();
    this.wellSince = undefined;
    this.running.clear();
    this.core = undefined;
    this.#connection?.closeByWorker();
    this.#connection = undefined;
    this.#graceTimer = undefined;
    this.#deadline = Number.POSITIVE_INFINITY;
    this.log.crash();
    this.#world.coordinator.control?.noticeEnd(this, life);
  }

  /** Stops it as SIGSTOP does. */
  hang(durationMs: number): void {
    if (!this.process.up) return;
    this.#trace('hangs', durationMs);
    this.wellSince = undefined;
    this.process.stop(durationMs);
    this.process.after(0, () => this.#markWell());
  }

  breakLink(): void {
    if (this.#connection === undefined) return;
    this.#trace('link breaks');
    this.#connection.break();
  }

  get isLinked(): boolean {
    return this.#connection !== undefined && !this.#connection.isBroken;
  }

  step(decide: () => void): void {
    this.core!.advance(this.#now());
    if (this.#stepping) return decide();
    const core = this.core!;
    this.#stepping = true;
    try {
      decide();
      for (let i = 0; ; i++) {
        const atOnce = core.takeAtOnce();
        if (atOnce.length === 0) break;
        for (const effect of atOnce) this.#do(effect, this.#connection);
        if (i < STARTS_PER_STEP) continue;
        this.process.after(0, () => this.step(() => {}));
        break;
      }
    } finally {
      this.#stepping = false;
    }
    const { records, effects } = core.take();
    const fresh = records.filter(
      ({ record }) => record.actor === this.did || this.log.find(record.id) === undefined,
    );
    for (const { record } of fresh) {
      this.#world.trace.add(this.#world.scheduler.now, this.alias, 'writes', record);
      this.#world.watcher.writtenAtWorker(this, record);
    }
    const connection = this.#connection;
    const release = (): void => {
      for (const effect of effects) this.#do(effect, connection);
    };
    if (fresh.length > 0) this.log.append(fresh, () => {});
    if (this.#world.rules.hasty) release();
    else this.log.whenDurable(release);
    this.#wakeAt(core.nextDeadline);
    this.#perhapsCheckpoint();
    this.#perhapsCrash();
  }

  #wakeAt(deadline: number): void {
    if (deadline === this.#deadline || !Number.isFinite(deadline)) return void (this.#deadline = deadline);
    this.#deadline = deadline;
    this.process.after(Math.max(0, deadline - this.#now()) + 1, () => {
      if (this.#deadline === deadline) this.step(() => {});
    });
  }

  #perhapsCheckpoint(): void {
    const isQuiet = this.log.end === this.log.pendingEnd;
    if (isQuiet && this.#world.random.chance(CHECKPOINT_CHANCE))
      this.#checkpoint = { position: this.log.end, bytes: this.core!.save() };
  }

  #perhapsCrash(): void {
    const { random, profile } = this.#world;
    if (random.chance(profile.crashAfterStep / 2))
      this.process.after(random.between(0, 4), () => this.kill('crashes after a step'));
  }

  #do(effect: WorkerEffect, connection: Connection | undefined): void {
    this.#world.watcher.workerEffect(this, effect);
    switch (effect.type) {
      case 'send':
        return this.#send(effect.message, connection);
      case 'start':
        return this.#start(effect.delivery);
      // Only of subtasks with inputs, and the simulated ones have none.
      case 'compare':
        return;
      case 'abort':
        return this.#abort(effect.key);
      case 'exit':
        return this.process.after(EXIT_MS, () => this.kill('exits'));
    }
  }

  #send(message: ToCoordinator, connection: Connection | undefined): void {
    const { random, profile } = this.#world;
    connection?.toCoordinator(message);
    if (random.chance(profile.breakAfterMessage)) this.breakLink();
  }

  // --- attempts -----------------------------------------------------------------------------------------------

  #start(delivery: Delivery): void {
    const key = keyOf(delivery.ref);
    if (delivery.state !== 'running')
      return this.#finished(key, cancelledResult(delivery.cancelReason ?? 'ended before it started', 0));
    this.#world.watcher.attemptStarts(this, delivery);
    const { random, profile } = this.#world;
    const { durationMs, result } = drawAttempt(
      random,
      profile,
      delivery.body,
      EPOCH + this.#world.scheduler.now,
    );
    if (durationMs === 0 && delivery.body.executor === 'echo') return this.#finished(key, result);
    const attempt: Attempt = { delivery, begun: this.#world.scheduler.now, aborted: false };
    this.running.set(key, attempt);
    if (durationMs !== undefined) this.process.after(durationMs, () => this.#end(key, attempt, result));
    if (delivery.body.executor === 'shell' && random.chance(profile.stalls)) this.#stallLater(key, attempt);
  }

  /** Makes an attempt show no sign of life from some moment on, to its end or until it shows one again. */
  #stallLater(key: string, attempt: Attempt): void {
    const { random, watcher } = this.#world;
    const turn = (silentMs: number | null): void => {
      if (this.running.get(key) !== attempt) return;
      watcher.stallChanges(this, key, silentMs !== null);
      this.step(() => this.core!.stalled(key, silentMs));
    };
    const silentMs = random.magnitude(40, 4_000);
    this.process.after(silentMs, () => turn(silentMs));
    if (random.chance(0.5)) this.process.after(silentMs + random.magnitude(40, 8_000), () => turn(null));
  }

  #abort(key: string): void {
    const attempt = this.running.get(key);
    if (attempt === undefined || attempt.aborted) return;
    attempt.aborted = true;
    const { random, scheduler } = this.#world;
    const delay = random.chance(0.7) ? random.between(0, 5) : random.between(5, 2_000);
    this.process.after(delay, () => {
      const wallSecs = (scheduler.now - attempt.begun) / 1000;
      this.#end(key, attempt, cancelledResult('aborted', wallSecs));
    });
  }

  #end(key: string, attempt: Attempt, result: ResultFields): void {
    if (this.running.get(key) !== attempt) return;
    this.running.delete(key);
    this.#finished(key, result);
  }

  #finished(key: string, result: ResultFields): void {
    this.step(() => this.core!.finished(key, result));
  }

  // --- the link -----------------------------------------------------------------------------------------------

  #connect(delayMs: number): void {
    const { coordinator, scheduler, random, profile } = this.#world;
    if (!coordinator.process.up) {
      const next = Math.min(RECONNECT_LAST_MS, delayMs * 2);
      return this.process.after(delayMs, () => this.#connect(next));
    }
    const connection: Connection = new Connection({
      scheduler,
      random,
      delayMs: () => this.#world.profile.delayMs(),
      worker: {
        process: this.process,
        onMessage: message => this.#take(connection, message),
        onClose: () => this.#lose(connection),
      },
      coordinator: {
        process: coordinator.process,
        onMessage: message => coordinator.take(this.did, connection, message),
        onClose: () => coordinator.lost(this.did, connection),
      },
      onBreak: () => {
        if (this.#connection === connection) this.wellSince = undefined;
      },
    });
    coordinator.expect(this.did, connection);
    coordinator.process.after(profile.delayMs(), () => {
      if (!connection.isBroken) coordinator.accept(this.did, connection);
    });
    this.#connection = undefined;
    this.#dialled = connection;
  }
  #dialled: Connection | undefined;

  #take(connection: Connection, message: ToWorker | 'welcome'): void {
    if (message === 'welcome') return this.#open(connection);
    if (connection !== this.#connection) return;
    if (message.type === 'stop') return this.#stop(message.graceMs);
    if (message.type === 'permit') this.#world.watcher.permits(this, message);
    this.step(() => this.core!.receive(message));
  }

  #open(connection: Connection): void {
    if (connection !== this.#dialled) return connection.closeByWorker();
    this.#connection = connection;
    this.#trace('is linked');
    this.#markWell();
    this.#beat();
    this.#beatOn(connection);
    this.step(() => this.core!.connected());
  }

  #lose(connection: Connection): void {
    if (connection !== this.#dialled) return;
    const wasOpen = this.#connection === connection;
    this.#connection = undefined;
    this.#dialled = undefined;
    this.#trace('loses its link');
    if (wasOpen) this.step(() => this.core!.disconnected());
    this.#connect(RECONNECT_FIRST_MS);
  }

  #stop(graceMs: number): void {
    this.step(() => this.core!.stop());
    this.#beat();
    if (this.#graceTimer !== undefined) return;
    this.#graceTimer = this.process.life;
    this.process.after(graceMs, () => this.step(() => this.core!.graceOver()));
  }

  #beatOn(connection: Connection): void {
    this.process.after(this.#world.profile.heartbeatMs, () => {
      if (connection !== this.#connection) return;
      this.#beat();
      this.#beatOn(connection);
    });
  }

  #beat(): void {
    this.#connection?.toCoordinator({ type: 'heartbeat', record: this.#heartbeat(), at: this.#now() });
  }

  #heartbeat(): SealedRecord {
    const body = heartbeatBody(this.did, {
      alias: this.alias,
      health: this.core!.stopping ? 'draining' : 'healthy',
      pid: this.process.life,
      slots: this.#world.profile.slots,
      active_dispatches: this.core!.running,
      store_records: this.log.end,
    });
    const clock = Math.max(this.#heartbeatClock, Math.floor(this.#now()));
    this.#heartbeatClock = clock + 1;
    const fields = { act: 'DO', actor: this.did, data_type: 'SCALAR', parents: [], clock } as const;
    return seal({ ...fields, body: asJson(body), thread: RESERVED.instanceRegistry });
  }

  #markWell(): void {
    if (this.isLinked && !this.process.isStopped) this.wellSince ??= this.#world.scheduler.now;
  }

  #trace(what: string, detail?: number): void {
    this.#world.trace.add(this.#world.scheduler.now, this.alias, what, detail);
  }
}

function cancelledResult(reason: string, wallSecs: number): ResultFields {
  return {
    verdict: 'cancelled',
    reason,
    exit_code: null,
    signal: null,
    summary: '',
    cost_usd: 0,
    wall_time_secs: wallSecs,
  };
}
