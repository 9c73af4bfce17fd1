import type { JsonObject } from '../record/canonical.ts';
import { RESERVED, type Did, type RecordId, type ThreadId } from '../record/ids.ts';
import { seal, type Act, type FleetRecord, type SealedRecord } from '../record/record.ts';
import { TOPIC, topicOf, type ChildBody, type ChildDoneBody, type ResultFields } from './bodies.ts';
import { keyOf, type DeliveryRef, type ToCoordinator } from './messages.ts';
import { doneBody, resultBody } from './written-results.ts';

/** A delivery as its worker knows it. */
export interface Delivery {
  readonly ref: DeliveryRef;
  readonly intent: FleetRecord;
  readonly body: ChildBody;
  state: 'queued' | 'starting' | 'running' | 'done';
  /** Asked to end as cancelled, with the reason. */
  cancelled: string | null;
  /** No longer counted: its end is not reported. */
  fenced: boolean;
  /** Handed back: its end is not recorded. */
  handedBack: boolean;
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
  /** Whether an executor's attempts may change the world, so that their start is written down first. */
  readonly hasSideEffects: (executor: string) => boolean;
}

/** How many reports may be acknowledged before that is written down; until then a restart repeats them. */
const ACKS_PER_NOTE = 256;

/**
 * The rules of a worker as a state machine without effects: deliveries come in, starts and reports go out. A
 * report is sent only when it is durable here, and kept until it is durable there.
 */
export class Worker {
  readonly #self: Did;
  readonly #slots: number;
  readonly #hasSideEffects: (executor: string) => boolean;
  readonly #deliveries = new Map<string, Delivery>();
  readonly #queue: Delivery[] = [];
  /** Reports that are not acknowledged yet, oldest first; the first one has the number `#outboxFirst`. */
  #outbox: SealedRecord[] = [];
  /**
   * Of these reports, those whose INTEND a checkpoint no longer tells of: it was forgotten before the checkpoint, handed
   * over again after it, and not written a second time.
   */
  readonly #reportedOnly = new Map<string, DeliveryRef>();
  #outboxFirst = 0;
  #ackNoted = 0;
  readonly #clocks = new Map<ThreadId, number>();
  #noteClock = 0;
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
    return this.#outbox.length;
  }
  get idle(): boolean {
    return this.#running === 0;
  }
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Applies a record of its own log, at start. */
  replay(record: FleetRecord): void {
    switch (topicOf(record)) {
      case TOPIC.child:
        this.#know(record);
        return;
      case TOPIC.childStarted: {
        const delivery = this.#deliveries.get(record.body['delivery'] as string);
        if (delivery !== undefined) delivery.state = 'running';
        return;
      }
      case TOPIC.childDone: {
        this.#raiseClock(record);
        this.#outbox.push({ record, text: '' });
        const delivery = this.#deliveries.get(keyOf(reportedRef(record)));
        if (delivery !== undefined) delivery.state = 'done';
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

  /** What the log folds to, as bytes for a checkpoint. Call it when everything decided so far is durable. */
  save(): Uint8Array {
    const saved: SavedWorker = {
      format: FORMAT,
      outboxFirst: this.#outboxFirst,
      ackNoted: this.#ackNoted,
      noteClock: this.#noteClock,
      clocks: [...this.#clocks],
      outbox: this.#outbox.map(({ record }) => record),
      deliveries: [...this.#deliveries.values()].map(each => ({
        intent: each.intent,
        state: this.#loggedState(each),
      })),
    };
    return Buffer.from(JSON.stringify(saved));
  }

  /** What the log tells of a delivery: nothing of a run without side effects before it has ended. */
  #loggedState(delivery: Delivery): Delivery['state'] {
    if (!isStarted(delivery)) return delivery.state;
    return this.#hasSideEffects(delivery.body.executor) ? 'running' : 'queued';
  }

  /** Takes up what `save` made, before the first `replay`. @returns false for bytes of another format. */
  restore(bytes: Uint8Array): boolean {
    const saved = JSON.parse(Buffer.from(bytes).toString('utf8')) as SavedWorker;
    if (saved.format !== FORMAT) return false;
    this.#outboxFirst = saved.outboxFirst;
    this.#ackNoted = saved.ackNoted;
    this.#noteClock = saved.noteClock;
    for (const [thread, clock] of saved.clocks) this.#clocks.set(thread, clock);
    this.#outbox = saved.outbox.map(record => ({ record, text: '' }));
    for (const { intent, state } of saved.deliveries) this.#know(intent).state = state;
    return true;
  }

  /**
   * Ends what an earlier process of this worker had started: nobody can say how it went. What it had only received
   * is forgotten: the coordinator hands it over again if it still wants it.
   */
  recover(): void {
    for (const [key, delivery] of this.#deliveries) {
      if (delivery.state === 'running') this.#report(delivery, workerDied, true);
      else if (delivery.state === 'queued') this.#deliveries.delete(key);
    }
    for (const { record } of this.#outbox) {
      const ref = reportedRef(record);
      if (!this.#deliveries.has(keyOf(ref))) this.#reportedOnly.set(keyOf(ref), ref);
    }
    // Texts are not kept over a restart; sealing is a function of the content.
    this.#outbox = this.#outbox.map(({ record, text }) =>
      text === '' ? seal(record, record.judged_by) : { record, text },
    );
  }

  /**
   * What may be done before anything is durable: runs without side effects, and the end of those that run. A step
   * does these, with what follows from them, until there are none; then it calls `take`.
   */
  takeAtOnce(): readonly WorkerEffect[] {
    const atOnce = this.#atOnce;
    if (atOnce.length > 0) this.#atOnce = [];
    return atOnce;
  }

  /** What this step decided. */
  take(): WorkerOutput {
    this.#flushStarted();
    if (this.#newReports.length > 0) {
      const first = this.#outboxFirst + this.#outbox.length - this.#newReports.length;
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
    const held = [...this.#deliveries.values()]
      .filter(({ fenced, handedBack }) => !fenced && !handedBack)
      .map(({ ref }) => ref);
    held.push(...this.#reportedOnly.values());
    this.#effects.push({ type: 'send', message: { type: 'hello', held } });
    const durable = this.#outbox.slice(0, this.#outbox.length - this.#newReports.length);
    if (durable.length > 0)
      this.#effects.push({
        type: 'send',
        message: { type: 'report', first: this.#outboxFirst, records: durable },
      });
    const running = [...this.#deliveries.values()].filter(isStarted).map(({ ref }) => ref);
    if (running.length > 0)
      this.#effects.push({ type: 'send', message: { type: 'started', deliveries: running } });
    this.#pump();
  }

  /** The coordinator is gone: what runs runs on, what waits waits for its return. */
  disconnected(): void {
    this.#connected = false;
  }

  /** Child INTENDs to run, each once, however often it is delivered. */
  deliver(records: readonly SealedRecord[]): void {
    for (const sealed of records) {
      const { record } = sealed;
      if (topicOf(record) !== TOPIC.child || this.#isKnown(record)) continue;
      const delivery = this.#know(record);
      if (this.#stopping) {
        this.#giveBack([delivery], 'the worker is stopping');
        continue;
      }
      this.#records.push(sealed);
      this.#queue.push(delivery);
    }
    this.#pump();
  }

  /** An attempt ended. */
  finished(key: string, result: ResultFields): void {
    const delivery = this.#deliveries.get(key);
    if (delivery === undefined || delivery.state === 'done') return;
    this.#running--;
    if (delivery.handedBack) this.#giveBack([delivery], 'the worker stopped before it was done');
    else this.#report(delivery, result, false);
    this.#pump();
    this.#exitIfDrained();
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
      delivery.cancelled = reason;
      if (isStarted(delivery)) this.#atOnce.push({ type: 'abort', key: keyOf(delivery.ref), reason });
      else if (delivery.state === 'queued')
        this.#report(delivery, { ...nothingRan, verdict: 'cancelled', reason }, false);
    }
  }

  /** Gives back what has not started. */
  recall(refs: readonly DeliveryRef[]): void {
    this.#giveBack(
      this.#find(refs).filter(({ state }) => state === 'queued'),
      'recalled before it started',
    );
  }

  /** Ends and forgets what is no longer counted. */
  fence(refs: readonly DeliveryRef[]): void {
    for (const delivery of this.#find(refs)) {
      delivery.fenced = true;
      if (isStarted(delivery)) {
        this.#atOnce.push({
          type: 'abort',
          key: keyOf(delivery.ref),
          reason: 'the coordinator no longer counts this attempt',
        });
      } else if (delivery.state === 'queued') this.#forget(delivery);
    }
  }

  /** Starts nothing more, hands back what has not started. `graceOver` follows for what still runs. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#giveBack(
      [...this.#deliveries.values()].filter(({ state }) => state === 'queued'),
      'the worker is stopping',
    );
    this.#exitIfDrained();
  }

  /** The grace of a stop is over: what runs is ended and handed back, not counted as an attempt. */
  graceOver(): void {
    for (const delivery of this.#deliveries.values()) {
      if (!isStarted(delivery)) continue;
      delivery.handedBack = true;
      this.#atOnce.push({ type: 'abort', key: keyOf(delivery.ref), reason: 'the worker is stopping' });
    }
    this.#exitIfDrained();
  }

  #pump(): void {
    while (this.#connected && !this.#stopping && this.#running < this.#slots && this.#queue.length > 0) {
      const delivery = this.#queue.shift()!;
      if (delivery.state !== 'queued') continue;
      this.#start(delivery);
    }
  }

  #start(delivery: Delivery): void {
    this.#running++;
    if (!this.#hasSideEffects(delivery.body.executor)) {
      delivery.state = 'running';
      this.#justStarted.push(delivery);
      this.#atOnce.push({ type: 'start', delivery });
      return;
    }
    delivery.state = 'starting';
    const body = { topic: TOPIC.childStarted, delivery: keyOf(delivery.ref), attempt: delivery.body.attempt };
    const clock = 2 * delivery.ref.delivery;
    this.#records.push(
      seal({
        act: 'DO',
        actor: this.#self,
        body,
        clock,
        data_type: 'SCALAR',
        parents: [delivery.intent.id],
        thread: delivery.intent.thread,
      }),
    );
    this.#justStarted.push(delivery);
    this.#effects.push({ type: 'start', delivery });
  }

  /** Tells of what started and still runs at the end of the step; what is over already is told by its report. */
  #flushStarted(): void {
    const deliveries = this.#justStarted.filter(isStarted).map(({ ref }) => ref);
    this.#justStarted = [];
    if (deliveries.length > 0) this.#effects.push({ type: 'send', message: { type: 'started', deliveries } });
  }

  #report(delivery: Delivery, result: ResultFields, lost: boolean): void {
    delivery.state = 'done';
    if (delivery.fenced) return this.#forget(delivery);
    const { index, attempt, parent_thread } = delivery.body;
    const number = delivery.ref.delivery;
    const parents = [delivery.intent.id];
    const know = this.#seal(
      'KNOW',
      resultBody(result, attempt),
      2 * number + 1,
      parents,
      delivery.intent.thread,
    );
    this.#records.push(know);
    const clock = this.#clocks.get(parent_thread) ?? 0;
    this.#clocks.set(parent_thread, clock + 1);
    const report = this.#seal(
      'DO',
      doneBody(result, index, attempt, number, lost),
      clock,
      parents,
      parent_thread,
    );
    this.#records.push(report);
    this.#outbox.push(report);
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

  #giveBack(deliveries: readonly Delivery[], reason: string): void {
    if (deliveries.length === 0) return;
    for (const delivery of deliveries) this.#forget(delivery);
    this.#effects.push({
      type: 'send',
      message: { type: 'returned', deliveries: deliveries.map(({ ref }) => ref), reason },
    });
  }

  #forget(delivery: Delivery): void {
    delivery.state = 'done';
    this.#deliveries.delete(keyOf(delivery.ref));
  }

  #exitIfDrained(): void {
    if (!this.#stopping || this.#exited || this.#running > 0) return;
    if (this.#connected && this.#outbox.length > 0) return;
    this.#exited = true;
    this.noteAcknowledged();
    this.#effects.push({ type: 'exit' });
  }

  #isKnown(intent: FleetRecord): boolean {
    const key = keyOf(refOf(intent));
    return this.#deliveries.has(key) || this.#reportedOnly.has(key);
  }

  #know(intent: FleetRecord): Delivery {
    const ref = refOf(intent);
    const body = intent.body as unknown as ChildBody;
    const delivery: Delivery = {
      ref,
      intent,
      body,
      state: 'queued',
      cancelled: null,
      fenced: false,
      handedBack: false,
    };
    this.#deliveries.set(keyOf(ref), delivery);
    return delivery;
  }

  #find(refs: readonly DeliveryRef[]): Delivery[] {
    return refs.map(ref => this.#deliveries.get(keyOf(ref))).filter(delivery => delivery !== undefined);
  }

  #dropAcknowledged(upTo: number): void {
    const dropped = this.#outbox.splice(0, Math.max(0, upTo - this.#outboxFirst));
    this.#outboxFirst += dropped.length;
    for (const { record } of dropped) {
      const key = keyOf(reportedRef(record));
      this.#deliveries.delete(key);
      this.#reportedOnly.delete(key);
    }
  }

  #raiseClock({ thread, clock }: FleetRecord): void {
    this.#clocks.set(thread, Math.max(this.#clocks.get(thread) ?? 0, clock + 1));
  }
}

/** Of what `save` writes; another one is not read, and the log is replayed instead. */
const FORMAT = 1;

interface SavedWorker {
  readonly format: number;
  readonly outboxFirst: number;
  readonly ackNoted: number;
  readonly noteClock: number;
  readonly clocks: readonly [ThreadId, number][];
  readonly outbox: readonly FleetRecord[];
  readonly deliveries: readonly { readonly intent: FleetRecord; readonly state: Delivery['state'] }[];
}

const nothingRan = { cost_usd: 0, wall_time_secs: 0 } as const;
const workerDied = { ...nothingRan, verdict: 'failed', reason: 'worker died' } as const;

/** Whether it runs, or will as soon as its start is durable. */
function isStarted({ state }: Delivery): boolean {
  return state === 'running' || state === 'starting';
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
