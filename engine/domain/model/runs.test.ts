import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as v from 'valibot';
import { aliasSchema, runNameSchema } from '../../contract/commands.ts';
import type { FanOutRequest } from '../../contract/commands.ts';
import type { FleetError } from '../../errors.ts';
import type { ThreadId } from '../../record/ids.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../contract/testing/requests.ts';
import * as commands from '../commands/fan-out.ts';
import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { celCompiler } from '../join/cel.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { FAN_OUT_CONTEXT, TestFleet, USER } from '../testing/test-fleet.ts';
import type { FanOut } from './state.ts';
import { aliasOfRun } from './runs.ts';
import { runsDocument } from '../views/runs.ts';
import { resolveTask } from './tasks.ts';

const run = (fleet: TestFleet, name: string, namespace: string | null = null): FanOut =>
  fleet.fanOut(1, { run: name }, undefined, fleet.addTask({ namespace }));
const numberOf = ({ run: found }: FanOut): number | undefined => found?.number;

let threads = 0;
function open(fleet: TestFleet, changed: Partial<FanOutRequest>, alias: string | null = null) {
  const request = { ...BARE_FAN_OUT, subtasks: [{ goal: 'g' }], ...changed };
  const thread = `th_open${++threads}` as ThreadId;
  const issuer = { actor: USER, key: undefined, now: fleet.now };
  return fleet.do(() =>
    commands.openFanOut(
      fleet.core,
      { ...BARE_TASK, alias, fan_out: request },
      thread,
      FAN_OUT_CONTEXT,
      issuer,
    ),
  );
}

describe('a numbered run', () => {
  it('has the next number of its name in its namespace', () => {
    const fleet = new TestFleet(1);
    fleet.createNamespace('acme');
    const numbers = ['release', 'release', 'lint', 'release'].map(name => numberOf(run(fleet, name)));
    assert.deepEqual(numbers, [1, 2, 1, 3]);
    assert.deepEqual([run(fleet, 'release', 'acme'), run(fleet, 'release')].map(numberOf), [1, 4]);
    assert.equal(fleet.fanOut(1).run, null);
  });

  it('keeps its number in the log, in a snapshot and in both together', () => {
    const fleet = new TestFleet(1);
    fleet.report(run(fleet, 'release'), 0);
    const second = run(fleet, 'release');
    for (const state of [
      fleet.replayed(),
      restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!,
    ]) {
      assert.deepEqual(state.runs, fleet.core.state.runs);
      assert.deepEqual(state.tasks.get(second.task.thread)!.fanOut!.run, { name: 'release', number: 2 });
    }
    fleet.restart(restoreState(saveState(fleet.core.state, celCompiler), celCompiler));
    assert.equal(numberOf(run(fleet, 'release')), 3);
    fleet.restart();
    assert.equal(numberOf(run(fleet, 'release')), 4);
  });

  it('is in the documents of its task', () => {
    const fleet = new TestFleet(1);
    const { task } = run(fleet, 'release');
    assert.deepEqual(fleet.documentOf(task).run, { name: 'release', number: 1 });
    assert.equal(fleet.documentOf(fleet.addTask()).run, null);
  });

  it('gives its name and number to a task without an alias', () => {
    const fleet = new TestFleet(1);
    assert.deepEqual(
      [open(fleet, { run: 'npm test' }), open(fleet, { run: 'npm test' })].map(({ alias }) => alias),
      ['npm-test-1', 'npm-test-2'],
    );
    assert.equal(open(fleet, { run: 'npm test' }, 'MINE').alias, 'MINE');
    const long = open(fleet, { run: 'for i in 1 2 3; do something; done' });
    assert.equal(long.alias, 'for-i-in-1-2-3-do-someth-1');
    fleet.addTask({ alias: 'npm-test-4' });
    const taken = open(fleet, { run: 'npm test' });
    assert.match(taken.alias, /^TASK-/);
    assert.deepEqual(taken.fan_out.run, { name: 'npm test', number: 4 });
  });

  it('has an alias that is always valid', () => {
    for (const name of ['../x', 'th_y', '___', 'ünï côde', 'a'.repeat(64), '-', 'x;rm -rf /'])
      assert.ok(v.is(aliasSchema, aliasOfRun({ name, number: 123_456 })), name);
  });

  it('has a name of one line', () => {
    for (const name of ['release', 'npm test', 'x', 'é', 'a'.repeat(64)])
      assert.ok(v.is(runNameSchema, name), name);
    for (const name of ['', ' x', 'x ', 'a#1', 'a\nb', 'th_a', 'a'.repeat(65), '\u001b[1m'])
      assert.ok(!v.is(runNameSchema, name), name);
  });
});

describe('the time of a run', () => {
  // Each record of the test's fleet takes a millisecond.
  const wallOf = (fleet: TestFleet): number => {
    const { runs } = runsDocument(fleet.core.state, { namespace: ROOT_NAMESPACE, limit: 1 }, fleet.now);
    return Math.floor(runs[0]!.wall_secs);
  };

  it('ends with its last subtask, also when that ends after the join', () => {
    const fleet = new TestFleet(1, 2);
    const { task } = fleet.fanOut(2, { run: 'any', join: 'any', losers: 'keep' });
    fleet.pass(1_000);
    fleet.report(task.fanOut!, 0);
    assert.equal(task.fanOut!.joined?.outcome, 'satisfied');
    fleet.pass(2_000);
    assert.equal(wallOf(fleet), 3);
    fleet.report(task.fanOut!, 1);
    fleet.pass(4_000);
    assert.equal(wallOf(fleet), 3);
  });

  it('ends with its join when that is last', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(1, { run: 'one' });
    fleet.pass(1_000);
    fleet.report(task.fanOut!, 0);
    fleet.pass(4_000);
    assert.equal(wallOf(fleet), 1);
  });
});

describe('a reference to a run', () => {
  it('is its name and number, or its name for the newest', () => {
    const fleet = new TestFleet(1);
    const [first, second] = [run(fleet, 'release'), run(fleet, 'release')];
    const { state } = fleet.core;
    for (const name of ['release#1', 'release #1']) assert.equal(resolveTask(state, name), first.task);
    for (const name of ['release#2', 'release']) assert.equal(resolveTask(state, name), second.task);
  });

  it('gives way to an alias, and takes precedence over the prefix of one', () => {
    const fleet = new TestFleet(1);
    const { task } = run(fleet, 'rel');
    fleet.addTask({ alias: 'rel-old' });
    assert.equal(resolveTask(fleet.core.state, 'rel'), task);
    const named = fleet.addTask({ alias: 'rel' });
    assert.equal(resolveTask(fleet.core.state, 'rel'), named);
    assert.equal(resolveTask(fleet.core.state, 'rel#1'), task);
  });

  it('is refused when there is no such run, or one in several namespaces', () => {
    const fleet = new TestFleet(1);
    fleet.createNamespace('acme');
    run(fleet, 'release');
    run(fleet, 'release', 'acme');
    const refusal = (name: string): string => {
      try {
        return resolveTask(fleet.core.state, name).alias;
      } catch (thrown) {
        const { code, message } = thrown as FleetError;
        return `${code}: ${message}`;
      }
    };
    assert.equal(refusal('release#9'), "NOT_FOUND: no run is named 'release#9'; the newest is release #1");
    assert.match(refusal('release#1'), /^CONFLICT: .* several namespaces: default, acme$/);
    assert.equal(refusal('relaese'), "NOT_FOUND: no task is named 'relaese' (did you mean 'release'?)");
  });
});
