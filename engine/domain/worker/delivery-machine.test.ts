import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { DELIVERY, type DeliveryEvent, type DeliveryState } from '../model/delivery-machines.ts';
import { IGNORED, IMPOSSIBLE, after } from '../model/machine.ts';
import { keyOf, type DeliveryRef, type ToCoordinator } from '../model/messages.ts';
import { TOPIC } from '../model/record-bodies.ts';
import type { ThreadId } from '../../record/ids.ts';
import { seal, type SealedRecord } from '../../record/record.ts';
import { workerDid } from '../testing/test-fleet.ts';
import { Worker } from './worker.ts';

const REF: DeliveryRef = { thread: 'th_task' as ThreadId, index: 0, delivery: 0 };
const NOTHING = { cost_usd: 0, wall_time_secs: 0 } as const;
const EVENTS = Object.keys(DELIVERY.queued) as DeliveryEvent[];
const ENDS: readonly DeliveryState[] = ['reported', 'returned', 'forgotten'];

/** A worker with one delivery, and the messages that it sends. */
class Bench {
  readonly core = new Worker({ self: workerDid(0), slots: 1, hasSideEffects: () => true });
  readonly sent: ToCoordinator[] = [];

  constructor() {
    this.#do(() => this.core.connected());
    this.#do(() => this.core.deliver([intent()]));
    this.sent.length = 0;
  }

  happens(event: DeliveryEvent): void {
    this.#do(() => {
      if (event === 'start') this.core.permitted(0, []);
      else if (event === 'cancel') this.core.cancel([REF], 'no');
      else if (event === 'fence') this.core.fence([REF]);
      else if (event === 'recall') this.core.recall([REF]);
      else if (event === 'evict') this.core.graceOver();
      else if (event === 'finished') this.core.finished(keyOf(REF), { ...NOTHING, verdict: 'accept' });
      else if (event === 'reuse') this.core.reused(keyOf(REF), { ...NOTHING, verdict: 'accept' });
      else this.core.notBegun(keyOf(REF), 'no room');
    });
  }

  /** The end of the delivery as the coordinator knows it; undefined before it does. */
  get told(): DeliveryState | undefined {
    if (this.sent.some(({ type }) => type === 'report')) return 'reported';
    return this.sent.some(({ type }) => type === 'returned') ? 'returned' : undefined;
  }

  /** Returns true when the worker says that it holds the delivery. */
  get isHeld(): boolean {
    this.sent.length = 0;
    this.#do(() => this.core.connected());
    return this.sent.some(message => message.type === 'hello' && message.held.length > 0);
  }

  #do(decide: () => void): void {
    this.core.advance(0);
    decide();
    const atOnce = this.core.takeAtOnce();
    for (const effect of [...atOnce, ...this.core.take().effects])
      if (effect.type === 'send') this.sent.push(effect.message);
  }
}

function intent(): SealedRecord {
  const body = {
    attempt: 1,
    executor: 'shell',
    goal: 'g',
    index: 0,
    parent_thread: REF.thread,
    run: 'true',
    task: 'T-1',
    topic: TOPIC.child,
    worker: workerDid(0),
  };
  const thread = 'th_child' as ThreadId;
  return seal({
    act: 'INTEND',
    actor: workerDid(9),
    body,
    clock: 0,
    data_type: 'SCALAR',
    parents: [],
    thread,
  });
}

/** Returns every possible sequence of this many events, with its final state. */
function* paths(length: number): Generator<readonly [DeliveryEvent[], DeliveryState]> {
  if (length === 0) yield [[], 'queued'];
  else
    for (const [events, state] of paths(length - 1))
      for (const event of EVENTS)
        if (DELIVERY[state][event] !== IMPOSSIBLE) yield [[...events, event], after(DELIVERY, state, event)];
}

describe('the delivery machine of a worker', () => {
  it('reports each end as its table says, after any three events', () => {
    const reached = new Set<DeliveryState>();
    for (const [events, state] of paths(3)) {
      const bench = new Bench();
      for (const event of events) bench.happens(event);
      reached.add(state);
      const words = `${events.join(', ')} leads to ${state}`;
      const { told } = bench;
      assert.equal(told, state === 'reported' || state === 'returned' ? state : undefined, words);
      const isHeld = !ENDS.includes(state) && state !== 'fenced' && state !== 'leaving';
      // A report is held until it is acknowledged.
      assert.equal(bench.isHeld, isHeld || state === 'reported', words);
    }
    assert.deepEqual([...reached].sort(), Object.keys(DELIVERY).sort());
  });

  it('leaves no final state', () => {
    for (const end of ENDS) for (const event of EVENTS) assert.equal(DELIVERY[end][event], IGNORED);
  });
});
