import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { kill, unkill } from '../commands/kill.ts';
import type { FanOut } from '../model/state.ts';
import { joinDocument } from '../views/views.ts';
import { TestFleet, USER } from '../testing/test-fleet.ts';
import { holdContext, holdOf, type HoldReason } from './holds.ts';

/** Fixed, because the test asserts which kinds occur. */
const SEED = 1;
const WORKERS = 2;

/** Two fan-outs on two workers: one has a budget and dependencies, the other may have one subtask out. */
function fleetWithWork(): { fleet: TestFleet; fanOuts: readonly FanOut[] } {
  const fleet = new TestFleet(WORKERS);
  fleet.createNamespace('team', null, { limits: { max_parallel: 1 } });
  const costly = fleet.fanOut(
    [0, 1, 2, 3].map(i => ({ budget_usd: 2, depends_on: i === 3 ? [0] : [], attempts: 2 })),
    { budget_usd: 5 },
  );
  const limited = fleet.fanOut(3, {}, undefined, fleet.addTask({ namespace: 'team' }));
  return { fleet, fanOuts: [costly, limited] };
}

function perform(fleet: TestFleet, fanOut: FanOut, act: string, index: number): void {
  const child = fanOut.children[index % fanOut.children.length]!;
  const isOut = child.state === 'assigned';
  const { namespace } = fanOut;
  if (act === 'accept' && isOut) fleet.report(fanOut, child.index, { cost_usd: 1 });
  if (act === 'fail' && isOut) fleet.report(fanOut, child.index, { verdict: 'failed', cost_usd: 2 });
  if (act === 'out of quota' && isOut) fleet.report(fanOut, child.index, { verdict: 'failed', quota: {} });
  if (act === 'ask' && isOut) fleet.report(fanOut, child.index, { verdict: 'failed', asks: 'may it?' });
  if (act === 'wait') {
    for (let n = 0; n < WORKERS; n++) fleet.beat(n);
    fleet.pass(500);
  }
  if (act === 'freeze')
    fleet.do(now =>
      kill(
        fleet.core,
        { namespace, emergency: false, level: 'soft', grace_secs: 0, reason: null },
        { actor: USER, now },
      ),
    );
  if (act === 'thaw' && fleet.core.state.freezes.has(namespace))
    fleet.do(now => unkill(fleet.core, { namespace, emergency: false }, { actor: USER, now }));
}

/** Returns the number of workers with a free slot. */
const free = (fleet: TestFleet): number =>
  [...fleet.core.links.values()].filter(({ assigned }) => assigned.size === 0).length;

describe('the hold of a subtask', () => {
  it('is complete: a pending subtask without one waits for a worker, and none is free', () => {
    const kinds = new Set<HoldReason['kind']>();
    const actions = fc.array(
      fc.record({
        act: fc.constantFrom('accept', 'fail', 'out of quota', 'ask', 'wait', 'freeze', 'thaw'),
        which: fc.nat(1),
        index: fc.nat(3),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(actions, sequence => {
        const { fleet, fanOuts } = fleetWithWork();
        for (const { act, which, index } of sequence) {
          perform(fleet, fanOuts[which]!, act, index);
          for (const fanOut of fanOuts)
            for (const child of fanOut.children) {
              if (child.state !== 'pending') continue;
              const hold = holdOf(holdContext(fleet.core.state, fanOut, fleet.now), child);
              if (hold !== null) kinds.add(hold.kind);
              else assert.equal(free(fleet), 0, `${fanOut.task.alias} ${child.index} could start`);
              const { children } = joinDocument(fleet.core, fanOut.task, false, fleet.now);
              assert.equal(children[child.index]!.reason === 'waiting for a free slot', hold === null);
            }
        }
      }),
      { seed: SEED, numRuns: runs(200) },
    );
    assert.deepEqual([...kinds].sort(), [
      'back-off',
      'blocked namespace',
      'budget',
      'dependencies',
      'parallel limit',
      'question',
      'quota',
    ]);
  });
});
