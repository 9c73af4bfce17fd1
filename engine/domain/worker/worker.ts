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
} from '../model/messages.ts';
import { DELIVERY, type DeliveryEvent, type DeliveryState } from '../model/delivery-machines.ts';
import { next } from '../model/machine.ts';
import { doneBody, resultBody } from '../model/result-encoding.ts';

/** A delivery as its worker knows it. */
export interface Delivery {
  readonly ref: DeliveryRef;
  /** The text that `keyOf` makes of `ref`, made once. */
  readonly key: string;
  readonly intent: FleetRecord;
  readonly body: ChildBody;
  state: DeliveryState;
  /** The reason for which it was last asked to end, or null. */
  cancelReason: string | null;
  /** Since when it shows no sign of life, in ms; null while it does. */
  silentSince: number | null;
}

export type WorkerEffect =
  /** Run it. The answer is `finished`. */
  | { readonly type: 'start'; readonly delivery: Delivery }
  /** End it, started as it is, with the reason. The answer is `finished` all the same. */
  | { readonly type: 'abort'; readonly key: string; readonly reason: string }
  | { readonly type: 'send'; readonly message: ToCoordinator }
  /** Nothing is left to do after a `stop`. */
  | { readonly type: 'exit' };

export interface WorkerOutput {
  /** To append, all at once. */
  readonly records: readonly SealedRecord[];
  /** To do when the records are durable. */
  readonly effects: readonly WorkerEffect[];
}

export interface WorkerOptions {
  readonly self: Did;
  readonly slots: number;
  /** Tells whether an executor's attempts may change the world, so that their start is written down first. */
  readonly hasSideEffects: (executor: string) => boolean;
}

/** The number of reports that may be acknowledged before that is written down; until then a restart repeats them. */
const ACKS_PER_NOTE = 256;

/**
 * The rules of a worker as a state machine without effects: deliveries come in, starts and reports go out. A
 * report is sent only when it is durable here, and kept until it is durable there.
 *
 * What outlives a restart is what this worker itself wrote: which attempts it began, and which it reported. The INTENDs
 * in its log tell nothing that the coordinator does not tell again.
 */
export class Worker {
  readonly #self: Did;
  readonly #slots: number;
  readonly #hasSideEffects: (executor: string) => boolean;
  /** The deliveries that wait or run. */
  readonly #deliveries = new Map<string, Delivery>();
  readonly #queue: Delivery[] = [];
  /**
   * Reports that are not acknowledged yet, by the keys of their deliveries, oldest first; the first one has the number
   * `#outboxFirst`. There is one report to a delivery.
   */
  readonly #outbox = new Map<string, SealedRecord>();
  /**
   * The starts that were written down and that no report has followed, in their order. One that was fenced or handed
   * back stays as long as the process: the log does not tell how it ended.
   */
  readonly #begun = new Map<string, FleetRecord>();
  #outboxFirst = 0;
  #ackNoted = 0;
  readonly #clocks = new Map<ThreadId, number>();
  #noteClock = 0;
  /** The time of the present step, in ms. */
  #now = 0;
  /** The time at which the coordinator was asked whether anything may start, in ms; null when there is no question out. */
  #askedAt: number | null = null;
  /** The latest time of which it is known what was frozen, in ms. */
  #permittedAt = Number.NEGATIVE_INFINITY;
  #frozen: readonly Frozen[] = [];
  /** The time at which running work in some frozen namespace is next to be ended, in ms. */
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

  /** The time at which `advance` is to be called whatever happens, in ms; infinite when nothing is waited for. */
  get nextDeadline(): number {
    return this.#endsAt;
  }

  /** Every step begins with it: the time, in ms of a clock that rises and is never set. */
  advance(now: number): void {
    this.#now = now;
    if (now >= this.#endsAt) this.#endFrozen();
  }

  /** Applies a record of its own log, at start. */
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

  /** Returns the folded state as bytes for a checkpoint. Call it when everything decided so far is durable. */
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

  /** Takes up what `save` made, before the first `replay`. @returns false for bytes of another format. */
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
   * Reports, in the order of their starts, what an earlier process of this worker had begun: nobody can say how it
   * went. What it had only received is not known any more: the coordinator hands it over again if it still wants it.
   */
  recover(): void {
    for (const started of this.#begun.values()) this.#report(attemptBegun(started), workerDied, true);
    // Texts are not kept over a restart; sealing is a function of the content.
    for (const [key, { record, text }] of this.#outbox)
      if (text === '') this.#outbox.set(key, seal(record, record.judged_by));
  }

  /**
   * Returns the effects that need not wait until anything is durable: runs without side effects, and the end of those
   * that run. A step does these, with what follows from them, until there are none; then it calls `take`.
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

  /** The coordinator is there, anew or again: says what is held, repeats what it has not acknowledged. */
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
    for (const each of this.#deliveries.values()) this.#tellStalled(each);
    this.#pump();
  }

  /** The coordinator is gone: what runs runs on, what waits waits for its return. */
  disconnected(): void {
    this.#connected = false;
    this.#askedAt = null;
  }

  /** Child INTENDs to run, each once, however often it is delivered. */
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
    }
    this.#pump();
  }

  /**
   * Takes the freezes as of this time of this worker's own clock, in ms, and permission to start the rest for a while
   * from then on. Waiting work in a frozen namespace goes back; running work drains, or is ended when its time is over.
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

  /** An attempt ended. */
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

  /** An attempt could not begin here: it goes back, not counted. */
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

  /** A running attempt shows no sign of life for so long, in ms; null: it does again. */
  stalled(key: string, silentMs: number | null): void {
    const delivery = this.#deliveries.get(key);
    if (delivery === undefined || !isStarted(delivery)) return;
    delivery.silentSince = silentMs === null ? null : this.#now - silentMs;
    if (silentMs !== null) return this.#tellStalled(delivery);
    const message = { type: 'stalled', deliveries: [delivery.ref], silentMs } as const;
    this.#effects.push({ type: 'send', message });
  }

  #tellStalled({ ref, silentSince }: Delivery): void {
    if (silentSince === null) return;
    const message = { type: 'stalled', deliveries: [ref], silentMs: this.#now - silentSince } as const;
    this.#effects.push({ type: 'send', message });
  }

  /** Every report before this number is durable at the coordinator. */
  acknowledged(upTo: number): void {
    this.#dropAcknowledged(upTo);
    if (this.#outboxFirst - this.#ackNoted >= ACKS_PER_NOTE) this.noteAcknowledged();
    this.#exitIfDrained();
  }

  /** Writes down how far the outbox is acknowledged, so that a restart need not repeat it. */
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

  /** Gives back what has not started. */
  recall(refs: readonly DeliveryRef[]): void {
    this.#giveBackQueued(this.#find(refs), 'recalled before it started');
  }

  /** Ends and forgets what is no longer counted. */
  fence(refs: readonly DeliveryRef[]): void {
    for (const delivery of this.#find(refs)) {
      if (this.#move(delivery, 'fence') === 'fenced')
        this.#abort(delivery, 'the coordinator no longer counts this attempt');
    }
  }

  /** Starts nothing more, hands back what has not started. `graceOver` follows for what still runs. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#giveBackQueued([...this.#deliveries.values()], STOPPING);
    this.#exitIfDrained();
  }

  /** The grace of a stop is over: what runs is ended and handed back, not counted as an attempt. */
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

  /** Asks anew when half of the permit's time is over: one question at a time, however many attempts there are. */
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

  /** Ends what runs in namespaces whose time is over. Nothing starts there, so that once is enough. */
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

  /** Tells of what started and still runs at the end of the step; what is over already is told by its report. */
  #flushStarted(): void {
    const deliveries = this.#justStarted.filter(isStarted).map(({ ref }) => ref);
    this.#justStarted = [];
    if (deliveries.length > 0) this.#effects.push({ type: 'send', message: { type: 'started', deliveries } });
  }

  /** Moves a delivery on by the table; one that is over is no longer kept. @returns null for an event that is ignored */
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

  /** Gives back those of these deliveries that have not started. */
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

  /** @returns undefined for a delivery that is known already. */
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
  /** In ms; infinite where what runs may drain. */
  readonly endsAt: number;
}

/** Of what `save` writes; another one is not read, and the log is replayed instead. */
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

/** An attempt as its report needs it. */
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

/** Tells whether it runs, or will as soon as its start is durable. */
function isStarted({ state }: Delivery): boolean {
  return state === 'running' || state === 'cancelling' || state === 'fenced' || state === 'leaving';
}

/** The attempt whose start was written down with this record. */
function attemptBegun({ body, parents, thread }: FleetRecord): Attempt {
  const key = body['delivery'] as string;
  return { ref: refOfKey(key), key, intent: parents[0]!, thread, attempt: body['attempt'] as number };
}

/** The delivery that a report is about. */
function reportedRef(report: FleetRecord): DeliveryRef {
  const body = report.body as unknown as ChildDoneBody;
  return { thread: report.thread, index: body.index, delivery: body.delivery };
}

function refOf(intent: FleetRecord): DeliveryRef {
  const body = intent.body as unknown as ChildBody;
  return { thread: body.parent_thread, index: body.index, delivery: intent.clock };
}
