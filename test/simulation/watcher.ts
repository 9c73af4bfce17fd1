import {
  TOPIC,
  topicOf,
  type ChildBody,
  type ChildDoneBody,
} from '../../engine/domain/model/record-bodies.ts';
import type { Coordinator } from '../../engine/domain/coordinator/coordinator.ts';
import type { Effect, Output } from '../../engine/domain/coordinator/decision-buffer.ts';
import { applyRecord } from '../../engine/domain/fold/apply-record.ts';
import { keyOf, PERMIT_MS, type DeliveryRef, type ToWorker } from '../../engine/domain/model/messages.ts';
import { emptyState, type Child, type FanOut, type FleetState } from '../../engine/domain/model/state.ts';
import type { Delivery, WorkerEffect } from '../../engine/domain/worker/worker.ts';
import { RESERVED, type Did, type RecordId, type ThreadId } from '../../engine/record/ids.ts';
import type { FleetRecord } from '../../engine/record/record.ts';
import { NAMESPACES } from './client.ts';
import { FrozenNames } from './frozen-names.ts';
import { NamespaceBook } from './namespace-book.ts';
import { must } from './invariants.ts';
import { countsOf, Oracle, same, type OracleFanOut } from './oracle.ts';
import { rememberingCompiler as cel } from './predicates.ts';
import { difference, project } from './projection.ts';
import type { SimStored } from './sim-log.ts';
import type { WorkerHost } from './worker-host.ts';
import type { World } from './world.ts';

/** The longest time from the cause of a message to the resulting step, without obstacles, in ms. */
const IN_FLIGHT_MS = 2_000;

/** The time after a grace by which running work is at least being ended, in ms: the precision of a timer. */
const ENDING_MS = 3;

/** Watches a simulation from outside. Throws a `Violation` at the first step after which an invariant does not hold. */
export class Watcher {
  readonly #world: World;
  #oracle: Oracle;
  #step = 0;
  #ticked = false;
  /** The record with each record key (actor, thread, clock), in any durable log. */
  readonly #slots = new Map<string, RecordId>();
  /** The reports of each worker, by number. */
  readonly #reports = new Map<WorkerHost, RecordId[]>();
  readonly #acknowledged = new Map<WorkerHost, number>();
  /** The time at which each delivery's report became durable at its worker. */
  readonly #reportedAt = new Map<string, number>();
  /** The deliveries with side effects that were started. */
  readonly #begun = new Set<string>();
  /**
   * The time of the last message of each worker at the coordinator, and the time since which it runs without a stop.
   */
  readonly #heardAt = new Map<Did, number>();
  #listeningSince = 0;
  /** The frozen names by the durable log, with their times, in ms. */
  readonly #frozen = new FrozenNames();
  readonly #frozenSince = new Map<string, number>();
  /** The archived namespaces by the durable log, with their times, in ms. */
  readonly #namespaces = new NamespaceBook();
  readonly #closedSince = new Map<string, number>();
  /** The fan-outs that existed in a namespace when it was archived. */
  readonly #closed = new Set<ThreadId>();
  /** The fan-outs that were open under a freeze. */
  readonly #held = new Set<ThreadId>();
  /** The decision time of each permit, and of each worker's latest, in ms. */
  readonly #decidedAt = new WeakMap<ToWorker, number>();
  readonly #permittedAt = new Map<WorkerHost, number>();
  /** The latest end times that each worker was sent, by namespace: its running work is ended at that time. */
  readonly #endings = new Map<WorkerHost, readonly { namespace: string; at: number }[]>();
  /**
   * The attempts at each worker that became stalled, whether they still are, and the time of the last change, in ms.
   */
  readonly #stalls = new Map<
    WorkerHost,
    Map<string, { readonly isSilent: boolean; readonly since: number }>
  >();
  /** The records in answers to a client. They must exist for ever. */
  readonly #answered: RecordId[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#oracle = this.#newOracle(false);
  }

  get steps(): number {
    return this.#step;
  }

  // --- the coordinator ----------------------------------------------------------------------------------------

  coordinatorStarts(core: Coordinator): void {
    this.listens();
    this.#requireStates(core.state);
  }

  /** Records that the coordinator's process runs from now on. */
  listens(): void {
    this.#listeningSince = this.#world.scheduler.now;
  }

  hears(did: Did): void {
    this.#heardAt.set(did, this.#world.scheduler.now);
  }

  /** Checks a record that was appended to the coordinator's log, at `now` by its own clock. */
  appended(record: FleetRecord, now: number): void {
    const { trace, scheduler } = this.#world;
    trace.add(scheduler.now, 'coordinator', 'writes', record);
    this.#oracle.step = this.#step;
    this.#oracle.apply(record, now);
  }

  /** Marks the next step as a tick's. */
  ticks(): void {
    this.#ticked = true;
  }

  /** Checks a finished step, whose records are appended. */
  stepped(core: Coordinator, output: Output, now: number): void {
    for (const thread of output.changed.keys()) this.#requireFanOut(core, thread);
    for (const effect of output.effects) {
      this.#requireDeliverable(effect);
      if (effect.type === 'send') this.#decidedAt.set(effect.message, this.#world.scheduler.now);
    }
    if (this.#ticked) this.#requireNoSpin(core, output, now);
    this.#ticked = false;
    if (this.#step++ % 64 === 0) this.#requireStates(core.state);
    this.#requireLinks(core);
    this.#requireHeard(core.state);
    this.#requireStalls(core);
  }

  /** Checks an effect. It was decided when the log had `decided` records, durable or not. */
  coordinatorEffect(effect: Effect, decided: number): void {
    const { log } = this.#world.coordinator;
    must(log.durable >= decided, 'I1', () => `${effect.type} at ${log.durable} of ${decided} records`);
    if (effect.type !== 'send') return;
    const { message, to } = effect;
    if (message.type === 'deliver')
      for (const { record } of message.records)
        must(log.isDurable(record.id), 'I1', () => `delivered ${record.id}, which is not durable`);
    if (message.type === 'ack') this.#requireAcknowledged(this.#world.workers.get(to)!, message.upTo);
  }

  coordinatorCrashes(core: Coordinator): void {
    this.replays(core);
  }

  /** Reads the remaining coordinator's log again after a crash. */
  rebuild(): void {
    const oracle = this.#newOracle(true);
    for (const { sealed, at } of this.#world.coordinator.log.records) oracle.apply(sealed.record, at);
    this.#oracle = oracle;
    oracle.isRereading = false;
    this.#requireAnswered();
  }

  /** Replays the log, including records that are not durable yet, and compares the states. */
  replays(core: Coordinator): void {
    const { log, did } = this.#world.coordinator;
    const state = emptyState();
    const settled = log.end === log.pendingEnd;
    for (const { sealed, at } of log.records)
      applyRecord(state, sealed.record, Number.isNaN(at) ? log.lastAt : at, { self: did, cel });
    this.sameStates(state, core.state, settled, 'live');
  }

  sameStates(replayed: FleetState, other: FleetState, settled: boolean, what: string): void {
    const found = difference(project(replayed, settled), project(other, settled));
    must(found === undefined, 'I9', () => `replayed against ${what}:\n      ${found}`);
  }

  /** Checks a request to the supervisor to end a silent worker. */
  endsProcess(worker: WorkerHost, reason: string): void {
    const { scheduler, profile } = this.#world;
    const { wellSince } = worker;
    const well = wellSince === undefined ? 0 : scheduler.now - wellSince;
    must(
      well < 3 * profile.heartbeatMs,
      'I18',
      () => `${worker.alias} is well for ${well}ms, and is ${reason}`,
    );
  }

  /** Records that a client got the answer to its command. */
  answered(record: RecordId): void {
    this.#answered.push(record);
    must(this.#world.coordinator.log.isDurable(record), 'I8', () => `answered with ${record}`);
  }

  // --- workers ------------------------------------------------------------------------------------------------

  durable(stored: readonly SimStored[]): void {
    for (const { sealed } of stored) {
      this.#requireSlot(sealed.record);
      const { thread } = sealed.record;
      if (thread === RESERVED.fleetControl || thread === RESERVED.namespaceRegistry)
        this.#noteControl(sealed.record);
    }
  }

  /** Returns true if a fan-out was open under a freeze. */
  wasHeld(thread: ThreadId): boolean {
    return this.#held.has(thread);
  }

  /** Returns true if this fan-out was open in a namespace that was archived. */
  wasClosed(thread: ThreadId): boolean {
    return this.#closed.has(thread);
  }

  durableAtWorker(worker: WorkerHost, stored: readonly SimStored[]): void {
    for (const { sealed } of stored) {
      this.#requireSlot(sealed.record);
      if (topicOf(sealed.record) !== TOPIC.childDone) continue;
      this.#reportsOf(worker).push(sealed.record.id);
      const { index, delivery } = sealed.record.body as unknown as ChildDoneBody;
      const key = keyOf({ thread: sealed.record.thread, index, delivery });
      this.#reportedAt.set(key, this.#world.scheduler.now);
    }
  }

  /** Checks a record that a worker appends to its log. A record of a start decides that start. */
  writtenAtWorker(worker: WorkerHost, { body }: FleetRecord): void {
    if (body['topic'] !== TOPIC.childStarted) return;
    const [thread] = (body['delivery'] as string).split('/');
    this.#requireMayStart(worker, this.#oracle.fanOuts.get(thread as ThreadId)!.namespace);
    const age = this.#world.scheduler.now - this.#permittedAt.get(worker)!;
    must(age <= PERMIT_MS + 1, 'I27', () => `${worker.alias} starts on a permit of ${age}ms ago`);
  }

  /** Checks a permit that a worker receives. */
  permits(worker: WorkerHost, permit: ToWorker & { readonly type: 'permit' }): void {
    const { now } = this.#world.scheduler;
    this.#permittedAt.set(worker, this.#decidedAt.get(permit)!);
    const endings = permit.frozen.flatMap(({ namespace, endsInMs }) =>
      endsInMs === null ? [] : [{ namespace, at: now + endsInMs }],
    );
    this.#endings.set(worker, endings);
    for (const { at } of endings)
      worker.process.after(at - now + ENDING_MS, () => this.#requireEnded(worker));
  }

  workerEffect(worker: WorkerHost, effect: WorkerEffect): void {
    if (effect.type !== 'send' || effect.message.type !== 'report') return;
    const { first, records } = effect.message;
    const reports = this.#reportsOf(worker);
    records.forEach(({ record }, i) => {
      must(worker.log.isDurable(record.id), 'I1', () => `${worker.alias} reports ${record.id}, not durable`);
      must(
        reports[first + i] === record.id,
        'I8',
        () => `${worker.alias} numbers report ${first + i} wrongly`,
      );
    });
  }

  attemptStarts(worker: WorkerHost, { ref, intent, body }: Delivery): void {
    const key = keyOf(ref);
    const where = (): string => `${worker.alias} starts ${key}`;
    must(body.worker === worker.did, 'I7', where);
    for (const other of this.#world.workers.values())
      must(!other.running.has(key), 'I7', () => `${where()}, which runs at ${other.alias}`);
    must(!this.#reportedAt.has(key), 'I7', () => `${where()}, which it has reported`);
    if (body.executor !== 'shell') return this.#requireMayStart(worker, body.namespace ?? 'default');
    must(worker.log.isDurable(intent.id), 'I1', () => `${where()} before that is durable`);
    must(!this.#begun.has(key), 'I7', () => `${where()}, which has begun before`);
    this.#begun.add(key);
  }

  /** Records that a running attempt shows no sign of life, or shows one again. */
  stallChanges(worker: WorkerHost, key: string, isSilent: boolean): void {
    const stalls = this.#stalls.get(worker) ?? new Map<string, { isSilent: boolean; since: number }>();
    this.#stalls.set(worker, stalls.set(key, { isSilent, since: this.#world.scheduler.now }));
  }

  #noteControl(record: FleetRecord): void {
    const { now } = this.#world.scheduler;
    this.#frozen.apply(record);
    this.#namespaces.apply(record);
    for (const namespace of NAMESPACES) {
      noteSince(this.#frozenSince, namespace, this.#frozen.has(namespace), now);
      noteSince(this.#closedSince, namespace, this.#namespaces.isClosed(namespace), now);
    }
    for (const { thread, namespace } of this.#oracle.fanOuts.values()) {
      if (this.#frozen.has(namespace)) this.#held.add(thread);
      if (this.#namespaces.isClosed(namespace)) this.#closed.add(thread);
    }
  }

  #requireMayStart(worker: WorkerHost, namespace: string): void {
    const since = this.#world.scheduler.now - (this.#frozenSince.get(namespace) ?? Infinity);
    must(
      since <= PERMIT_MS + 1,
      'I27',
      () => `${worker.alias} starts in ${namespace}, frozen for ${since}ms`,
    );
    const closed = this.#world.scheduler.now - (this.#closedSince.get(namespace) ?? Infinity);
    must(
      closed <= PERMIT_MS + 1,
      'I47',
      () => `${worker.alias} starts in ${namespace}, archived for ${closed}ms`,
    );
  }

  #requireEnded(worker: WorkerHost): void {
    const { now } = this.#world.scheduler;
    for (const { namespace, at } of this.#endings.get(worker) ?? []) {
      if (at + ENDING_MS > now) continue;
      for (const [key, { delivery, aborted }] of worker.running) {
        const claimed = delivery.body.namespace ?? 'default';
        const isWithin = namespace === 'default' || `${claimed}/`.startsWith(`${namespace}/`);
        must(aborted || !isWithin, 'I28', () => `${worker.alias} runs ${key} in ${claimed}`);
      }
    }
  }

  // --- parts --------------------------------------------------------------------------------------------------

  #newOracle(isRereading: boolean): Oracle {
    const oracle = new Oracle(this.#world.coordinator.did);
    oracle.isRereading = isRereading;
    oracle.onSpawned = worker => this.#requireGoesOn(worker);
    oracle.onTimedOut = (worker, ref) => this.#requireOverdue(worker, ref);
    return oracle;
  }

  #requireGoesOn(did: Did): void {
    const worker = this.#world.workers.get(did)!;
    const isStopping = this.#world.coordinator.control?.isStopping(worker) === true;
    must(!isStopping || this.#oracle.isRereading, 'I25', () => `${worker.alias} is given work`);
  }

  #requireOverdue(did: Did, ref: DeliveryRef): void {
    const { scheduler, workers } = this.#world;
    const worker = workers.get(did)!;
    const reportedAt = this.#reportedAt.get(keyOf(ref));
    if (this.#oracle.isRereading || reportedAt === undefined || worker.wellSince === undefined) return;
    const since = scheduler.now - Math.max(reportedAt, worker.wellSince);
    must(since < IN_FLIGHT_MS, 'I23', () => `${worker.alias} reported ${keyOf(ref)} ${since}ms ago`);
  }

  /**
   * Requires that an attempt is stalled at the coordinator exactly if it is at its worker, once the coordinator can
   * have learned of it. Ended attempts are not stalled.
   */
  #requireStalls(core: Coordinator): void {
    const { now } = this.#world.scheduler;
    for (const [worker, stalls] of this.#stalls) {
      for (const [key, { isSilent, since }] of stalls) {
        const attempt = worker.running.get(key);
        if (attempt === undefined) {
          stalls.delete(key);
          continue;
        }
        const heard = now - Math.max(since, this.#listeningSince, worker.wellSince ?? Infinity);
        const { thread, index, delivery } = attempt.delivery.ref;
        const child = core.state.tasks.get(thread)?.fanOut?.children[index];
        const isPresent = child?.worker === worker.did && child.deliveries === delivery + 1;
        if (heard < IN_FLIGHT_MS || !isPresent || child.state !== 'assigned') continue;
        const isHeld = core.silentSince(child) !== null;
        must(isHeld === isSilent, 'I46', () => `${key} at ${worker.alias}: ${isHeld}, for ${heard}ms`);
      }
    }
  }

  /** Requires that every live worker sent a message lately, while the coordinator could receive it. */
  #requireHeard(state: FleetState): void {
    const { scheduler, profile, workers } = this.#world;
    for (const { did, role, status } of state.instances.values()) {
      if (role !== 'worker' || status !== 'live') continue;
      const silence = scheduler.now - Math.max(this.#listeningSince, this.#heardAt.get(did) ?? 0);
      const most = 4 * profile.heartbeatMs + IN_FLIGHT_MS;
      must(silence < most, 'I24', () => `${workers.get(did)!.alias} is live, and silent for ${silence}ms`);
    }
  }

  /** Compares everything: the children and counts of each fan-out with the oracle's reading of the log. */
  #requireStates(state: FleetState): void {
    for (const task of state.tasks.values()) {
      const seen = this.#oracle.fanOuts.get(task.thread);
      must(
        task.hasFanOut === (seen !== undefined),
        'I4',
        () => `${task.alias} has a fan-out: ${task.hasFanOut}`,
      );
      // The fan-out of a finished task stays serialised, as in an engine.
      if (task.serializedBytes === null && seen !== undefined) this.#requireSame(task.fanOut!, seen);
    }
    this.#requireAnswered();
  }

  #requireFanOut(core: Coordinator, thread: ThreadId): void {
    const fanOut = core.state.tasks.get(thread)?.fanOut;
    const seen = this.#oracle.fanOuts.get(thread);
    if (fanOut === undefined || fanOut === null || seen === undefined) return;
    this.#requireSame(fanOut, seen);
    this.#oracle.requireNothingLeft(seen);
  }

  #requireSame(fanOut: FanOut, seen: OracleFanOut): void {
    const where = fanOut.task.alias;
    const counts = countsOf(seen);
    must(
      same(fanOut.counts, counts),
      'I4',
      () => `${where} counts ${text(fanOut.counts)}, is ${text(counts)}`,
    );
    const isJoined = fanOut.joined !== null;
    must(
      isJoined === seen.joined && fanOut.round === seen.round,
      'I2',
      () => `${where}, round ${seen.round}`,
    );
    for (const child of fanOut.children) {
      const other = seen.children[child.index]!;
      must(
        agrees(child, other),
        'I4',
        () => `${where}, subtask ${child.index}: ${text(child)}, is ${text(other)}`,
      );
    }
  }

  /** Requires that a delivery to a worker is the present one of a child that was not asked to end. */
  #requireDeliverable(effect: Effect): void {
    if (effect.type !== 'send' || effect.message.type !== 'deliver') return;
    for (const { record } of effect.message.records) {
      const { parent_thread: thread, index } = record.body as unknown as ChildBody;
      const fanOut = this.#oracle.fanOuts.get(thread)!;
      const child = fanOut.children[index]!;
      const where = (): string => `subtask ${index} of ${thread}, delivery ${record.clock} to ${effect.to}`;
      const isPresent = child.state === 'assigned' && child.deliveries - 1 === record.clock;
      must(isPresent && child.worker === effect.to, 'I7', () => `${where()}: the child is ${text(child)}`);
      const mayStart = this.#oracle.mayStart(fanOut, child) || fanOut.endedAtStep === this.#step;
      must(mayStart, 'I11', where);
    }
  }

  #requireNoSpin(core: Coordinator, output: Output, now: number): void {
    if (output.batches.length > 0 || output.effects.length > 0) return;
    const next = core.nextDeadline(now);
    must(
      next === undefined || next > now,
      'I15',
      () => `a tick at ${now} did nothing, and wants the next at once`,
    );
  }

  #requireLinks(core: Coordinator): void {
    let assigned = 0;
    for (const thread of core.state.open) assigned += core.state.tasks.get(thread)!.fanOut!.counts.running;
    let held = 0;
    for (const { did, assigned: children } of core.links.values()) {
      held += children.size;
      for (const child of children.keys())
        must(child.state === 'assigned' && child.worker === did, 'I20', () => `${did} holds ${text(child)}`);
    }
    must(held === assigned, 'I20', () => `workers hold ${held} of ${assigned} assigned`);
  }

  #requireAcknowledged(worker: WorkerHost, upTo: number): void {
    const reports = this.#reportsOf(worker);
    const { log } = this.#world.coordinator;
    for (let i = this.#acknowledged.get(worker) ?? 0; i < upTo; i++) {
      const report = reports[i];
      const isThere = report !== undefined && log.isDurable(report);
      must(isThere, 'I8', () => `report ${i} of ${worker.alias} is acknowledged, and is not durable here`);
    }
    this.#acknowledged.set(worker, Math.max(upTo, this.#acknowledged.get(worker) ?? 0));
  }

  #requireAnswered(): void {
    const { log } = this.#world.coordinator;
    for (const record of this.#answered) must(log.isDurable(record), 'I8', () => `lost ${record}`);
  }

  #requireSlot({ id, actor, thread, clock }: FleetRecord): void {
    const slot = `${actor} ${thread} ${clock}`;
    const known = this.#slots.get(slot);
    must(known === undefined || known === id, 'I14', () => `${slot} is that of ${known} and of ${id}`);
    this.#slots.set(slot, id);
  }

  #reportsOf(worker: WorkerHost): RecordId[] {
    let reports = this.#reports.get(worker);
    if (reports === undefined) this.#reports.set(worker, (reports = []));
    return reports;
  }
}

function agrees(child: Child, seen: OracleFanOut['children'][number]): boolean {
  return (
    child.state === seen.state &&
    (child.state === 'pending' || child.attempt === seen.attempt) &&
    child.deliveries === seen.deliveries &&
    child.verdict === seen.verdict &&
    child.report === seen.report &&
    (child.state !== 'assigned' || child.worker === seen.worker)
  );
}

const text = (value: unknown): string => JSON.stringify(value);

/** Records the time since which something is so. */
function noteSince(since: Map<string, number>, name: string, isSo: boolean, now: number): void {
  if (!isSo) since.delete(name);
  else if (!since.has(name)) since.set(name, now);
}
