import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetError } from '../../errors.ts';
import type { ThreadId } from '../../record/ids.ts';
import { TOPIC } from '../model/record-bodies.ts';
import { celCompiler } from '../join/cel.ts';
import * as commands from './fan-out.ts';
import { addRule } from './rules.ts';
import type { FanOut } from '../model/state.ts';
import { FAN_OUT_CONTEXT, states, TestFleet, USER, verdicts, workerDid } from '../testing/test-fleet.ts';

/** Requires that a command is refused with this message, and that nothing was written. */
function refused(fleet: TestFleet, run: () => unknown, code: FleetError['code'], message: RegExp): void {
  const before = fleet.log.length;
  assert.throws(run, (error: FleetError) => {
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
  fleet.do(() => undefined);
  assert.equal(fleet.log.length, before, 'nothing is written');
}

describe('task add', () => {
  it('creates a task on its own thread, in the name of the issuer', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask({ alias: 'FIRST-001', goal: 'try it', priority: 'high', labels: ['x'] });
    const [{ record }] = fleet.log as [(typeof fleet.log)[0]];
    assert.deepEqual(
      [record.act, record.actor, record.thread, record.id],
      ['INTEND', USER, task.thread, task.facts.intent],
    );
    assert.deepEqual([task.alias, task.goal, task.facts.priority], ['FIRST-001', 'try it', 'high']);
  });

  it('chooses an alias when none is given', () => {
    const fleet = new TestFleet();
    fleet.addTask({ alias: 'TASK-002' });
    assert.deepEqual(
      [fleet.addTask({ alias: null }).alias, fleet.addTask({ alias: null }).alias],
      ['TASK-003', 'TASK-004'],
    );
  });

  it('refuses the alias of an unfinished task, naming its goal, and allows that of a finished one', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    const { alias, goal, thread } = fanOut.task;
    refused(
      fleet,
      () => fleet.addTask({ alias }),
      'CONFLICT',
      new RegExp(`alias '${alias}' is held .*: ${goal}$`),
    );
    fleet.report(fanOut, 0);
    assert.notEqual(fleet.addTask({ alias }).thread, thread);
  });

  it('gives a repeated key the first answer (I19)', () => {
    const fleet = new TestFleet();
    const first = fleet.addTask({ alias: null }, 'once');
    assert.equal(fleet.addTask({ alias: null }, 'once'), first);
    assert.equal(fleet.bodiesOf(TOPIC.task).length, 1);
    fleet.restart();
    assert.equal(fleet.addTask({ alias: null }, 'once').thread, first.thread);
    assert.notEqual(fleet.addTask({ alias: null }, 'twice').thread, first.thread);
  });

  it('refuses a key that was used for another command, which would be silently dropped', () => {
    const fleet = new TestFleet();
    fleet.addTask({ alias: null, goal: 'one' }, 'once');
    refused(
      fleet,
      () => fleet.addTask({ alias: null, goal: 'two' }, 'once'),
      'CONFLICT',
      /'once' was given with/,
    );
    assert.equal(fleet.bodiesOf(TOPIC.task).length, 1);
  });

  it('refuses an unknown namespace', () => {
    const fleet = new TestFleet();
    refused(fleet, () => fleet.addTask({ namespace: 'acme' }), 'NAMESPACE_REJECTED', /'acme'/);
    assert.equal(fleet.addTask({ namespace: 'default' }).facts.namespace, 'default');
  });
});

describe('task fan-out', () => {
  const fanOutOf = (fleet: TestFleet, name: string, subtasks: unknown[], join = 'all', key?: string) =>
    fleet.do(now =>
      commands.fanOut(
        fleet.core,
        name,
        {
          subtasks,
          join,
          losers: 'keep',
          timeout_secs: null,
          budget_usd: null,
          budget_tokens: null,
          budget_secs: null,
          namespace: null,
          dir: null,
        },
        FAN_OUT_CONTEXT,
        { actor: USER, key, now },
      ),
    );

  it('returns what it opened', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask();
    const answer = fanOutOf(fleet, task.alias, [{ goal: 'a' }, { goal: 'b' }], ' any ');
    assert.deepEqual(answer, {
      thread: task.thread,
      record: task.fanOut!.id,
      subtasks: 2,
      join: ' any ',
      alias: task.alias,
      run: null,
    });
  });

  it('refuses a second one, and one of a cancelled task', () => {
    const fleet = new TestFleet();
    const { task } = fleet.fanOut(1);
    refused(fleet, () => fanOutOf(fleet, task.alias, [{ goal: 'x' }]), 'CONFLICT', /already has a fan-out/);
    const cancelled = fleet.addTask();
    fleet.cancel(cancelled);
    refused(
      fleet,
      () => fanOutOf(fleet, cancelled.alias, [{ goal: 'x' }]),
      'CONFLICT',
      /is cancelled and can't be fanned out/,
    );
  });

  it('refuses before writing: unknown tasks, faulty subtasks, invalid predicates', () => {
    const fleet = new TestFleet(1);
    const { alias } = fleet.addTask();
    const one = [{ goal: 'x' }];
    refused(fleet, () => fanOutOf(fleet, 'nobody', one), 'NOT_FOUND', /no task is named 'nobody'/);
    refused(fleet, () => fanOutOf(fleet, alias, [{ goal: '' }]), 'INVALID_RECORD', /subtask 0: goal/);
    refused(
      fleet,
      () => fanOutOf(fleet, alias, [{ goal: 'x', target: 'worker-9' }]),
      'INVALID_RECORD',
      /matches no worker/,
    );
    refused(fleet, () => fanOutOf(fleet, alias, one, 'k_of_n:2'), 'INVALID_RECORD', /K = 2/);
    refused(fleet, () => fanOutOf(fleet, alias, one, 'accepted +'), 'INVALID_RECORD', /^join: /);
    refused(fleet, () => fanOutOf(fleet, alias, one, 'accepted'), 'INVALID_RECORD', /must be bool/);
  });

  it('uses the folder of its task when it names none', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask({ dir: '/work' });
    fanOutOf(fleet, task.alias, [{ goal: 'a' }, { goal: 'b', dir: '/else' }]);
    assert.deepEqual(
      task.fanOut!.subtasks.map(({ dir }) => dir),
      ['/work', '/else'],
    );
  });

  it('gives a repeated key the first answer (I19)', () => {
    const fleet = new TestFleet();
    const { alias } = fleet.addTask();
    const first = fanOutOf(fleet, alias, [{ goal: 'a' }], 'all', 'once');
    assert.deepEqual(fanOutOf(fleet, alias, [{ goal: 'a' }], 'all', 'once'), first);
  });

  it('refuses the key of another task', () => {
    const fleet = new TestFleet();
    fanOutOf(fleet, fleet.addTask().alias, [{ goal: 'a' }], 'all', 'once');
    const other = fleet.addTask();
    refused(
      fleet,
      () => fanOutOf(fleet, other.alias, [{ goal: 'a' }], 'all', 'once'),
      'CONFLICT',
      /'once' was given with/,
    );
    assert.equal(other.fanOut, null);
  });
});

describe('task retry', () => {
  function failed(): { fleet: TestFleet; fanOut: FanOut } {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, { depends_on: [0] }, {}], { join: 'any' });
    fleet.report(fanOut, 0, { verdict: 'failed' });
    return { fleet, fanOut };
  }

  it('refuses running, waiting and accepted subtasks', () => {
    const { fleet, fanOut } = failed();
    refused(fleet, () => fleet.retry(fanOut.task, 2), 'CONFLICT', /subtask 2 of 'T-1' is running/);
    fleet.report(fanOut, 2);
    refused(fleet, () => fleet.retry(fanOut.task, 2), 'CONFLICT', /has accepted/);
    fleet.retry(fanOut.task, 0);
    refused(fleet, () => fleet.retry(fanOut.task, 1), 'CONFLICT', /has not run yet/);
  });

  it('refuses a subtask with a failed dependency, with a hint', () => {
    const { fleet, fanOut } = failed();
    assert.throws(
      () => fleet.retry(fanOut.task, 1),
      (error: FleetError) =>
        /depends on subtask 0/.test(error.message) && /--subtask 0/.test(error.hint ?? ''),
    );
  });

  it('of what failed says whether the rest still runs', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut([{}]);
    const issuer = { actor: USER, key: undefined, now: fleet.now };
    const retry = () => commands.retry(fleet.core, 'T-1', { failed: true, hint: null }, issuer);
    refused(fleet, retry, 'CONFLICT', /'T-1' still runs, and nothing of it has failed/);
    fleet.report(task.fanOut!, 0);
    refused(fleet, retry, 'CONFLICT', /no subtask of 'T-1' has failed/);
  });

  it('refuses unknown subtasks', () => {
    const { fleet, fanOut } = failed();
    refused(fleet, () => fleet.retry(fanOut.task, 3), 'NOT_FOUND', /has no subtask 3: it has 3/);
    const plain = fleet.addTask();
    refused(fleet, () => fleet.retry(plain, 0), 'NOT_FOUND', /no subtask 0/);
  });

  it('sends its hint to the worker', () => {
    const { fleet, fanOut } = failed();
    const issuer = { actor: USER, key: undefined, now: fleet.now };
    fleet.do(() => commands.retry(fleet.core, 'T-1', { subtask: 0, hint: 'mind the gap' }, issuer));
    fleet.report(fanOut, 2, { verdict: 'failed' });
    assert.equal(fleet.bodiesOf(TOPIC.child).at(-1)!['hint'], 'mind the gap');
  });
});

describe('task cancel', () => {
  it('ends all of a task, and joins it as cancelled', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, {}, { depends_on: [0] }]);
    fleet.cancel(fanOut.task);
    assert.equal(fanOut.joined?.outcome, 'cancelled');
    assert.deepEqual(states(fanOut), ['assigned', 'done', 'done']);
    assert.deepEqual(fleet.deliveriesSent('cancel'), [0]);
    fleet.report(fanOut, 0, { verdict: 'cancelled' });
    assert.deepEqual(verdicts(fanOut), ['cancelled', 'cancelled', 'cancelled']);
  });

  it('ends one subtask and its dependants, and the rest continues', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([{}, {}, { depends_on: [1] }], { join: 'any' });
    fleet.cancel(fanOut.task, 1);
    assert.deepEqual(verdicts(fanOut), [null, 'cancelled', 'cancelled']);
    assert.equal(fanOut.joined, null);
    fleet.report(fanOut, 0);
    assert.equal(fanOut.joined!.outcome, 'satisfied');
  });

  it('after the join ends running subtasks, and keeps the outcome', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut(3, { join: 'any' });
    fleet.report(fanOut, 0);
    fleet.cancel(fanOut.task);
    assert.deepEqual(fleet.deliveriesSent('cancel').sort(), [1, 2]);
    assert.equal(fanOut.joined!.outcome, 'satisfied');
  });

  it('refuses when there is nothing left to end', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(1);
    fleet.report(fanOut, 0);
    refused(fleet, () => fleet.cancel(fanOut.task), 'CONFLICT', /task 'T-1' has already ended/);
    refused(fleet, () => fleet.cancel(fanOut.task, 0), 'CONFLICT', /subtask 0 of 'T-1' has already ended/);
    const plain = fleet.addTask();
    fleet.cancel(plain);
    refused(fleet, () => fleet.cancel(plain), 'CONFLICT', /has already ended/);
  });

  it('gives a repeated key the first answer (I19)', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(1);
    for (let i = 0; i < 2; i++) {
      const issuer = { actor: USER, key: 'once', now: fleet.now };
      fleet.do(() => commands.cancel(fleet.core, task.alias, { subtask: null, reason: 'enough' }, issuer));
    }
    assert.equal(fleet.bodiesOf(TOPIC.cancel).length, 1);
    assert.equal(task.fanOut!.joined!.reason, 'enough');
  });
});

describe('a task that is added with its fan-out', () => {
  const TASK = {
    priority: 'medium',
    ...{ goal: 'both', alias: null, labels: [], domain: null, hypothesis: null, criteria: [] },
    ...{ namespace: null, dir: null },
  } as const;
  const REQUEST = {
    losers: 'drain',
    ...{ join: 'all', timeout_secs: null, budget_usd: null, budget_tokens: null, budget_secs: null },
    ...{ namespace: null, dir: null },
  } as const;
  let threads = 0;
  const opened = (fleet: TestFleet, subtasks: unknown[], change: object = {}, key?: string) =>
    fleet.do(now =>
      commands.openFanOut(
        fleet.core,
        { ...TASK, ...change, fan_out: { ...REQUEST, subtasks } },
        `th_opened${threads++}` as ThreadId,
        FAN_OUT_CONTEXT,
        { actor: USER, key, now },
      ),
    );

  it('is written together with it, in records that become durable at once', () => {
    const fleet = new TestFleet();
    const before = fleet.log.length;
    const { thread, alias, record, fan_out: fanOut } = opened(fleet, [{ goal: 'a' }, { goal: 'b' }]);
    assert.deepEqual(
      fleet.log.slice(before).map(({ record: { id, thread: on, body } }) => [id, on, body['topic']]),
      [
        [record, thread, TOPIC.task],
        [fanOut.record, thread, TOPIC.fanOut],
      ],
    );
    assert.deepEqual([fanOut.thread, fanOut.alias, fanOut.subtasks], [thread, alias, 2]);
  });

  it('is not written when either is refused', () => {
    const fleet = new TestFleet();
    const { alias } = fleet.addTask({ alias: 'HELD' });
    const one = [{ goal: 'a' }];
    refused(fleet, () => opened(fleet, [{ goal: 'a', colour: 1 }]), 'INVALID_RECORD', /colour/);
    refused(fleet, () => opened(fleet, one, { alias }), 'CONFLICT', /alias 'HELD' is held/);
    refused(fleet, () => opened(fleet, one, { namespace: 'acme' }), 'NAMESPACE_REJECTED', /'acme'/);
    const rule = {
      name: 'no',
      rule: "act == 'INTEND' && record.body.topic == 'fanout'",
      effect: 'deny',
    } as const;
    fleet.do(now => addRule(fleet.core, rule, celCompiler, { actor: USER, now }));
    refused(fleet, () => opened(fleet, one), 'SCOPE_FORBIDDEN', /'no'/);
  });

  it('gives a repeated key the first answer (I19)', () => {
    const fleet = new TestFleet();
    const first = opened(fleet, [{ goal: 'a' }], {}, 'once');
    assert.deepEqual(opened(fleet, [{ goal: 'a' }], {}, 'once'), first);
    fleet.restart();
    assert.deepEqual(opened(fleet, [{ goal: 'a' }], {}, 'once'), first);
    refused(
      fleet,
      () => opened(fleet, [{ goal: 'a' }], { goal: 'x' }, 'once'),
      'CONFLICT',
      /'once' was given/,
    );
  });
});

describe('task run-serial', () => {
  const run = (fleet: TestFleet, name: string, worker: string | null, key?: string) =>
    fleet.do(now =>
      commands.runSerial(fleet.core, name, { worker }, `th_serial${fleet.log.length}` as ThreadId, {
        actor: USER,
        key,
        now,
      }),
    );

  it('repeats the subtasks on one worker, as a separate task', () => {
    const fleet = new TestFleet(2);
    const fanOut = fleet.fanOut([{ target: 'round-robin', depends_on: [1] }, { run: 'true' }], {
      join: 'any',
    });
    const answer = run(fleet, fanOut.task.alias, 'worker-1');
    const serial = fleet.core.state.tasks.get(answer.thread as ThreadId)!;
    assert.equal(serial.alias, 'T-1-serial');
    assert.equal(serial.fanOut!.serialOf, fanOut.task.thread);
    for (const { target } of serial.fanOut!.subtasks)
      assert.deepEqual(target, { kind: 'specific', did: workerDid(1) });
    assert.equal(serial.fanOut!.join, 'accepted == total', 'every one of them runs');
    assert.equal(run(fleet, fanOut.task.alias, null).alias, 'T-1-serial-2');
  });

  it('picks the least loaded live worker', () => {
    const fleet = new TestFleet(3);
    const fanOut = fleet.fanOut(2);
    fleet.core.state.instances.get(workerDid(0))!.status = 'archived';
    const { thread } = run(fleet, fanOut.task.alias, null);
    const [first] = fleet.core.state.tasks.get(thread as ThreadId)!.fanOut!.subtasks;
    assert.deepEqual(first!.target, { kind: 'specific', did: workerDid(2) });
  });

  it('refuses invalid requests', () => {
    const fleet = new TestFleet();
    const plain = fleet.addTask();
    refused(fleet, () => run(fleet, plain.alias, null), 'CONFLICT', /has no fan-out to run serially/);
    const { task } = fleet.fanOut(1);
    refused(fleet, () => run(fleet, task.alias, 'worker-7'), 'NOT_FOUND', /no worker is named 'worker-7'/);
    refused(fleet, () => run(fleet, task.alias, null), 'NOT_FOUND', /no worker is live/);
  });

  it('gives a repeated key the first answer (I19)', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(1);
    assert.deepEqual(run(fleet, task.alias, null, 'once'), run(fleet, task.alias, null, 'once'));
    const { task: other } = fleet.fanOut(1);
    refused(fleet, () => run(fleet, other.alias, null, 'once'), 'CONFLICT', /'once' was given with/);
  });
});
