import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { TASK_ACTIONS, type TaskAction } from '../../contract/commands.ts';
import type { TaskStatus } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { TOPIC, topicOf } from '../model/record-bodies.ts';
import { celCompiler } from '../join/cel.ts';
import { kill, unkill } from './kill.ts';
import { replayThread } from '../views/replay.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { REFUSED, REOPENED, TASK } from '../model/task-status.ts';
import type { Task } from '../model/state.ts';
import { statusOf } from '../model/tasks.ts';
import { OTHER, TestFleet, USER } from '../testing/test-fleet.ts';

/** Requires a refusal with this message and this hint, and that nothing was written. */
function refused(
  fleet: TestFleet,
  run: () => unknown,
  code: FleetError['code'],
  message: RegExp,
  hint?: RegExp,
): void {
  const before = fleet.log.length;
  assert.throws(run, (error: FleetError) => {
    assert.deepEqual([error.code, error.message.match(message) === null], [code, false], error.message);
    if (hint !== undefined) assert.match(error.hint ?? '', hint);
    return true;
  });
  fleet.do(() => undefined);
  assert.equal(fleet.log.length, before, 'nothing is written');
}

/** Uses a verb with its required input. */
function word(fleet: TestFleet, task: Task, verb: TaskAction, actor = USER): void {
  fleet.taskAction(task, verb, verb === 'block' ? { reason: 'the key is missing' } : {}, actor);
}

/** Returns a task after these verbs. Another user gives the verdicts. */
function taskAfter(fleet: TestFleet, ...verbs: TaskAction[]): Task {
  const task = fleet.addTask();
  for (const verb of verbs) word(fleet, task, verb, verb === 'approve' || verb === 'reject' ? OTHER : USER);
  return task;
}

const freeze = (fleet: TestFleet): unknown =>
  fleet.do(now =>
    kill(
      fleet.core,
      { namespace: 'default', emergency: false, level: 'hard', grace_secs: 0, reason: 'stop' },
      { actor: USER, now },
    ),
  );

describe('the verbs of a task', () => {
  for (const [verbs, status] of [
    [['start'], 'active'],
    [['start', 'done'], 'review'],
    [['done'], 'review'],
    [['done', 'approve'], 'approved'],
    [['done', 'reject'], 'rejected'],
    [['done', 'start'], 'active'],
    [['fail'], 'failed'],
    [['block'], 'blocked'],
    [['block', 'start'], 'active'],
    [['defer'], 'deferred'],
    [['fail', 'reopen'], 'inbox'],
    [['start', 'fail', 'reopen'], 'active'],
    [['done', 'approve', 'reopen'], 'active'],
  ] as const satisfies readonly (readonly [TaskAction[], TaskStatus])[]) {
    it(`${verbs.join(', ')}: ${status}`, () => {
      const fleet = new TestFleet();
      assert.equal(fleet.statusOf(taskAfter(fleet, ...verbs)), status);
    });
  }

  it('move a task as the table allows, in any order, and a refusal writes nothing', () => {
    const verbs = fc.array(
      fc.tuple(fc.constantFrom(...TASK_ACTIONS, 'cancel' as const), fc.constantFrom(USER, OTHER)),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(verbs, sequence => {
        const fleet = new TestFleet();
        const task = fleet.addTask();
        for (const [verb, actor] of sequence) {
          const before = fleet.statusOf(task);
          const records = fleet.log.length;
          try {
            if (verb === 'cancel') fleet.cancel(task);
            else word(fleet, task, verb, actor);
          } catch (error) {
            assert.ok(FleetError.is(error));
            fleet.do(() => undefined);
            assert.equal(fleet.log.length, records);
            assert.equal(fleet.statusOf(task), before);
            assert.ok(
              verb === 'cancel' || TASK[before][verb] === REFUSED || error.code === 'SCOPE_FORBIDDEN',
              `${verb} of ${before} is allowed, and was refused: ${error.message}`,
            );
            continue;
          }
          const after = fleet.statusOf(task);
          assert.equal(fleet.log.length, records + 1, 'one record');
          if (verb === 'cancel') assert.equal(after, 'cancelled');
          else if (TASK[before][verb] === REOPENED)
            assert.equal(after, task.standing.begun ? 'active' : 'inbox', `${verb} of ${before}`);
          else assert.equal(after, TASK[before][verb], `${verb} of ${before}`);
        }
        const replayed = fleet.replayed();
        const restored = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
        for (const state of [replayed, restored])
          assert.equal(statusOf(state, state.tasks.get(task.thread)!, fleet.now), fleet.statusOf(task));
        const own = fleet.log.filter(({ record }) => record.thread === task.thread);
        assert.equal(replayThread(own).final_status, fleet.statusOf(task));
      }),
      { numRuns: runs(100) },
    );
  });

  it('are one record each, by the coordinator, with the issuer and the time', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask();
    fleet.taskAction(task, 'done', { summary: 'merged' });
    fleet.taskAction(task, 'reject', { reason: 'no tests' }, OTHER);
    const [done, reject] = fleet.log.slice(-2).map(({ record }) => record);
    assert.deepEqual(
      [done?.act, done?.thread, done?.judged_by, done?.body],
      [
        'KNOW',
        task.thread,
        null,
        { issued_at_unix: fleet.now / 1000, issued_by: USER, summary: 'merged', topic: TOPIC.done },
      ],
    );
    assert.deepEqual([reject?.act, reject?.judged_by], ['KNOW', OTHER]);
    assert.equal(done?.actor, reject?.actor);
    assert.notEqual(done?.actor, USER);
  });

  it('take effect once when repeated with their key (I19)', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask();
    fleet.taskAction(task, 'start', {}, USER, 'once');
    fleet.restart();
    fleet.taskAction(task, 'start', {}, USER, 'once');
    assert.equal(fleet.log.filter(({ record }) => topicOf(record) === TOPIC.start).length, 1);
  });

  it('name the status and the way out in a refusal', () => {
    const fleet = new TestFleet();
    for (const [verbs, verb, message, hint] of [
      [[], 'approve', /is inbox and can't be approved/, /task done T-1/],
      [['block'], 'done', /is blocked and can't be marked as done/, /task start/],
      [['done'], 'block', /is review and can't be blocked/, /task approve .* task reject .* task start/],
      [['fail'], 'start', /is failed and can't be started/, /task reopen/],
      [['start'], 'start', /is active and can't be started/, /task done/],
    ] as const) {
      const task = taskAfter(fleet, ...verbs);
      refused(fleet, () => word(fleet, task, verb), 'CONFLICT', message, hint);
    }
  });

  it('refuse a verdict by the author of `done`', () => {
    const fleet = new TestFleet();
    const task = taskAfter(fleet, 'done');
    for (const verb of ['approve', 'reject'] as const)
      refused(fleet, () => word(fleet, task, verb), 'SCOPE_FORBIDDEN', /did:sync:user:tester/, /--actor/);
    word(fleet, task, 'approve', OTHER);
    word(fleet, task, 'reopen', OTHER);
    word(fleet, task, 'done', OTHER);
    refused(fleet, () => word(fleet, task, 'approve', OTHER), 'SCOPE_FORBIDDEN', /did:sync:user:other/);
    word(fleet, task, 'approve');
    assert.equal(fleet.statusOf(task), 'approved');
  });

  it('are refused for a task with a fan-out, whose join decides', () => {
    const fleet = new TestFleet(1);
    const open = fleet.fanOut(1).task;
    for (const verb of TASK_ACTIONS)
      refused(fleet, () => word(fleet, open, verb), 'CONFLICT', /under way/, /join-status .* task cancel/);
    const over = fleet.fanOut(1);
    fleet.report(open.fanOut!, 0);
    fleet.report(over, 0, { verdict: 'failed' });
    refused(fleet, () => word(fleet, over.task, 'reopen'), 'CONFLICT', /over \(failed\)/, /task retry/);
    refused(fleet, () => word(fleet, open, 'reopen'), 'CONFLICT', /over \(approved\)/, /task show/);
    assert.deepEqual(fleet.documentOf(over.task).verbs, []);
  });

  it('are not refused by a freeze, except those that start work', () => {
    const fleet = new TestFleet();
    const [inbox, review, failed] = [taskAfter(fleet), taskAfter(fleet, 'done'), taskAfter(fleet, 'fail')];
    freeze(fleet);
    fleet.pass(1000);
    refused(fleet, () => word(fleet, inbox, 'start'), 'NAMESPACE_FROZEN', /frozen/);
    refused(fleet, () => word(fleet, failed, 'reopen'), 'NAMESPACE_FROZEN', /frozen/);
    for (const verb of ['block', 'defer', 'fail'] as const) word(fleet, inbox, verb);
    word(fleet, review, 'reject', OTHER);
    fleet.do(now => unkill(fleet.core, { namespace: 'default', emergency: false }, { actor: USER, now }));
    word(fleet, failed, 'reopen');
    assert.deepEqual(
      [inbox, review, failed].map(task => fleet.statusOf(task)),
      ['failed', 'rejected', 'inbox'],
    );
  });

  it('do not reopen a task whose alias another unfinished one holds', () => {
    const fleet = new TestFleet();
    const first = fleet.addTask({ alias: 'A' });
    word(fleet, first, 'fail');
    const second = fleet.addTask({ alias: 'A' });
    refused(fleet, () => word(fleet, first, 'reopen'), 'CONFLICT', /'A' is held /);
    word(fleet, second, 'fail');
    word(fleet, first, 'reopen');
    assert.equal(fleet.statusOf(first), 'inbox');
  });
});

describe('a deferral', () => {
  it('ends at its time: the task has its earlier status, watchers are notified, and nothing is written', () => {
    const fleet = new TestFleet();
    const task = taskAfter(fleet, 'start');
    fleet.taskAction(task, 'defer', { until_unix: fleet.now / 1000 + 60, reason: 'after the holidays' });
    const records = fleet.log.length;
    fleet.pass(59_000);
    assert.deepEqual([fleet.statusOf(task), fleet.documentOf(task).deferred_until_unix], ['deferred', 1060]);
    fleet.restart();
    const again = fleet.core.state.tasks.get(task.thread)!;
    fleet.pass(2000);
    assert.deepEqual([fleet.statusOf(again), [...fleet.changed.keys()]], ['active', [task.thread]]);
    assert.equal(fleet.core.nextDeadline(fleet.now), undefined);
    assert.equal(fleet.documentOf(again).deferred_until_unix, null);
    assert.equal(fleet.log.length, records);
  });

  it('keeps a block; without an end, only a start ends it', () => {
    const fleet = new TestFleet();
    const blocked = taskAfter(fleet, 'block');
    fleet.taskAction(blocked, 'defer', { until_unix: fleet.now / 1000 + 1 });
    const put = taskAfter(fleet, 'defer');
    fleet.pass(1e9);
    assert.deepEqual([fleet.statusOf(blocked), fleet.statusOf(put)], ['blocked', 'deferred']);
    word(fleet, put, 'start');
    assert.equal(fleet.statusOf(put), 'active');
  });

  it('until a past time is refused', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask();
    const until_unix = fleet.now / 1000;
    refused(fleet, () => fleet.taskAction(task, 'defer', { until_unix }), 'INVALID_RECORD', /future/);
  });
});

describe('a block on another task', () => {
  it('ends when the other task is approved, and names it until then', () => {
    const fleet = new TestFleet();
    const [other, task] = [fleet.addTask({ alias: 'B' }), fleet.addTask()];
    fleet.taskAction(task, 'block', { on: 'B', reason: 'needs its types' });
    assert.equal(fleet.statusOf(task), 'blocked');
    assert.equal(fleet.documentOf(task).reason, 'needs its types; waits for B (inbox)');
    word(fleet, other, 'done');
    word(fleet, other, 'approve', OTHER);
    assert.deepEqual([fleet.statusOf(task), fleet.documentOf(task).reason], ['inbox', null]);
    assert.ok(fleet.changed.has(task.thread), 'who watches is told');
  });

  it('is refused without a reason, on itself, in a cycle, and on an approved task', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask({ alias: 'A' });
    fleet.addTask({ alias: 'B', depends_on: ['A'] });
    const over = taskAfter(fleet, 'done', 'approve');
    refused(fleet, () => fleet.taskAction(task, 'block', {}), 'USAGE', /reason/, /--on/);
    refused(fleet, () => fleet.taskAction(task, 'block', { on: 'A' }), 'CONFLICT', /itself/);
    refused(
      fleet,
      () => fleet.taskAction(task, 'block', { on: 'B' }),
      'CONFLICT',
      /'B' waits for 'A' already/,
    );
    refused(
      fleet,
      () => fleet.taskAction(task, 'block', { on: over.alias }),
      'CONFLICT',
      /nothing to wait for/,
    );
    refused(fleet, () => fleet.taskAction(task, 'block', { on: 'nowhere' }), 'NOT_FOUND', /'nowhere'/);
  });
});

describe('the dependencies of a task', () => {
  it('block it until all are approved, and then restore its earlier status', () => {
    const fleet = new TestFleet(1);
    const plain = fleet.addTask({ alias: 'PLAIN' });
    const fanned = fleet.fanOut(1, {}, undefined, fleet.addTask({ alias: 'FANNED' }));
    const task = fleet.addTask({ alias: 'LAST', depends_on: ['PLAIN', fanned.task.thread, 'PLA'] });
    assert.equal(task.facts.dependsOn.length, 2, 'named twice is once');
    assert.equal(fleet.statusOf(task), 'blocked');
    const why = /'LAST' waits for PLAIN \(inbox\) and for FANNED \(active\), and can't be/;
    refused(fleet, () => word(fleet, task, 'start'), 'CONFLICT', why, /task show PLAIN/);
    refused(fleet, () => word(fleet, task, 'done'), 'CONFLICT', why);
    refused(fleet, () => fleet.fanOut(1, {}, undefined, task), 'CONFLICT', why);
    assert.ok(!fleet.documentOf(task).verbs.includes('start'));
    word(fleet, plain, 'done');
    word(fleet, plain, 'approve', OTHER);
    fleet.report(fanned, 0);
    assert.equal(fleet.statusOf(task), 'inbox');
    assert.ok(fleet.changed.has(task.thread), 'who watches is told');
    fleet.fanOut(1, {}, undefined, task);
    assert.equal(fleet.statusOf(task), 'active');
  });

  it('that failed are named as failed, with a hint to reopen them', () => {
    const fleet = new TestFleet();
    const [failed, cancelled] = [fleet.addTask({ alias: 'F' }), fleet.addTask({ alias: 'C' })];
    const task = fleet.addTask({ depends_on: ['F', 'C'] });
    word(fleet, failed, 'fail');
    fleet.cancel(cancelled);
    assert.equal(fleet.documentOf(task).reason, 'waits for F, which failed and for C, which was cancelled');
    refused(fleet, () => word(fleet, task, 'start'), 'CONFLICT', /F, which failed/, /task reopen F/);
  });

  it('are shown in both tasks, and are refused for an unknown task', () => {
    const fleet = new TestFleet();
    const first = fleet.addTask({ alias: 'FIRST' });
    const second = fleet.addTask({ alias: 'SECOND', depends_on: ['FIRST'] });
    const shown = { goal: 'a goal' };
    assert.deepEqual(fleet.documentOf(second).depends_on, [
      { thread: first.thread, alias: 'FIRST', status: 'inbox', ...shown },
    ]);
    assert.deepEqual(fleet.documentOf(first).dependants, [
      { thread: second.thread, alias: 'SECOND', status: 'blocked', ...shown },
    ]);
    refused(fleet, () => fleet.addTask({ depends_on: ['FIRST', 'x'] }), 'NOT_FOUND', /'x'/);
  });

  it('allow deferring and judging while waiting, and block again when one is reopened', () => {
    const fleet = new TestFleet();
    const first = taskAfter(fleet, 'done', 'approve');
    const second = fleet.addTask({ depends_on: [first.alias] });
    const judged = fleet.addTask({ depends_on: [first.alias] });
    word(fleet, second, 'start');
    word(fleet, judged, 'done');
    word(fleet, first, 'reopen');
    assert.deepEqual([fleet.statusOf(second), fleet.statusOf(judged)], ['blocked', 'review']);
    word(fleet, judged, 'approve', OTHER);
    word(fleet, second, 'defer');
    assert.deepEqual([fleet.statusOf(second), fleet.statusOf(judged)], ['deferred', 'approved']);
  });
});

describe('the evaluation of a task', () => {
  it('has hypothesis, criteria, author, and judge with time and reason', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask({ hypothesis: 'it is the cache', criteria: ['p99 below 10 ms'] });
    fleet.taskAction(task, 'done', { summary: 'turned it off' });
    const before = fleet.documentOf(task).evaluation;
    assert.deepEqual(
      [before.done, before.verdict],
      [{ by: USER, at_unix: 1000, summary: 'turned it off' }, null],
    );
    fleet.pass(5000);
    fleet.taskAction(task, 'reject', { reason: 'p99 is 12 ms' }, OTHER);
    assert.deepEqual(fleet.documentOf(task).evaluation, {
      hypothesis: 'it is the cache',
      criteria: ['p99 below 10 ms'],
      done: { by: USER, at_unix: 1000, summary: 'turned it off' },
      verdict: 'rejected',
      by: OTHER,
      at_unix: 1005,
      reason: 'p99 is 12 ms',
      join: null,
    });
  });

  it('of a fan-out is its join, with the census', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut(2, { join: 'any' });
    fleet.report(fanOut, 0);
    const { verdict, by, join } = fleet.documentOf(fanOut.task).evaluation;
    assert.deepEqual([verdict, by, join?.outcome], ['approved', null, 'satisfied']);
    assert.deepEqual([join?.census.accepted, join?.joined_unix], [1, fleet.now / 1000]);
  });

  it('of a cancelled task names the actor and the reason', () => {
    const fleet = new TestFleet();
    const task = fleet.addTask();
    fleet.cancel(task);
    const { verdict, by, at_unix } = fleet.documentOf(task).evaluation;
    assert.deepEqual([verdict, by, at_unix], ['cancelled', USER, fleet.now / 1000]);
  });
});
