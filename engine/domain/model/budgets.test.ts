import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { TOPIC, type ChildDoneBody } from './record-bodies.ts';
import { celCompiler } from '../join/cel.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import type { FanOut } from './state.ts';
import { HEARTBEAT_MS, refOf, states, TestFleet, verdicts, workerDid } from '../testing/test-fleet.ts';
import { joinDocument } from '../views/views.ts';

const shares = (...usd: number[]): object[] => usd.map(budget_usd => ({ budget_usd }));

/** Returns the booked and reserved dollars of the budget's document. */
function amountsOf(fleet: TestFleet, fanOut: FanOut): number[] {
  const { booked, reserved } = joinDocument(fleet.core, fanOut.task, true, fleet.now).budget!.usd!;
  return [booked, reserved];
}

const reasonOf = (fleet: TestFleet, fanOut: FanOut, index: number): string | null =>
  joinDocument(fleet.core, fanOut.task, false, fleet.now).children[index]!.reason;

describe('a budget', () => {
  it('reserves each share before the start, and holds subtasks that do not fit, with the reason', () => {
    const fleet = new TestFleet(4);
    const fanOut = fleet.fanOut(shares(0.1, 0.1, 0.1, 0.1), { budget_usd: 0.3 });
    assert.deepEqual(states(fanOut), ['assigned', 'assigned', 'assigned', 'pending']);
    assert.deepEqual(amountsOf(fleet, fanOut), [0, 0.3]);
    assert.equal(
      reasonOf(fleet, fanOut, 3),
      'waiting for its share of the budget: it wants $0.10, and of $0.30 are $0.00 booked and $0.30 reserved',
    );
  });

  it('books the spending of an ended attempt, and starts what then fits', () => {
    const fleet = new TestFleet(4);
    const fanOut = fleet.fanOut(shares(2, 2, 1), { budget_usd: 4 });
    assert.deepEqual(states(fanOut), ['assigned', 'assigned', 'pending']);
    fleet.report(fanOut, 0, { cost_usd: 0.5 });
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'assigned']);
    assert.deepEqual(amountsOf(fleet, fanOut), [0.5, 3]);
    assert.deepEqual(fleet.documentOf(fanOut.task).fan_out!.budget, {
      usd: { limit: 4, booked: 0.5, reserved: 3 },
      tokens: null,
      secs: null,
    });
  });

  it('lets no subtask overtake one with a large share', () => {
    const fleet = new TestFleet(4);
    const fanOut = fleet.fanOut(shares(3, 4, 1), { budget_usd: 5 });
    assert.deepEqual(states(fanOut), ['assigned', 'pending', 'pending']);
    fleet.report(fanOut, 0, { cost_usd: 1 });
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'pending']);
    fleet.report(fanOut, 1, { cost_usd: 3 });
    assert.deepEqual(states(fanOut), ['done', 'done', 'assigned']);
  });

  it('ends subtasks that can never fit, so that the join is decided', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ budget_usd: 3 }, { budget_usd: 3 }, { budget_usd: 1, depends_on: [1] }], {
      budget_usd: 5,
    });
    fleet.report(fanOut, 0, { cost_usd: 2.5 });
    assert.deepEqual(verdicts(fanOut), ['accept', 'cancelled', 'cancelled']);
    assert.equal(
      fanOut.children[1]!.reason,
      'the budget is used up: it wants $3.00, and of $5.00 are $2.50 booked',
    );
    assert.equal(fanOut.joined?.outcome, 'unsatisfiable');
  });

  it('keeps earlier attempts booked, and reserves again for the next', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{ budget_usd: 2, attempts: 3 }], { budget_usd: 5 });
    for (const booked of [2, 4]) {
      assert.deepEqual(amountsOf(fleet, fanOut), [booked - 2, 2]);
      fleet.report(fanOut, 0, { verdict: 'failed', cost_usd: 2 });
      fleet.pass(10_000);
    }
    assert.deepEqual(verdicts(fanOut), ['cancelled'], 'the third does not fit');
    fleet.retry(fanOut.task, 0);
    assert.deepEqual(verdicts(fanOut), ['cancelled'], 'nor does a retry of it');
    assert.deepEqual(amountsOf(fleet, fanOut), [4, 0]);
  });

  for (const [how, end] of [
    ['its worker died', (f: TestFleet, o: FanOut) => f.report(o, 0, { verdict: 'failed', lost: true })],
    ['its worker is gone', (f: TestFleet) => f.do(now => f.core.abandon(workerDid(0), 'gone', now))],
    [
      'it was handed back after it had begun',
      (f: TestFleet, o: FanOut) => {
        const returned = { deliveries: [refOf(o, 0)], reason: 'stopping', begun: true };
        f.do(now => f.core.returned(workerDid(0), returned, now));
      },
    ],
  ] as const) {
    it(`books the whole share of an attempt whose end was not seen: ${how}`, () => {
      const fleet = new TestFleet(1);
      const fanOut = fleet.fanOut(shares(2), { budget_usd: 3 });
      end(fleet, fanOut);
      assert.deepEqual(amountsOf(fleet, fanOut), [2, 0]);
      assert.deepEqual(verdicts(fanOut), ['cancelled']);
    });
  }

  it('books nothing for deliveries that came back before their start', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(shares(2), { budget_usd: 3 });
    const returned = { deliveries: [refOf(fanOut, 0)], reason: 'recalled', begun: false };
    fleet.do(now => fleet.core.returned(workerDid(0), returned, now));
    assert.deepEqual(amountsOf(fleet, fanOut), [0, 2]);
    assert.equal(fanOut.children[0]!.deliveries, 2);
  });

  it('also works in tokens and in seconds', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(
      [
        { budget_tokens: 60, budget_secs: 1 },
        { budget_tokens: 60, budget_secs: 1 },
      ],
      { budget_tokens: 100, budget_secs: 2 },
    );
    assert.deepEqual(states(fanOut), ['assigned', 'pending']);
    fleet.report(fanOut, 0, { tokens: 30, wall_time_secs: 1.5 });
    assert.deepEqual(verdicts(fanOut), ['accept', 'cancelled']);
    assert.match(fanOut.children[1]!.reason!, /it wants 1s, and of 2s are 1\.5s booked$/);
  });

  it('survives a restart of the coordinator', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(shares(2, 2, 2), { budget_usd: 5 });
    fleet.report(task.fanOut!, 0, { cost_usd: 2 });
    fleet.restart();
    const again = fleet.core.state.tasks.get(task.thread)!.fanOut!;
    assert.deepEqual(amountsOf(fleet, again), [2, 2]);
    assert.deepEqual(states(again), ['done', 'assigned', 'pending']);
  });

  // I30
  it('is never exceeded by a start, whatever happens, and delays no join', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ share: fc.nat(10), attempts: fc.integer({ min: 1, max: 3 }) }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.integer({ min: 10, max: 30 }),
        fc.array(
          fc.record({
            pick: fc.nat(),
            cost: fc.nat(12),
            how: fc.constantFrom('accept', 'failed', 'lost', 'back', 'begun'),
          }),
          { minLength: 60, maxLength: 60 },
        ),
        (subtasks, limit, events) => {
          const fleet = new TestFleet(3, 2);
          const fanOut = fleet.fanOut(
            subtasks.map(({ share, attempts }) => ({ budget_usd: share / 10, attempts })),
            { budget_usd: limit / 10 },
          );
          for (const { pick, cost, how } of events) {
            fleet.pass(HEARTBEAT_MS / 2);
            for (let n = 0; n < 3; n++) fleet.beat(n, { slots: 2 });
            const out = fanOut.children.filter(({ state }) => state === 'assigned');
            if (out.length === 0) continue;
            const { index, worker } = out[pick % out.length]!;
            if (how === 'back' || how === 'begun') {
              const returned = { deliveries: [refOf(fanOut, index)], reason: 'r', begun: how === 'begun' };
              fleet.do(now => fleet.core.returned(worker!, returned, now));
            } else {
              const verdict = how === 'accept' ? 'accept' : 'failed';
              fleet.report(fanOut, index, { verdict, lost: how === 'lost', cost_usd: cost / 10 });
            }
            requireWithin(
              fleet,
              subtasks.map(({ share }) => share),
              limit,
            );
          }
          fleet.pass(60_000);
          for (let n = 0; n < 3; n++) fleet.beat(n, { slots: 2 });
          for (const { index, state } of fanOut.children)
            if (state === 'assigned') fleet.report(fanOut, index);
          const bytes = saveState(fleet.replayed(), celCompiler);
          const restored = restoreState(bytes, celCompiler)!.tasks.get(fanOut.task.thread)!.fanOut!;
          assert.deepEqual(restored.budget, fanOut.budget);
        },
      ),
      { numRuns: runs(100) },
    );
  });
});

/** Checks along the log that no start exceeded the limit with the amounts out and booked. All in tenths of a dollar. */
function requireWithin(fleet: TestFleet, share: readonly number[], limit: number): void {
  let booked = 0;
  const out = new Set<number>();
  for (const { record } of fleet.log) {
    const { body } = record;
    const children = (body['children'] ?? []) as number[][];
    if (body['topic'] === TOPIC.spawned) {
      for (const [index] of children) out.add(index!);
      const reserved = [...out].reduce((sum, index) => sum + share[index]!, 0);
      assert.ok(booked + reserved <= limit, `${booked} and ${reserved} of ${limit}`);
    } else if (body['topic'] === TOPIC.returned) {
      for (const [index] of children) {
        out.delete(index!);
        if (body['begun'] === true) booked += share[index!]!;
      }
    } else if (body['topic'] === TOPIC.childDone) {
      const { index, delivery, lost, cost_usd: cost } = body as unknown as ChildDoneBody;
      if (delivery < 0) continue;
      out.delete(index);
      booked += Math.max(Math.round(cost * 10), lost === true ? share[index]! : 0);
    }
  }
}
