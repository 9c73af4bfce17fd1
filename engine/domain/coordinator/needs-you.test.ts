import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ChildDocument } from '../../contract/documents.ts';
import { attemptTime } from '../../contract/format.ts';
import { celCompiler } from '../join/cel.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import type { FanOut } from '../model/state.ts';
import { states, TestFleet, verdicts } from '../testing/test-fleet.ts';
import { joinDocument, taskDocument } from '../views/views.ts';

const agent = { run: 'true' };
const ASKS = { verdict: 'reject', asks: 'may I?', session: 's-1', cost_usd: 0.5 } as const;

function childOf(fleet: TestFleet, fanOut: FanOut, index: number): ChildDocument {
  return joinDocument(fleet.core, fanOut.task, false, fleet.now).children[index]!;
}

describe('a subtask whose attempt ended with a question', () => {
  it('waits for a person, and takes no slot', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([agent, agent]);
    fleet.report(fanOut, 0, ASKS);
    assert.deepEqual(states(fanOut), ['pending', 'assigned'], 'the other has its slot');
    fleet.report(fanOut, 1);
    fleet.pass(10_000);
    assert.deepEqual(states(fanOut), ['pending', 'done']);
    assert.equal(fanOut.joined, null);
    const { needs_you: asks, reason, earlier_attempts: earlier } = childOf(fleet, fanOut, 0);
    assert.equal(asks, 'may I?');
    assert.deepEqual(taskDocument(fleet.core.state, fanOut.task, fleet.now).fan_out?.needs_you, [0]);
    assert.match(reason ?? '', /^needs you: may I\?; answer with: spl task retry \S+ --subtask 0 --hint/);
    assert.deepEqual(
      earlier.map(({ verdict, cost_usd: cost }) => [verdict, cost]),
      [['reject', 0.5]],
    );
  });

  it('continues its conversation after the answer, in the same round', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([agent, { ...agent, depends_on: [0] }]);
    fleet.report(fanOut, 0, ASKS);
    fleet.retry(fanOut.task, 0);
    assert.deepEqual(states(fanOut), ['assigned', 'pending']);
    assert.equal(childOf(fleet, fanOut, 0).needs_you, null);
    assert.deepEqual(taskDocument(fleet.core.state, fanOut.task, fleet.now).fan_out?.needs_you, []);
    assert.equal(fleet.bodiesOf('fanout_child').at(-1)?.['session'], 's-1');
    fleet.report(fanOut, 0);
    fleet.report(fanOut, 1);
    assert.deepEqual([fanOut.round, fanOut.joined?.outcome], [1, 'satisfied']);
  });

  it('is rejected when nobody can answer, and ends when it is cancelled', () => {
    const fleet = new TestFleet(1);
    const unasked = fleet.fanOut([agent], { no_input: true });
    fleet.report(unasked, 0, ASKS);
    assert.deepEqual(verdicts(unasked), ['reject']);
    const fanOut = fleet.fanOut([agent]);
    fleet.report(fanOut, 0, ASKS);
    fleet.cancel(fanOut.task, 0);
    assert.deepEqual(verdicts(fanOut), ['cancelled']);
    assert.equal(childOf(fleet, fanOut, 0).needs_you, null);
  });

  it('still waits after a restart, from the log and from a checkpoint', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut([agent]);
    fleet.report(task.fanOut!, 0, ASKS);
    const saved = restoreState(saveState(fleet.replayed(), celCompiler), celCompiler)!;
    const { children, ready, asking } = saved.tasks.get(task.thread)!.fanOut!;
    assert.deepEqual([children[0]!.state, children[0]!.asks], ['pending', 'may I?']);
    assert.equal(ready.size, 0);
    assert.deepEqual([...asking], [0]);
    fleet.restart();
    fleet.hello(0);
    assert.deepEqual(states(fleet.core.state.tasks.get(task.thread)!.fanOut!), ['pending']);
  });
});

describe('an attempt that was lost with its worker', () => {
  it('has an unknown duration and, for an agent, an unknown cost', () => {
    const fleet = new TestFleet(1, 2);
    const fanOut = fleet.fanOut([{ executor: 'agent:claude', dir: '/' }, agent]);
    const lost = { verdict: 'failed', lost: true, wall_time_secs: 0, cost_usd: 0 } as const;
    for (const index of [0, 1]) fleet.report(fanOut, index, lost);
    for (const [index, isUnknown] of [true, false].entries()) {
      const [attempt] = childOf(fleet, fanOut, index).earlier_attempts;
      assert.deepEqual([attempt?.lost, attempt?.cost_unknown], [true, isUnknown]);
      assert.equal(attemptTime(attempt!), 'time unknown');
    }
    fleet.report(fanOut, 1);
    assert.equal(childOf(fleet, fanOut, 1).lost, false);
  });
});

describe('a cost that no tool reported', () => {
  it('is unknown while an agent runs, in the live view too', () => {
    const fleet = new TestFleet(1, 2);
    const fanOut = fleet.fanOut([{ executor: 'agent:claude', dir: '/' }, agent]);
    assert.deepEqual(states(fanOut), ['assigned', 'assigned']);
    assert.deepEqual(
      [0, 1].map(index => childOf(fleet, fanOut, index).cost_unknown),
      [true, false],
    );
  });

  it('is shown as unknown until an attempt reports its cost', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([agent]);
    fleet.report(fanOut, 0, { verdict: 'failed', cost_unknown: true });
    assert.equal(childOf(fleet, fanOut, 0).cost_unknown, true);
    fleet.retry(fanOut.task, 0);
    fleet.report(fanOut, 0, { cost_usd: 0.25 });
    const { cost_unknown: isUnknown, cost_usd: cost } = childOf(fleet, fanOut, 0);
    assert.deepEqual([isUnknown, cost], [false, 0.25]);
  });
});
