import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { celCompiler } from '../join/cel.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import type { FanOut } from './state.ts';
import { SELF, states, TestFleet, verdicts } from '../testing/test-fleet.ts';
import { fleetDocument, joinDocument } from '../views/views.ts';

const shell = { run: 'true' };
const NO_MORE = { verdict: 'failed', reason: 'no quota', quota: {} } as const;

/**
 * Returns the time in ms at which the first breaker in the fleet's document allows one attempt; undefined without an
 * open breaker.
 */
function opensAt(fleet: TestFleet): number | undefined {
  const facts = {
    did: SELF,
    startedAt: 0,
    storeRecords: 0,
    activeDispatches: 0,
    heartbeatMs: 1,
    url: '',
    executors: [],
    defaultExecutor: 'echo',
  };
  const { breakers } = fleetDocument(fleet.core, facts, fleet.now);
  return breakers[0] && breakers[0].resets_at_unix * 1000;
}

/** Advances the time while the workers send heartbeats. */
function pass(fleet: TestFleet, ms: number, workers: number): void {
  for (const until = fleet.now + ms; fleet.now < until;) {
    fleet.pass(Math.min(500, until - fleet.now));
    for (let n = 0; n < workers; n++) fleet.beat(n);
  }
}

const reasonOf = (fleet: TestFleet, fanOut: FanOut, index: number): string | null =>
  joinDocument(fleet.core, fanOut.task, false, fleet.now).children[index]!.reason;

/** One worker. The first of these children found its executor without quota. */
function withoutQuota(
  subtasks: readonly object[] = [shell, shell, shell],
  quota: { resets_at_unix?: number } = {},
  options: object = {},
): { fleet: TestFleet; fanOut: FanOut } {
  const fleet = new TestFleet(2);
  const fanOut = fleet.fanOut(subtasks, options);
  fleet.report(fanOut, 0, { ...NO_MORE, quota });
  return { fleet, fanOut };
}

describe('an executor without quota', () => {
  it('makes the subtask wait and starts nothing of any fan-out, but other executors continue', () => {
    const { fleet, fanOut } = withoutQuota([shell, {}, shell, {}]);
    assert.deepEqual(states(fanOut), ['pending', 'assigned', 'pending', 'assigned']);
    const other = fleet.fanOut([shell]);
    fleet.report(fanOut, 1);
    fleet.report(fanOut, 3);
    assert.deepEqual(states(fanOut), ['pending', 'done', 'pending', 'done']);
    assert.deepEqual(states(other), ['pending']);
    for (const reason of [reasonOf(fleet, fanOut, 2), reasonOf(fleet, other, 0)])
      assert.equal(
        reason,
        "executor 'shell' is out of quota, with no known reset time; next try at 1970-01-01 00:17:10Z",
      );
  });

  it('continues by itself at the reset time that its tool named, with one attempt first', () => {
    const { fleet, fanOut } = withoutQuota(undefined, { resets_at_unix: 1_010 });
    fleet.report(fanOut, 1);
    assert.equal(opensAt(fleet), 1_010_000);
    assert.match(reasonOf(fleet, fanOut, 0)!, /is out of quota until 1970-01-01 00:16:50Z; waiting/);
    pass(fleet, 9_900, 2);
    assert.equal(fanOut.counts.running, 0);
    pass(fleet, 200, 2);
    assert.equal(fanOut.counts.running, 1, 'one goes ahead, and the second worker waits');
    const ahead = states(fanOut).indexOf('assigned');
    assert.match(reasonOf(fleet, fanOut, ahead === 0 ? 2 : 0)!, /waiting for one trial attempt/);
    fleet.report(fanOut, ahead);
    assert.equal(opensAt(fleet), undefined);
    assert.deepEqual(
      states(fanOut).filter(state => state !== 'done'),
      ['assigned'],
    );
  });

  it('is tested less and less often when no reset time is named', () => {
    const { fleet, fanOut } = withoutQuota([shell]);
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const waitMs = opensAt(fleet)! - fleet.now;
      waits.push(Math.round(waitMs / 1000));
      pass(fleet, waitMs + 1, 2);
      fleet.report(fanOut, 0, NO_MORE);
    }
    assert.deepEqual(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
  });

  for (const [what, resets_at_unix] of [
    ['that is over', 999],
    ['that no quota is that far from', 1_000_000_000],
  ] as const) {
    it(`ignores a reset time ${what}`, () => {
      const { fleet } = withoutQuota([shell], { resets_at_unix });
      assert.equal(opensAt(fleet), 1_030_000);
    });
  }

  it('costs the subtask none of its attempts, and each attempt is shown', () => {
    const { fleet, fanOut } = withoutQuota([shell]);
    for (let i = 0; i < 3; i++) {
      pass(fleet, 1_000_000, 2);
      fleet.report(fanOut, 0, NO_MORE);
    }
    pass(fleet, 1_000_000, 2);
    const { earlier_attempts: earlier } = joinDocument(fleet.core, fanOut.task, false, 0).children[0]!;
    assert.deepEqual(
      earlier.map(({ attempt, reason }) => [attempt, reason]),
      [1, 2, 3, 4].map(n => [n, 'no quota']),
    );
    fleet.report(fanOut, 0, { verdict: 'failed' });
    assert.deepEqual(verdicts(fanOut), ['failed'], 'its own failure ends it as ever');
  });

  it('delays no join beyond its time-out, and no cancel', () => {
    const { fleet, fanOut } = withoutQuota([shell, shell], {}, { timeout_secs: 5, losers: 'cancel' });
    fleet.report(fanOut, 1, NO_MORE);
    pass(fleet, 5_100, 2);
    assert.equal(fanOut.joined?.outcome, 'timed_out');
    assert.deepEqual(verdicts(fanOut), ['cancelled', 'cancelled']);
  });

  it('recalls deliveries that wait at workers', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(Array.from({ length: 9 }, () => shell));
    fleet.report(fanOut, 0, { wall_time_secs: 0.01 });
    const out = fanOut.children.filter(({ state }) => state === 'assigned').map(({ index }) => index);
    fleet.started(fanOut, out[0]!);
    fleet.sent = [];
    fleet.report(fanOut, out[0]!, NO_MORE);
    assert.deepEqual(fleet.deliveriesSent('recall'), out.slice(1));
  });

  it('allows another test attempt when the end of the first is unknown', () => {
    const { fleet, fanOut } = withoutQuota([shell, shell]);
    fleet.report(fanOut, 1);
    pass(fleet, 30_100, 2);
    fleet.report(fanOut, 0, { verdict: 'failed', lost: true });
    assert.notEqual(opensAt(fleet), undefined);
    assert.deepEqual(states(fanOut), ['assigned', 'done']);
  });

  it('survives a restart of the coordinator, from its log and from a checkpoint', () => {
    const { fleet, fanOut } = withoutQuota(undefined, { resets_at_unix: 1_500 });
    const saved = restoreState(saveState(fleet.replayed(), celCompiler), celCompiler)!;
    assert.deepEqual([...saved.breakers], [...fleet.core.state.breakers]);
    fleet.restart();
    assert.equal(opensAt(fleet), 1_500_000);
    for (let n = 0; n < 2; n++) fleet.hello(n);
    const again = fleet.core.state.tasks.get(fanOut.task.thread)!.fanOut!;
    assert.equal(states(again)[0], 'pending');
  });
});
