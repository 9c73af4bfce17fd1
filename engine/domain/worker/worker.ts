import { isWithin, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import type { JsonObject } from '../../record/canonical.ts';
import { RESERVED, type Did, type RecordId, type ThreadId } from '../../record/ids.ts';
import { seal, type Act, type FleetRecord, type SealedRecord } from '../../record/record.ts';
import {
  TOPIC,
  topicOf,
  type ChildBody,
  type ChildDoneBody,
  type ResultFields,
} from '../model/record-bodies.ts';
import {
  keyOf,
  PERMIT_MS,
  refOfKey,
  type DeliveryRef,
  type FrozenNamespace,
  type ToCoordinator,
  type ToWorker,
} from '../model/messages.ts';
import { DELIVERY, type DeliveryEvent, type DeliveryState } from '../model/delivery-machines.ts';
import { next } from '../model/machine.ts';
import { doneBody, resultBody } from '../model/result-encoding.ts';

/** A delivery as its worker knows it. */
export interface Delivery {
  readonly ref: DeliveryRef;
  /** The key that `keyOf` makes of `ref`, computed once. */
  readonly key: string;
  readonly intent: FleetRecord;
  readonly body: ChildBody;
  /** The time at which it came, in ms by the clock of `advance`. */
  readonly receivedAt: number;
  state: DeliveryState;
  /** The reason of the last request to end it, or null. */
  cancelReason: string | null;
  /** The time since which it shows no sign of life, in ms; null while it shows one. */
  silentSince: number | null;
}

export type WorkerEffect =
  /** Run it. The answer is `finished`. */
  | { readonly type: 'start'; readonly delivery: Delivery }
  /** Look whether a waiting attempt can be reused. The answer is `reused`, or none. */
  | { readonly type: 'compare'; readonly delivery: Delivery }
  /** End a started attempt, with the reason. The answer is `finished` too. */
  | { readonly type: 'abort'; readonly key: string; readonly reason: string }
  | { readonly type: 'send'; readonly message: ToCoordinator }
  /** Exit: nothing is left to do after a `stop`. */
  | { readonly type: 'exit' };

export interface WorkerOutput {
  /** The records to append, all at once. */
  readonly records: readonly SealedRecord[];
  /** The effects to run when the records are durable. */
  readonly effects: readonly WorkerEffect[];
}

export interface WorkerOptions {
  readonly self: Did;
  readonly slots: number;
  /** Returns true when attempts of an executor may have side effects. Their start is then written first. */
  readonly hasSideEffects: (executor: string) => boolean;
}

/** The maximum number of acknowledgements that are not yet written. A restart repeats their reports. */
const ACKS_PER_NOTE = 256;

/**
 * The rules of a worker as a state machine without effects. Inputs are deliveries; outputs are starts and reports. A
 * report is sent only when it is durable here, and kept until it is durable at the coordinator.
 *
 * A restart preserves only what this worker itself wrote: the attempts that it began, and those that it reported. The
 * INTENDs in its log are not needed, because the coordinator repeats them.
 */
export class Worker {
  readonly #self: Did;
  readonly #slots: number;
  readonly #hasSideEffects: (executor: string) => boolean;
  /** The deliveries that wait or run. */
  readonly #deliveries = new Map<string, Delivery>();
  readonly #queue: Delivery[] = [];
  /**
   * Unacknowledged reports by the keys of their deliveries, oldest first. The first one has the number `#outboxFirst`.
   * Each delivery has one report.
   */
  readonly #outbox = new Map<string, SealedRecord>();
  /**
   * The written starts without a report, in order. A start whose delivery was fenced or handed back stays until the
   * process ends, because the log does not say how it ended.
   */
  readonly #begun = new Map<string, FleetRecord>();
  #outboxFirst = 0;
  #ackNoted = 0;
  readonly #clocks = new Map<ThreadId, number>();
  #noteClock = 0;
  /** The time of the present step, in ms. */
  #now = 0;
  /** The time of the pending request for a permit, in ms; null for none. */
  #askedAt: number | null = null;
  /** The latest time for which the freezes are known, in ms. */
  #permittedAt = Number.NEGATIVE_INFINITY;
  #frozen: readonly Frozen[] = [];
  /** The next time at which running work in a frozen namespace must end, in ms. */
  #endsAt = Number.POSITIVE_INFINITY;
  #running = 0;
  #connected = false;
  #stopping = false;
  #exited = false;
  #records: SealedRecord[] = [];
  #newReports: SealedRecord[] = [];
  #justStarted: Delivery[] = [];
  #atOnce: WorkerEffect[] = [];
  #effects: WorkerEffect[] = [];

  constructor(options: WorkerOptions) {
    this.#self = options.self;
    this.#slots = options.slots;
    this.#hasSideEffects = options.hasSideEffects;
  }

  get running(): number {
    return this.#running;
  }
  get unacknowledged(): number {
    return this.#outbox.size;
  }
  get idle(): boolean {
    return this.#running === 0;
  }
  get stopping(): boolean {
    return this.#stopping;
  }

  /** The time in ms at which `advance` must be called at the latest; infinite for no deadline. */
  get nextDeadline(): number {
    return this.#endsAt;
  }

  /** Sets the time, in ms by a monotonic clock. Every step begins with it. */
  advance(now: number): void {
    this.#now = now;
    if (now >= this.#endsAt) this.#endFrozen();
  }

  /** Applies a record of the worker's own log, at start. */
  replay(record: FleetRecord): void {
    switch (topicOf(record)) {
      case TOPIC.childStarted:
        this.#begun.set(record.body['delivery'] as string, record);
        return;
      case TOPIC.childDone: {
        this.#raiseClock(record);
        const key = keyOf(reportedRef(record));
        this.#begun.delete(key);
        this.#outbox.set(key, { record, text: '' });
        return;
      }
      case TOPIC.outboxAcked:
        this.#noteClock = record.clock + 1;
        this.#dropAcknowledged(Number(record.body['up_to']));
        this.#ackNoted = this.#outboxFirst;
        return;
      default:
        return;
    }
  }

  /** Returns the folded state as bytes for a checkpoint. Call it when all decisions are durable. */
  save(): Uint8Array {
    const saved: SavedWorker = {
      format: FORMAT,
      outboxFirst: this.#outboxFirst,
      ackNoted: this.#ackNoted,
      noteClock: this.#noteClock,
      clocks: [...this.#clocks],
      outbox: Array.from(this.#outbox.values(), ({ record }) => record),
      begun: [...this.#begun.values()],
    };
    return Buffer.from(JSON.stringify(saved));
  }

  /** Restores the output of `save`, before the first `replay`. @returns false for bytes of another format */
  restore(bytes: Uint8Array): boolean {
    const saved = JSON.parse(Buffer.from(bytes).toString('utf8')) as SavedWorker;
    if (saved.format !== FORMAT) return false;
    this.#outboxFirst = saved.outboxFirst;
    this.#ackNoted = saved.ackNoted;
    this.#noteClock = saved.noteClock;
    for (const [thread, clock] of saved.clocks) this.#clocks.set(thread, clock);
    for (const record of saved.outbox) this.#outbox.set(keyOf(reportedRef(record)), { record, text: '' });
    for (const record of saved.begun) this.#begun.set(record.body['delivery'] as string, record);
    return true;
  }

  /**
   * Reports the attempts that an earlier process of this worker began, in the order of their starts. Their results are
   * unknown. Deliveries that were only received are forgotten; the coordinator repeats those it still wants.
   */
  recover(): void {
    for (const started of this.#begun.values()) this.#report(attemptBegun(started), workerDied, true);
    // Texts are not preserved by a restart. Sealing is a function of the content, so it restores them.
    for (const [key, { record, text }] of this.#outbox)
      if (text === '') this.#outbox.set(key, seal(record, record.judged_by));
  }

  /**
   * Returns the effects that need not wait for durability: runs without side effects, and the ends of running attempts.
   * A step runs these and their consequences until there are none; then it calls `take`.
   */
  takeAtOnce(): readonly WorkerEffect[] {
    const atOnce = this.#atOnce;
    if (atOnce.length > 0) this.#atOnce = [];
    return atOnce;
  }

  /** Returns the decisions of this step. */
  take(): WorkerOutput {
    this.#flushStarted();
    if (this.#newReports.length > 0) {
      const first = this.#outboxFirst + this.#outbox.size - this.#newReports.length;
      this.#effects.push({ type: 'send', message: { type: 'report', first, records: this.#newReports } });
      this.#newReports = [];
    }
    const output = { records: this.#records, effects: this.#effects };
    this.#records = [];
    this.#effects = [];
    return output;
  }

  /** Handles a connection or reconnection: sends the held deliveries, and repeats unacknowledged reports. */
  connected(): void {
    this.#connected = true;
    // The answer to `hello` is a permit.
    const at = this.#now;
    this.#askedAt = at;
    const atWork = [...this.#deliveries.values()].filter(
      ({ state }) => state !== 'fenced' && state !== 'leaving',
    );
    const reports = [...this.#outbox.values()];
    const held = [...reports.map(({ record }) => reportedRef(record)), ...atWork.map(({ ref }) => ref)];
    this.#effects.push({ type: 'send', message: { type: 'hello', held, at } });
    const durable = reports.slice(0, reports.length - this.#newReports.length);
    if (durable.length > 0)
      this.#effects.push({
        type: 'send',
        message: { type: 'report', first: this.#outboxFirst, records: durable },
      });
    const running = [...this.#deliveries.values()].filter(isStarted).map(({ ref }) => ref);
    if (running.length > 0)
      this.#effects.push({ type: 'send', message: { type: 'started', deliveries: running } });
    for (const each of this.#deliveries.values()) this.#reportStall(each);
    this.#pump();
  }

  /** Handles a lost connection: running work continues, and waiting work waits for the reconnection. */
  disconnected(): void {
    this.#connected = false;
    this.#askedAt = null;
  }

  /** Applies a message of the coordinator. The caller times the grace of a stop. */
  receive(message: ToWorker): void {
    switch (message.type) {
      case 'deliver':
        return this.deliver(message.records);
      case 'ack':
        return this.acknowledged(message.upTo);
      case 'cancel':
        return this.cancel(message.deliveries, message.reason);
      case 'recall':
        return this.recall(message.deliveries);
      case 'fence':
        return this.fence(message.deliveries);
      case 'stop':
        return this.stop();
      case 'permit':
        return this.permitted(message.asOf, message.frozen);
    }
  }

  /** Accepts child INTENDs to run. A repeated delivery runs only once. */
  deliver(records: readonly SealedRecord[]): void {
    for (const sealed of records) {
      const { record } = sealed;
      const delivery = topicOf(record) === TOPIC.child ? this.#know(record) : undefined;
      if (delivery === undefined) continue;
      if (this.#stopping || this.#isFrozen(delivery)) {
        this.#giveBackQueued([delivery], this.#stopping ? STOPPING : FROZEN);
        continue;
      }
      this.#records.push(sealed);
      this.#queue.push(delivery);
      if (delivery.body.reuse !== undefined) this.#atOnce.push({ type: 'compare', delivery });
    }
    this.#pump();
  }

  /** Handles the finding that an accepted attempt is reused: the delivery takes no slot, and no start is written. */
  reused(key: string, result: ResultFields): void {
    const delivery = this.#deliveries.get(key);
    if (delivery !== undefined && this.#move(delivery, 'reuse') === 'reported')
      this.#reportEnd(delivery, result);
  }

  /**
   * Handles a permit: the freezes at time `asOf` by this worker's clock, in ms, and permission to start everything else
   * for a while from then on. Waiting work in a frozen namespace is handed back; running work drains, or is ended after
   * its grace.
   */
  permitted(asOf: number, frozen: readonly FrozenNamespace[]): void {
    this.#permittedAt = Math.max(this.#permittedAt, asOf);
    if (this.#askedAt !== null && asOf >= this.#askedAt) this.#askedAt = null;
    this.#frozen = frozen.map(({ namespace, words, endsInMs }) => ({
      namespace,
      words,
      endsAt: endsInMs === null ? Number.POSITIVE_INFINITY : this.#now + endsInMs,
    }));
    this.#endFrozen();
    if (frozen.length > 0)
      this.#giveBackQueued(
        [...this.#deliveries.values()].filter(each => this.#isFrozen(each)),
        FROZEN,
      );
    this.#pump();
  }

  /** Handles the end of an attempt. */
  finished(key: string, result: ResultFields): void {
    const delivery = this.#deliveries.get(key);
    const end = delivery && this.#move(delivery, 'finished');
    if (delivery === undefined || end === null) return;
    this.#running--;
    if (end === 'returned') this.#sendReturned([delivery], 'the worker stopped before it was done', true);
    if (end === 'reported') this.#reportEnd(delivery, result);
    this.#pump();
    this.#exitIfDrained();
  }

  /** Handles an attempt that could not begin here: it is handed back and not counted. */
  notBegun(key: string, reason: string): void {
    const delivery = this.#deliveries.get(key);
    const end = delivery && this.#move(delivery, 'not begun');
    if (delivery === undefined || end === null) return;
    this.#running--;
    if (end === 'returned') this.#sendReturned([delivery], reason, false);
    if (end === 'reported') this.#reportCancelled(delivery);
    this.#pump();
    this.#exitIfDrained();
  }

  /** Handles an attempt that has shown no sign of life for `silentMs`, in ms; null: it shows one again. */
  stalled(key: string, silentMs: number | null): void {
    const delivery = this.#deliveries.get(key);
    if (delivery === undefined || !isStarted(delivery)) return;
    delivery.silentSince = silentMs === null ? null : this.#now - silentMs;
    if (silentMs !== null) return this.#reportStall(delivery);
    const message = { type: 'stalled', deliveries: [delivery.ref], silentMs } as const;
    this.#effects.push({ type: 'send', message });
  }

  #reportStall({ ref, silentSince }: Delivery): void {
    if (silentSince === null) return;
    const message = { type: 'stalled', deliveries: [ref], silentMs: this.#now - silentSince } as const;
    this.#effects.push({ type: 'send', message });
  }

  /** Handles an acknowledgement: every report before this number is durable at the coordinator. */
  acknowledged(upTo: number): void {
    this.#dropAcknowledged(upTo);
    if (this.#outboxFirst - this.#ackNoted >= ACKS_PER_NOTE) this.noteAcknowledged();
    this.#exitIfDrained();
  }

  /** Writes the acknowledged position of the outbox, so that a restart does not repeat those reports. */
  noteAcknowledged(): void {
    if (this.#outboxFirst === this.#ackNoted) return;
    this.#ackNoted = this.#outboxFirst;
    const body = { topic: TOPIC.outboxAcked, up_to: this.#outboxFirst };
    this.#records.push(
      seal({
        act: 'LEARN',
        actor: this.#self,
        body,
        clock: this.#noteClock++,
        data_type: 'SCALAR',
        parents: [],
        thread: RESERVED.engineConfig,
      }),
    );
  }

  cancel(refs: readonly DeliveryRef[], reason: string): void {
    for (const delivery of this.#find(refs)) {
      const to = this.#move(delivery, 'cancel');
      if (to !== null) delivery.cancelReason = reason;
      if (to === 'reported') this.#reportCancelled(delivery);
      if (to === 'cancelling') this.#abort(delivery, reason);
    }
  }

  /** Hands back deliveries that have not started. */
  recall(refs: readonly DeliveryRef[]): void {
    this.#giveBackQueued(this.#find(refs), 'recalled before it started');
  }

  /** Ends and forgets deliveries that are no longer counted. */
  fence(refs: readonly DeliveryRef[]): void {
    for (const delivery of this.#find(refs)) {
      if (this.#move(delivery, 'fence') === 'fenced')
        this.#abort(delivery, 'the coordinator no longer counts this attempt');
    }
  }

  /** Starts nothing more, and hands back what has not started. `graceOver` follows if attempts still run. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#giveBackQueued([...this.#deliveries.values()], STOPPING);
    this.#exitIfDrained();
  }

  /** Ends running attempts after the grace of a stop, and hands them back, not counted as attempts. */
  graceOver(): void {
    for (const delivery of this.#deliveries.values()) {
      if (this.#move(delivery, 'evict') === 'leaving') this.#abort(delivery, STOPPING);
    }
    this.#exitIfDrained();
  }

  #pump(): void {
    while (this.#connected && !this.#stopping && this.#running < this.#slots && this.#queue.length > 0) {
      if (this.#queue[0]!.state === 'queued' && !this.#isPermitted) break;
      const delivery = this.#queue.shift()!;
      if (delivery.state === 'queued') this.#start(delivery);
    }
    if (this.#queue.length > 0) this.#renew();
  }

  get #isPermitted(): boolean {
    return this.#now - this.#permittedAt <= PERMIT_MS;
  }

  /** Requests a new permit in the second half of the present one. At most one request is pending. */
  #renew(): void {
    if (!this.#connected || this.#stopping || this.#askedAt !== null) return;
    if (this.#now - this.#permittedAt <= PERMIT_MS / 2) return;
    this.#askedAt = this.#now;
    this.#atOnce.push({ type: 'send', message: { type: 'ask', at: this.#now } });
  }

  #isFrozen({ body }: Delivery): boolean {
    if (this.#frozen.length === 0) return false;
    const namespace = body.namespace ?? ROOT_NAMESPACE;
    return this.#frozen.some(frozen => isWithin(namespace, frozen.namespace));
  }

  /** Ends running work in namespaces whose grace is over. Nothing starts there, so once is enough. */
  #endFrozen(): void {
    for (const { namespace, words, endsAt } of this.#frozen) {
      if (endsAt > this.#now) continue;
      for (const delivery of this.#deliveries.values()) {
        if (delivery.state !== 'running') continue;
        if (isWithin(delivery.body.namespace ?? ROOT_NAMESPACE, namespace))
          this.cancel([delivery.ref], `ended by the ${words}`);
      }
    }
    const later = this.#frozen.map(({ endsAt }) => endsAt).filter(endsAt => endsAt > this.#now);
    this.#endsAt = Math.min(Number.POSITIVE_INFINITY, ...later);
  }

  #start(delivery: Delivery): void {
    this.#running++;
    this.#move(delivery, 'start');
    if (!this.#hasSideEffects(delivery.body.executor)) {
      this.#justStarted.push(delivery);
      this.#atOnce.push({ type: 'start', delivery });
      return;
    }
    const { key } = delivery;
    const started = this.#seal(
      'DO',
      { topic: TOPIC.childStarted, delivery: key, attempt: delivery.body.attempt },
      2 * delivery.ref.delivery,
      [delivery.intent.id],
      delivery.intent.thread,
    );
    this.#records.push(started);
    this.#begun.set(key, started.record);
    this.#justStarted.push(delivery);
    this.#effects.push({ type: 'start', delivery });
  }

  /** Reports the starts of attempts that still run at the end of the step. An ended attempt has its own report. */
  #flushStarted(): void {
    const deliveries = this.#justStarted.filter(isStarted).map(({ ref }) => ref);
    this.#justStarted = [];
    if (deliveries.length > 0) this.#effects.push({ type: 'send', message: { type: 'started', deliveries } });
  }

  /** Moves a delivery on by the table, and forgets it in a final state. @returns null for an ignored event */
  #move(delivery: Delivery, event: DeliveryEvent): DeliveryState | null {
    const to = next(DELIVERY, delivery.state, event);
    if (to === null) return null;
    delivery.state = to;
    if (!isStarted(delivery)) this.#deliveries.delete(delivery.key);
    return to;
  }

  #abort({ key }: Delivery, reason: string): void {
    this.#atOnce.push({ type: 'abort', key, reason });
  }

  #reportEnd({ ref, key, intent, body }: Delivery, result: ResultFields): void {
    this.#report(
      { ref, key, intent: intent.id, thread: intent.thread, attempt: body.attempt },
      result,
      false,
    );
  }

  #reportCancelled(delivery: Delivery): void {
    this.#reportEnd(delivery, { ...nothingRan, verdict: 'cancelled', reason: delivery.cancelReason! });
  }

  #report({ ref, key, intent, thread, attempt }: Attempt, result: ResultFields, lost: boolean): void {
    const know = this.#seal('KNOW', resultBody(result, attempt), 2 * ref.delivery + 1, [intent], thread);
    this.#records.push(know);
    const clock = this.#clocks.get(ref.thread) ?? 0;
    this.#clocks.set(ref.thread, clock + 1);
    const done = doneBody(result, ref.index, attempt, ref.delivery, lost);
    const report = this.#seal('DO', done, clock, [intent], ref.thread);
    this.#begun.delete(key);
    this.#outbox.set(key, report);
    this.#records.push(report);
    this.#newReports.push(report);
  }

  #seal(
    act: Act,
    body: JsonObject,
    clock: number,
    parents: readonly RecordId[],
    thread: ThreadId,
  ): SealedRecord {
    return seal({ act, actor: this.#self, body, clock, data_type: 'SCALAR', parents, thread });
  }

  /** Hands back those of these deliveries that have not started. */
  #giveBackQueued(deliveries: readonly Delivery[], reason: string): void {
    const queued = deliveries.filter(delivery => this.#move(delivery, 'recall') === 'returned');
    if (queued.length > 0) this.#sendReturned(queued, reason, false);
  }

  #sendReturned(deliveries: readonly Delivery[], reason: string, begun: boolean): void {
    this.#effects.push({
      type: 'send',
      message: { type: 'returned', deliveries: deliveries.map(({ ref }) => ref), reason, begun },
    });
  }

  #exitIfDrained(): void {
    if (!this.#stopping || this.#exited || this.#running > 0) return;
    if (this.#connected && this.#outbox.size > 0) return;
    this.#exited = true;
    this.noteAcknowledged();
    this.#effects.push({ type: 'exit' });
  }

  /** @returns undefined for a known delivery */
  #know(intent: FleetRecord): Delivery | undefined {
    const ref = refOf(intent);
    const key = keyOf(ref);
    if (this.#deliveries.has(key) || this.#outbox.has(key)) return undefined;
    const body = intent.body as unknown as ChildBody;
    const delivery: Delivery = {
      ref,
      key,
      intent,
      body,
      receivedAt: this.#now,
      state: 'queued',
      cancelReason: null,
      silentSince: null,
    };
    this.#deliveries.set(key, delivery);
    return delivery;
  }

  #find(refs: readonly DeliveryRef[]): Delivery[] {
    return refs.map(ref => this.#deliveries.get(keyOf(ref))).filter(delivery => delivery !== undefined);
  }

  #dropAcknowledged(upTo: number): void {
    for (const key of this.#outbox.keys()) {
      if (this.#outboxFirst >= upTo) return;
      this.#outbox.delete(key);
      this.#outboxFirst++;
    }
  }

  #raiseClock({ thread, clock }: FleetRecord): void {
    this.#clocks.set(thread, Math.max(this.#clocks.get(thread) ?? 0, clock + 1));
  }
}

interface Frozen {
  readonly namespace: string;
  readonly words: string;
  /** In ms; infinite where running work may drain. */
  readonly endsAt: number;
}

/** The version of the format of `save`. Other versions are not read; the log is replayed instead. */
const FORMAT = 2;

interface SavedWorker {
  readonly format: number;
  readonly outboxFirst: number;
  readonly ackNoted: number;
  readonly noteClock: number;
  readonly clocks: readonly [ThreadId, number][];
  readonly outbox: readonly FleetRecord[];
  readonly begun: readonly FleetRecord[];
}

/** The facts of an attempt that its report needs. */
interface Attempt {
  readonly ref: DeliveryRef;
  readonly key: string;
  readonly intent: RecordId;
  readonly thread: ThreadId;
  readonly attempt: number;
}

const FROZEN = 'nothing may start in its namespace';
const STOPPING = 'the worker is stopping';

const nothingRan = { cost_usd: 0, wall_time_secs: 0 } as const;
const workerDied = { ...nothingRan, verdict: 'failed', reason: 'worker died' } as const;

/** Returns true for a delivery that runs, or will as soon as its start is durable. */
function isStarted({ state }: Delivery): boolean {
  return state === 'running' || state === 'cancelling' || state === 'fenced' || state === 'leaving';
}

/** Returns the attempt whose start this record is. */
function attemptBegun({ body, parents, thread }: FleetRecord): Attempt {
  const key = body['delivery'] as string;
  return { ref: refOfKey(key), key, intent: parents[0]!, thread, attempt: body['attempt'] as number };
}

/** Returns the delivery that a report is about. */
function reportedRef(report: FleetRecord): DeliveryRef {
  const body = report.body as unknown as ChildDoneBody;
  return { thread: report.thread, index: body.index, delivery: body.delivery };
}

function refOf(intent: FleetRecord): DeliveryRef {
  const body = intent.body as unknown as ChildBody;
  return { thread: body.parent_thread, index: body.index, delivery: intent.clock };
}
