import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import type { ThreadId } from '../../record/ids.ts';
import { seal, type FleetRecord, type SealedRecord } from '../../record/record.ts';
import { TOPIC, topicOf, type ResultFields } from '../model/record-bodies.ts';
import {
  keyOf,
  PERMIT_MS,
  type DeliveryRef,
  type FrozenNamespace,
  type ToCoordinator,
} from '../model/messages.ts';
import { SELF, workerDid } from '../testing/test-fleet.ts';
import { Worker, type WorkerEffect } from './worker.ts';

const PARENT = 'th_parent' as ThreadId;

const ref = (index: number, delivery = 0): DeliveryRef => ({ thread: PARENT, index, delivery });
const accepted: ResultFields = { verdict: 'accept', cost_usd: 0, wall_time_secs: 1 };

const isShell = (executor: string): boolean => executor === 'shell';

function intent(
  index: number,
  delivery = 0,
  executor = 'echo',
  namespace?: string,
  more: object = {},
): SealedRecord {
  const body = {
    attempt: 1,
    executor,
    goal: `goal ${index}`,
    index,
    ...(namespace === undefined ? {} : { namespace }),
    parent_thread: PARENT,
    task: 'T-1',
    timeout_secs: 600,
    topic: TOPIC.child,
    worker: workerDid(0),
    ...more,
  };
  const thread = `th_child${index}` as ThreadId;
  return seal({
    act: 'INTEND',
    actor: SELF,
    body,
    clock: delivery,
    data_type: 'SCALAR',
    parents: [],
    thread,
  });
}

/** A worker whose records are durable immediately, and whose attempts end when a test says so. */
class TestWorker {
  core: Worker;
  readonly log: FleetRecord[] = [];
  sent: ToCoordinator[] = [];
  started: string[] = [];
  aborted: string[] = [];
  /** The deliveries of which it asks whether they can be reused. */
  compared: string[] = [];
  exited = false;
  readonly #answers: (() => void)[] = [];
  #linked = false;
  readonly #slots: number;

  constructor(slots = 1) {
    this.#slots = slots;
    this.core = this.#newCore();
  }

  /** The time in ms; only tests advance it. */
  now = 1_000_000;
  /** True while the coordinator answers `hello` and `ask` immediately. */
  permits = true;
  frozen: readonly FrozenNamespace[] = [];
  /** The times of its requests for a permit. */
  asked: number[] = [];

  do(decide: () => void): void {
    this.core.advance(this.now);
    decide();
    for (let atOnce = this.core.takeAtOnce(); atOnce.length > 0; atOnce = this.core.takeAtOnce())
      for (const effect of atOnce) this.#perform(effect);
    const { records, effects } = this.core.take();
    const known = new Set(this.log.map(({ id }) => id));
    for (const { record } of records)
      if (record.actor === workerDid(0) || !known.has(record.id)) this.log.push(record);
    for (const effect of effects) this.#perform(effect);
    for (const answer of this.#answers.splice(0)) this.do(answer);
  }

  /** Sends the frozen namespaces, as the coordinator does when they change. */
  freeze(...frozen: readonly FrozenNamespace[]): void {
    this.frozen = frozen;
    this.do(() => this.core.permitted(this.now, frozen));
  }

  /** Advances the time and runs the step that becomes due. */
  pass(ms: number): void {
    this.now += ms;
    this.do(() => {});
  }

  deliver(...records: SealedRecord[]): void {
    this.do(() => this.core.deliver(records));
  }

  connect(): void {
    this.#linked = true;
    this.do(() => this.core.connected());
  }

  disconnect(): void {
    this.#linked = false;
    this.do(() => this.core.disconnected());
  }

  finish(of: DeliveryRef, result = accepted): void {
    this.do(() => this.core.finished(keyOf(of), result));
  }

  /** Replaces the process. The new one reads the log, or a checkpoint and the log after it. */
  restart(checkpoint?: Uint8Array, position = 0): void {
    this.#linked = false;
    this.core = this.#newCore();
    if (checkpoint !== undefined) assert.ok(this.core.restore(checkpoint));
    for (const record of this.log.slice(position)) this.core.replay(record);
    this.clear();
    this.do(() => this.core.recover());
  }

  clear(): void {
    this.sent = [];
    this.started = [];
    this.aborted = [];
  }

  messages<T extends ToCoordinator['type']>(type: T): Extract<ToCoordinator, { type: T }>[] {
    return this.sent.filter(
      (message): message is Extract<ToCoordinator, { type: T }> => message.type === type,
    );
  }

  /** Returns the reports so far as [index, verdict], oldest first. */
  reported(): unknown[] {
    return this.messages('report').flatMap(({ records }) =>
      records.map(({ record }) => [record.body['index'], record.body['verdict']]),
    );
  }

  returned(): number[] {
    return this.messages('returned').flatMap(({ deliveries }) => deliveries.map(({ index }) => index));
  }

  /** Sends a message; drops it without a connection. */
  #send(message: ToCoordinator): void {
    if (!this.#linked) return;
    if (message.type === 'ask') this.asked.push(message.at);
    else this.sent.push(message);
    if (this.permits && (message.type === 'ask' || message.type === 'hello'))
      this.#answers.push(() => this.core.permitted(message.at, this.frozen));
  }

  #newCore(): Worker {
    return new Worker({ self: workerDid(0), slots: this.#slots, hasSideEffects: isShell });
  }

  #perform(effect: WorkerEffect): void {
    if (effect.type === 'send') this.#send(effect.message);
    else if (effect.type === 'abort') this.aborted.push(effect.key);
    else if (effect.type === 'exit') this.exited = true;
    else if (effect.type === 'compare') this.compared.push(keyOf(effect.delivery.ref));
    else this.started.push(keyOf(effect.delivery.ref));
  }
}

/**
 * A worker and the messages of a coordinator. The coordinator never repeats a delivery that it acknowledged or fenced
 * under the same number. It does repeat returned deliveries, as if the `returned` message was lost.
 */
class Dialogue {
  readonly worker = connected(2);
  /** The ids of the acknowledged reports. */
  readonly acknowledged = new Set<string>();
  readonly #numbers = new Map<number, number>();

  hear(say: string, index: number): void {
    const { worker } = this;
    const current = ref(index, this.#numbers.get(index) ?? 0);
    switch (say) {
      case 'deliver':
        return worker.deliver(intent(index, current.delivery, index === 3 ? 'echo' : 'shell'));
      case 'finish':
        if (worker.started.includes(keyOf(current))) worker.finish(current);
        return;
      case 'cancel':
        return worker.do(() => worker.core.cancel([current], 'no more'));
      case 'recall':
        return worker.do(() => worker.core.recall([current]));
      case 'fence':
        this.#numbers.set(index, current.delivery + 1);
        return worker.do(() => worker.core.fence([current]));
      case 'acknowledge':
        return this.#acknowledge(index + 1);
      case 'note':
        return worker.do(() => worker.core.noteAcknowledged());
      case 'stop':
        worker.do(() => worker.core.stop());
        return worker.do(() => worker.core.graceOver());
      case 'disconnect':
        return worker.disconnect();
      case 'connect':
        return worker.connect();
      default:
        return worker.restart();
    }
  }

  #acknowledge(more: number): void {
    const reports = this.worker.log.filter(record => topicOf(record) === TOPIC.childDone);
    for (const { id, body } of reports.slice(this.acknowledged.size, this.acknowledged.size + more)) {
      this.acknowledged.add(id);
      const [index, delivery] = [Number(body['index']), Number(body['delivery'])];
      this.#numbers.set(index, Math.max(this.#numbers.get(index) ?? 0, delivery + 1));
    }
    this.worker.do(() => this.worker.core.acknowledged(this.acknowledged.size));
  }
}

/**
 * Returns a worker's first records, held deliveries and reports after it reads its log, or a checkpoint and the log
 * after it.
 */
function firstWords(log: readonly FleetRecord[], checkpoint?: Uint8Array) {
  const core = new Worker({ self: workerDid(0), slots: 2, hasSideEffects: isShell });
  if (checkpoint !== undefined) assert.ok(core.restore(checkpoint));
  for (const record of log) core.replay(record);
  core.recover();
  core.connected();
  const { records, effects } = core.take();
  const messages = effects.flatMap(effect => (effect.type === 'send' ? [effect.message] : []));
  return {
    written: records.map(({ record }) => record.id),
    held: messages.flatMap(message => (message.type === 'hello' ? message.held : [])),
    reports: messages.flatMap(message =>
      message.type === 'report' ? message.records.map(({ record }) => record.id) : [],
    ),
  };
}

function connected(slots = 1): TestWorker {
  const worker = new TestWorker(slots);
  worker.connect();
  worker.clear();
  return worker;
}

describe('a worker', () => {
  it('runs its deliveries in order, as many at a time as it has slots', () => {
    const worker = connected(2);
    worker.deliver(intent(0), intent(1), intent(2));
    assert.deepEqual(worker.started, [keyOf(ref(0)), keyOf(ref(1))]);
    worker.finish(ref(1));
    assert.deepEqual(worker.started.at(-1), keyOf(ref(2)));
    assert.deepEqual(worker.reported(), [[1, 'accept']]);
  });

  it('runs a delivery once, however often it arrives', () => {
    const worker = connected(4);
    worker.deliver(intent(0));
    worker.deliver(intent(0), intent(0));
    worker.finish(ref(0));
    worker.deliver(intent(0));
    assert.equal(worker.started.length, 1);
    assert.equal(worker.log.filter(record => topicOf(record) === TOPIC.child).length, 1);
  });

  it('starts an attempt with side effects only when its start is durable', () => {
    const worker = connected();
    worker.core.deliver([intent(0, 0, 'shell')]);
    assert.deepEqual(worker.core.takeAtOnce(), []);
    const { records, effects } = worker.core.take();
    assert.deepEqual(
      records.map(({ record }) => topicOf(record)),
      [TOPIC.child, TOPIC.childStarted],
    );
    assert.deepEqual(
      effects.map(({ type }) => type),
      ['start', 'send'],
    );
  });

  it('starts nothing while disconnected', () => {
    const worker = connected(2);
    worker.disconnect();
    worker.deliver(intent(0));
    assert.deepEqual(worker.started, []);
    worker.connect();
    assert.equal(worker.started.length, 1);
  });

  it('writes its own result and the report, on the thread of the child', () => {
    const worker = connected();
    const delivery = intent(0, 3, 'shell');
    worker.deliver(delivery);
    worker.finish(ref(0, 3), { ...accepted, exit_code: 0 });
    const [, started, result, done] = worker.log;
    assert.deepEqual([started!.clock, result!.clock], [6, 7]);
    assert.deepEqual([result!.act, result!.thread], ['KNOW', delivery.record.thread]);
    assert.deepEqual([done!.act, done!.thread, done!.body['delivery']], ['DO', PARENT, 3]);
    assert.deepEqual([result!.parents, done!.parents], [[delivery.record.id], [delivery.record.id]]);
  });
});

describe('the outbox of a worker (I8)', () => {
  it('repeats unacknowledged reports on every connection, under the same numbers', () => {
    const worker = connected(3);
    worker.deliver(intent(0), intent(1), intent(2));
    for (const index of [0, 1, 2]) worker.finish(ref(index));
    worker.do(() => worker.core.acknowledged(1));
    worker.disconnect();
    worker.clear();
    worker.connect();
    const [again] = worker.messages('report');
    assert.equal(again!.first, 1);
    assert.deepEqual(worker.reported(), [
      [1, 'accept'],
      [2, 'accept'],
    ]);
    assert.deepEqual(worker.messages('hello')[0]!.held, [ref(1), ref(2)]);
  });

  it('first sends what the worker holds on a connection', () => {
    const worker = connected(2);
    worker.deliver(intent(0), intent(1), intent(2));
    worker.finish(ref(0));
    worker.clear();
    worker.connect();
    assert.deepEqual(
      worker.sent.map(({ type }) => type),
      ['hello', 'report', 'started'],
    );
  });

  it('survives a restart, also with acknowledgements that were not written', () => {
    const worker = connected(2);
    worker.deliver(intent(0), intent(1));
    worker.finish(ref(0));
    worker.finish(ref(1));
    const [first, second] = worker.messages('report').flatMap(({ records }) => records);
    worker.do(() => worker.core.acknowledged(1));
    worker.restart();
    worker.connect();
    assert.deepEqual(worker.messages('report')[0]!.records, [first, second]);
    worker.do(() => worker.core.acknowledged(1));
    worker.do(() => worker.core.noteAcknowledged());
    worker.restart();
    worker.connect();
    assert.deepEqual([worker.messages('report')[0]!.first, worker.core.unacknowledged], [1, 1]);
  });

  it('does not grow with acknowledged reports', () => {
    const worker = connected();
    for (let i = 0; i < 600; i++) {
      worker.deliver(intent(i));
      worker.finish(ref(i));
      worker.do(() => worker.core.acknowledged(i + 1));
    }
    assert.equal(worker.core.unacknowledged, 0);
    const notes = worker.log.filter(record => topicOf(record) === TOPIC.outboxAcked);
    assert.ok(notes.length >= 1 && notes.length < 10, `${notes.length}`);
    worker.restart();
    assert.ok(worker.core.unacknowledged < 300);
  });
});

describe('a restarted worker', () => {
  it('reports started deliveries as lost, and forgets the others', () => {
    const worker = connected();
    worker.deliver(intent(0, 0, 'shell'), intent(1, 0, 'shell'));
    worker.restart();
    worker.connect();
    assert.deepEqual(worker.reported(), [[0, 'failed']]);
    const [{ record }] = worker.messages('report')[0]!.records as [SealedRecord];
    assert.deepEqual([record.body['lost'], record.body['reason']], [true, 'worker died']);
    assert.deepEqual(worker.messages('hello')[0]!.held, [ref(0)]);
  });

  it('runs attempts without side effects again when they are delivered again', () => {
    const worker = connected();
    worker.deliver(intent(0));
    worker.restart();
    worker.connect();
    assert.deepEqual(worker.messages('hello')[0]!.held, []);
    worker.deliver(intent(0));
    worker.finish(ref(0));
    assert.deepEqual(worker.reported(), [[0, 'accept']]);
    assert.equal(worker.log.filter(record => topicOf(record) === TOPIC.child).length, 1);
  });

  it('uses no clock twice (I14)', () => {
    const worker = connected(4);
    worker.deliver(intent(0, 0, 'shell'), intent(1, 0, 'shell'));
    worker.finish(ref(0));
    worker.restart();
    worker.connect();
    worker.deliver(intent(2, 0, 'shell'), intent(0, 1, 'shell'));
    worker.finish(ref(2));
    worker.finish(ref(0, 1));
    const own = worker.log.filter(({ actor }) => actor === workerDid(0));
    const slots = own.map(({ thread, clock }) => `${thread} ${clock}`);
    assert.deepEqual(slots, [...new Set(slots)]);
  });

  it('resumes from a checkpoint as from its whole log (I9)', () => {
    const about = (...says: string[]) => fc.record({ say: fc.constantFrom(...says), index: fc.nat(3) });
    const word = fc.oneof(
      { weight: 10, arbitrary: about('deliver', 'deliver', 'finish', 'recall') },
      { weight: 5, arbitrary: about('cancel', 'fence', 'acknowledge', 'note', 'disconnect', 'connect') },
      { weight: 1, arbitrary: about('restart', 'stop') },
    );
    const words = (maxLength: number) => fc.array(word, { maxLength, size: 'max' });
    fc.assert(
      fc.property(words(60), words(30), (before, after) => {
        const dialogue = new Dialogue();
        for (const { say, index } of before) dialogue.hear(say, index);
        const { worker } = dialogue;
        const [bytes, position] = [worker.core.save(), worker.log.length];
        for (const { say, index } of after) dialogue.hear(say, index);

        const [whole, restored] = [firstWords(worker.log), firstWords(worker.log.slice(position), bytes)];
        assert.deepEqual(restored.written, whole.written);
        // A checkpoint has acknowledgements that may not be in the log.
        const known = whole.reports.length - restored.reports.length;
        assert.deepEqual(restored.reports, whole.reports.slice(known));
        assert.deepEqual(restored.held, whole.held.slice(known));
        for (const id of whole.reports.slice(0, known)) assert.ok(dialogue.acknowledged.has(id));
        const own = worker.log.filter(({ actor }) => actor === workerDid(0));
        assert.equal(new Set(own.map(({ thread, clock }) => `${thread} ${clock}`)).size, own.length);
      }),
      { numRuns: runs(300) },
    );
  });

  it('reports in the order of the starts, not of the INTENDs, with and without a checkpoint (I9)', () => {
    const worker = new TestWorker(2);
    worker.deliver(intent(0, 0, 'shell'));
    worker.do(() => worker.core.recall([ref(0)]));
    worker.deliver(intent(1, 0, 'shell'));
    worker.deliver(intent(0, 0, 'shell'));
    worker.connect();
    assert.deepEqual(worker.started, [keyOf(ref(1)), keyOf(ref(0))]);

    const [bytes, position] = [worker.core.save(), worker.log.length];
    const { reports } = firstWords(worker.log);
    assert.deepEqual(firstWords(worker.log.slice(position), bytes).reports, reports);
    worker.restart();
    worker.connect();
    assert.deepEqual(worker.reported(), [
      [1, 'failed'],
      [0, 'failed'],
    ]);
  });

  it('reports as lost a delivery received before the checkpoint and started after it (I7)', () => {
    const worker = new TestWorker();
    worker.deliver(intent(0, 0, 'shell'));
    worker.restart();
    const [bytes, position] = [worker.core.save(), worker.log.length];
    worker.connect();
    worker.deliver(intent(0, 0, 'shell'));
    assert.deepEqual(worker.started, [keyOf(ref(0))]);

    worker.restart(bytes, position);
    worker.connect();
    assert.deepEqual(worker.messages('hello')[0]?.held, [ref(0)]);
    assert.deepEqual(worker.reported(), [[0, 'failed']]);
    worker.deliver(intent(0, 0, 'shell'));
    assert.deepEqual(worker.started, []);
  });

  it('reports as lost a started delivery that was handed back, because the message may be lost (I7)', () => {
    const worker = connected();
    worker.deliver(intent(0, 0, 'shell'));
    worker.disconnect();
    worker.do(() => worker.core.stop());
    worker.do(() => worker.core.graceOver());
    worker.finish(ref(0));
    assert.deepEqual([worker.returned(), worker.exited], [[], true]);

    worker.restart(worker.core.save(), worker.log.length);
    worker.connect();
    assert.deepEqual(worker.reported(), [[0, 'failed']]);
    worker.deliver(intent(0, 0, 'shell'));
    assert.deepEqual(worker.started, []);
  });

  it('does not run a delivery again whose INTEND is before the checkpoint and whose report is after it (I7)', () => {
    const worker = new TestWorker();
    worker.deliver(intent(0));
    worker.restart();
    const [bytes, position] = [worker.core.save(), worker.log.length];
    worker.connect();
    worker.deliver(intent(0));
    worker.finish(ref(0));
    assert.deepEqual(worker.reported(), [[0, 'accept']]);

    worker.restart(bytes, position);
    worker.connect();
    assert.deepEqual(worker.messages('hello')[0]?.held, [ref(0)]);
    worker.deliver(intent(0));
    assert.deepEqual([worker.started, worker.reported()], [[], [[0, 'accept']]]);

    worker.do(() => worker.core.acknowledged(1));
    worker.clear();
    worker.connect();
    assert.deepEqual(worker.messages('hello')[0]?.held, []);
  });

  it('refuses a checkpoint of another format', () => {
    const { core } = new TestWorker();
    assert.equal(core.restore(Buffer.from('{"format":0}')), false);
  });
});

describe('a cancel', () => {
  it('ends a running attempt, whose actual end is reported', () => {
    const worker = connected();
    worker.deliver(intent(0));
    worker.do(() => worker.core.cancel([ref(0)], 'no more'));
    assert.deepEqual(worker.aborted, [keyOf(ref(0))]);
    worker.finish(ref(0), { verdict: 'cancelled', cost_usd: 0, wall_time_secs: 0 });
    assert.deepEqual(worker.reported(), [[0, 'cancelled']]);
  });

  it('reports a waiting delivery, which then never starts', () => {
    const worker = connected();
    worker.deliver(intent(0), intent(1));
    worker.do(() => worker.core.cancel([ref(1)], 'no more'));
    assert.deepEqual(worker.reported(), [[1, 'cancelled']]);
    worker.finish(ref(0));
    assert.equal(worker.started.length, 1);
  });

  it('of an unknown or ended delivery changes nothing', () => {
    const worker = connected();
    worker.deliver(intent(0));
    worker.finish(ref(0));
    worker.clear();
    worker.do(() => worker.core.cancel([ref(0), ref(5)], 'no more'));
    assert.deepEqual([worker.sent, worker.aborted], [[], []]);
  });
});

describe('a delivery that may be reused', () => {
  const mayBeReused = (index: number): SealedRecord =>
    intent(index, 0, 'shell', undefined, { reuse: [], inputs: ['src'] });

  it('is reported without a slot and without a start', () => {
    const worker = connected();
    worker.deliver(intent(0, 0, 'shell'), mayBeReused(1), mayBeReused(2));
    assert.deepEqual([worker.started, worker.compared], [[keyOf(ref(0))], [keyOf(ref(1)), keyOf(ref(2))]]);
    worker.do(() => worker.core.reused(keyOf(ref(2)), accepted));
    assert.deepEqual(worker.reported(), [[2, 'accept']]);
    const starts = worker.log.filter(record => topicOf(record) === TOPIC.childStarted);
    assert.deepEqual(
      starts.map(({ body }) => body['delivery']),
      [keyOf(ref(0))],
    );
    worker.finish(ref(0));
    worker.finish(ref(1));
    assert.deepEqual(worker.reported(), [
      [2, 'accept'],
      [0, 'accept'],
      [1, 'accept'],
    ]);
  });

  it('is reported once, whatever comes first: its end, its return or its reuse', () => {
    const worker = connected();
    worker.deliver(mayBeReused(0), mayBeReused(1));
    // The first one has started.
    worker.do(() => worker.core.reused(keyOf(ref(0)), accepted));
    assert.deepEqual(worker.reported(), []);
    worker.do(() => worker.core.recall([ref(1)]));
    worker.do(() => worker.core.reused(keyOf(ref(1)), accepted));
    worker.finish(ref(0));
    assert.deepEqual([worker.reported(), worker.returned()], [[[0, 'accept']], [1]]);
  });
});

describe('a recall', () => {
  it('hands back waiting deliveries, and nothing else', () => {
    const worker = connected();
    worker.deliver(intent(0), intent(1));
    worker.do(() => worker.core.recall([ref(0), ref(1)]));
    assert.deepEqual(worker.returned(), [1]);
    worker.finish(ref(0));
    assert.deepEqual(worker.started, [keyOf(ref(0))]);
  });

  it('allows the same delivery again', () => {
    const worker = connected();
    worker.deliver(intent(0), intent(1));
    worker.do(() => worker.core.recall([ref(1)]));
    worker.deliver(intent(1));
    worker.finish(ref(0));
    worker.finish(ref(1));
    assert.deepEqual(worker.reported(), [
      [0, 'accept'],
      [1, 'accept'],
    ]);
  });
});

describe('a fence', () => {
  it('ends running attempts without a report, and forgets waiting deliveries', () => {
    const worker = connected();
    worker.deliver(intent(0), intent(1));
    worker.do(() => worker.core.fence([ref(0), ref(1)]));
    assert.deepEqual(worker.aborted, [keyOf(ref(0))]);
    worker.finish(ref(0));
    assert.deepEqual([worker.reported(), worker.core.running, worker.started.length], [[], 0, 1]);
    worker.clear();
    worker.connect();
    assert.deepEqual(worker.messages('hello')[0]!.held, []);
  });

  it('does not affect an unacknowledged report', () => {
    const worker = connected();
    worker.deliver(intent(0));
    worker.finish(ref(0));
    worker.do(() => worker.core.fence([ref(0)]));
    assert.equal(worker.core.unacknowledged, 1);
  });
});

describe('a stop', () => {
  it('hands back waiting deliveries, finishes running ones, and exits once everything is acknowledged', () => {
    const worker = connected();
    worker.deliver(intent(0), intent(1));
    worker.do(() => worker.core.stop());
    assert.deepEqual(worker.returned(), [1]);
    worker.deliver(intent(2));
    assert.deepEqual(worker.returned(), [1, 2]);
    worker.finish(ref(0));
    assert.equal(worker.exited, false);
    worker.do(() => worker.core.acknowledged(1));
    assert.equal(worker.exited, true);
  });

  it('ends running attempts after its grace, and hands them back without a report', () => {
    const worker = connected();
    worker.deliver(intent(0, 0, 'shell'));
    worker.do(() => worker.core.stop());
    worker.do(() => worker.core.graceOver());
    assert.deepEqual(worker.aborted, [keyOf(ref(0))]);
    worker.finish(ref(0), { verdict: 'cancelled', cost_usd: 0, wall_time_secs: 1 });
    assert.deepEqual([worker.returned(), worker.reported(), worker.exited], [[0], [], true]);
  });

  it('exits immediately when there is nothing to do', () => {
    const worker = connected();
    worker.do(() => worker.core.stop());
    assert.equal(worker.exited, true);
  });

  it('exits while disconnected, and keeps its reports', () => {
    const worker = connected();
    worker.deliver(intent(0));
    worker.disconnect();
    worker.do(() => worker.core.stop());
    worker.finish(ref(0));
    assert.equal(worker.exited, true);
    worker.restart();
    assert.equal(worker.core.unacknowledged, 1);
  });
});

describe('for any messages of a coordinator, a worker', () => {
  it('runs no more than its slots, runs nothing twice, and ends each delivery in one way', () => {
    const word = fc.oneof(
      fc.record({ say: fc.constantFrom('deliver', 'cancel', 'recall', 'fence'), index: fc.nat(7) }),
      fc.record({ say: fc.constantFrom('finish', 'disconnect', 'connect', 'restart'), index: fc.nat(7) }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 120 }), fc.integer({ min: 1, max: 3 }), (words, slots) => {
        const worker = connected(slots);
        const reports = new Map<string, string>();
        for (const { say, index } of words) {
          if (say === 'deliver') worker.deliver(intent(index, 0, index % 2 === 0 ? 'shell' : 'echo'));
          else if (say === 'cancel') worker.do(() => worker.core.cancel([ref(index)], 'no'));
          else if (say === 'recall') worker.do(() => worker.core.recall([ref(index)]));
          else if (say === 'fence') worker.do(() => worker.core.fence([ref(index)]));
          else if (say === 'disconnect') worker.disconnect();
          else if (say === 'connect') worker.connect();
          else if (say === 'restart') worker.restart();
          else worker.finish(ref(index));
          assert.ok(worker.core.running <= slots);
        }
        for (const record of worker.log) {
          if (topicOf(record) !== TOPIC.childDone) continue;
          const key = JSON.stringify(record.body['index']);
          assert.ok(!reports.has(key), `index ${key} ended twice`);
          reports.set(key, record.id);
        }
      }),
      { numRuns: runs(300) },
    );
  });
});

describe('a permit', () => {
  const frozen = (namespace: string, endsInMs: number | null = null): FrozenNamespace => ({
    namespace,
    words: `freeze of '${namespace}'`,
    endsInMs,
  });

  /** A worker whose coordinator has been silent since its answer to `hello`. */
  function cutOff(slots = 1): TestWorker {
    const worker = connected(slots);
    worker.permits = false;
    return worker;
  }

  it('lets a worker start for a second, and nothing after that (I27)', () => {
    const worker = cutOff();
    worker.deliver(intent(0), intent(1), intent(2));
    worker.pass(PERMIT_MS);
    worker.finish(ref(0));
    assert.deepEqual(worker.started, [keyOf(ref(0)), keyOf(ref(1))]);
    worker.pass(1);
    worker.finish(ref(1));
    assert.equal(worker.started.length, 2);
    assert.deepEqual(worker.reported().length, 2, 'what runs is finished and reported');
  });

  it('is requested after half of its time while work waits, one request at a time', () => {
    const worker = cutOff();
    worker.deliver(intent(0), intent(1), intent(2), intent(3));
    assert.equal(worker.asked.length, 0);
    worker.pass(PERMIT_MS / 2 + 1);
    worker.finish(ref(0));
    worker.finish(ref(1));
    assert.deepEqual(worker.asked, [worker.now]);
    worker.do(() => worker.core.permitted(worker.now, []));
    worker.pass(1);
    worker.finish(ref(2));
    assert.equal(worker.asked.length, 1, 'the new one is young');
    worker.pass(60_000);
    worker.finish(ref(3));
    assert.equal(worker.asked.length, 1, 'who has nothing to do asks for nothing');
  });

  it('has the age that it states, however late it arrives', () => {
    const worker = cutOff();
    worker.pass(5000);
    worker.deliver(intent(0));
    const [asked] = worker.asked;
    assert.deepEqual([worker.started, asked], [[], worker.now]);
    worker.pass(PERMIT_MS + 1);
    worker.permits = true;
    worker.do(() => worker.core.permitted(asked!, []));
    assert.equal(worker.asked.length, 2, 'it had run out on its way, and another was asked for');
    assert.deepEqual(worker.started, [keyOf(ref(0))]);
  });

  it('that answers an earlier request leaves the present one pending', () => {
    const worker = cutOff();
    worker.pass(5000);
    worker.deliver(intent(0), intent(1));
    worker.do(() => worker.core.permitted(worker.now - PERMIT_MS, []));
    assert.deepEqual([worker.started, worker.asked.length], [[keyOf(ref(0))], 1]);
    worker.pass(1);
    worker.finish(ref(0));
    assert.deepEqual(
      [worker.started.length, worker.asked.length],
      [1, 1],
      'it has run out, and is asked for',
    );
    worker.do(() => worker.core.permitted(worker.asked[0]!, []));
    assert.equal(worker.started.length, 2);
  });

  it('that comes before a delivery after a pause allows a start without a request', () => {
    const worker = connected();
    worker.pass(60_000);
    worker.freeze();
    worker.deliver(intent(0));
    assert.deepEqual([worker.asked, worker.started], [[], [keyOf(ref(0))]]);
  });

  it('includes the freezes: frozen work is handed back, and the rest starts', () => {
    const worker = connected();
    worker.deliver(intent(0), intent(1, 0, 'echo', 'a/b'), intent(2), intent(3, 0, 'echo', 'ab'));
    worker.freeze(frozen('a'));
    assert.deepEqual(
      worker.sent.flatMap(message => (message.type === 'returned' ? message.deliveries : [])),
      [ref(1)],
    );
    worker.deliver(intent(1, 1, 'echo', 'a/b'));
    assert.equal(worker.sent.filter(({ type }) => type === 'returned').length, 2, 'nor is it taken');
    worker.finish(ref(0));
    worker.finish(ref(2));
    assert.deepEqual(worker.started, [ref(0), ref(2), ref(3)].map(keyOf));
    worker.freeze();
    worker.deliver(intent(1, 2, 'echo', 'a/b'));
    worker.finish(ref(3));
    assert.deepEqual(worker.started.at(-1), keyOf(ref(1, 2)));
  });

  it('of a hard freeze ends running work after its grace, also at a disconnected worker (I28)', () => {
    const worker = cutOff(3);
    worker.deliver(intent(0, 0, 'shell', 'a/b'), intent(1), intent(2, 0, 'shell', 'a'));
    worker.freeze(frozen('a', 5000));
    worker.disconnect();
    assert.equal(worker.core.nextDeadline, worker.now + 5000);
    worker.pass(4999);
    assert.deepEqual(worker.aborted, []);
    worker.pass(1);
    assert.deepEqual(worker.aborted, [ref(0), ref(2)].map(keyOf));
    assert.equal(worker.core.nextDeadline, Infinity);
    worker.pass(1000);
    assert.equal(worker.aborted.length, 2, 'each once');
  });

  it('of a freeze that is undone in time ends nothing', () => {
    const worker = connected();
    worker.deliver(intent(0, 0, 'echo', 'a'));
    worker.freeze(frozen('a', 5000), frozen('a/b'));
    worker.freeze(frozen('a/b'));
    worker.pass(60_000);
    assert.deepEqual([worker.aborted, worker.core.nextDeadline], [[], Infinity]);
  });
});
