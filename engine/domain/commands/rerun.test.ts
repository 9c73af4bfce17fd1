import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetError } from '../../errors.ts';
import type { ThreadId } from '../../record/ids.ts';
import type { Task } from '../model/state.ts';
import { TOPIC } from '../model/record-bodies.ts';
import { TestFleet, USER } from '../testing/test-fleet.ts';
import { addRule } from './rules.ts';
import { celCompiler } from '../join/cel.ts';
import * as commands from './fan-out.ts';

let threads = 0;

function rerun(fleet: TestFleet, name: string, key?: string, environment?: string): Task {
  const thread = `th_rerun${++threads}` as ThreadId;
  const opened = fleet.do(now =>
    commands.rerun(fleet.core, name, {}, thread, {
      actor: USER,
      key,
      now,
      ...(environment !== undefined && { environment }),
    }),
  );
  return fleet.core.state.tasks.get(opened.thread as ThreadId)!;
}

const SUBTASKS = [
  { goal: 'lint', name: 'lint', run: 'npm run lint', env: { A: '1' }, budget_usd: 1, timeout_secs: 9 },
  { goal: 'test', name: 'test', target: 'worker-0', depends_on: ['lint'], attempts: 3, budget_usd: 0.5 },
  { goal: 'tell', name: 'tell', when: 'always', depends_on: ['test'], budget_usd: 0.1 },
];
const LIMITS = {
  join: 'accepted > 1',
  losers: 'cancel',
  timeout_secs: 60,
  budget_usd: 2,
  max_parallel: 2,
} as const;

describe('rerun', () => {
  it('writes the same task and fan-out, with the next number and the caller’s environment', () => {
    const fleet = new TestFleet(1);
    const original = fleet.addTask({ priority: 'high', labels: ['a'], dir: '/somewhere', criteria: ['c'] });
    fleet.fanOut(
      SUBTASKS,
      { ...LIMITS, env: { B: '2' }, no_input: true, priority: 'low', run: 'release' },
      undefined,
      original,
    );
    fleet.report(original.fanOut!, 0, { verdict: 'failed' });
    const again = rerun(fleet, 'release', undefined, 'now');
    const [first, second] = fleet.bodiesOf(TOPIC.fanOut) as [object, object];
    assert.deepEqual(second, { ...first, run: { name: 'release', number: 2 }, environment: 'now' });
    const { thread: _, intent: __, createdAt: ___, alias, ...facts } = again.facts;
    assert.equal(alias, 'release-2');
    assert.deepEqual({ ...original.facts, ...facts }, original.facts);
    assert.deepEqual(again.fanOut!.subtasks, original.fanOut!.subtasks);
    assert.deepEqual(again.fanOut!.budget!.limit, original.fanOut!.budget!.limit);
    assert.equal(
      again.fanOut!.children.some(({ state }) => state === 'done'),
      false,
    );
  });

  it('gives a repeated key the first answer (I19), also for the name of the newest run', () => {
    const fleet = new TestFleet(1);
    fleet.fanOut(1, { run: 'release' });
    const again = rerun(fleet, 'release', 'once');
    assert.equal(rerun(fleet, 'release', 'once'), again);
    assert.equal(fleet.bodiesOf(TOPIC.fanOut).length, 2);
  });

  it('writes nothing if a rule or a policy refuses it, or there is nothing to run again', () => {
    const fleet = new TestFleet(1);
    const plain = fleet.addTask();
    const { task } = fleet.fanOut([{ executor: 'echo' }], { run: 'release' });
    const refused = (name: string, code: FleetError['code']): void => {
      const before = fleet.log.length;
      assert.throws(() => rerun(fleet, name), { code });
      fleet.do(() => undefined);
      assert.equal(fleet.log.length, before);
    };
    refused(plain.alias, 'CONFLICT');
    refused('nobody', 'NOT_FOUND');
    const rule = { name: 'no', rule: 'record.body.topic == "fanout"', effect: 'deny' } as const;
    fleet.do(now => addRule(fleet.core, rule, celCompiler, { actor: USER, now }));
    refused(task.alias, 'SCOPE_FORBIDDEN');
  });
});
