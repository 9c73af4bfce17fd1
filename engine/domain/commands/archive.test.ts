import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { MAX_ARCHIVED, type Archive } from '../../contract/commands.ts';
import type { ArchivedDocument } from '../../contract/documents.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { celCompiler } from '../join/cel.ts';
import { TOPIC } from '../model/record-bodies.ts';
import { TestFleet, USER } from '../testing/test-fleet.ts';
import { archive } from './archive.ts';
import { addRule } from './rules.ts';

const archiveIn = (fleet: TestFleet, input: Partial<Archive>): ArchivedDocument =>
  fleet.do(now => archive(fleet.core, { namespace: null, undo: false, ...input }, { actor: USER, now }));

describe('archive', () => {
  it('marks finished tasks until it is undone, in the log and in a snapshot', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(1);
    fleet.report(task.fanOut!, 0);
    const plain = fleet.addTask();
    fleet.cancel(plain);
    const { tasks } = archiveIn(fleet, { tasks: [task.alias, plain.thread, task.thread] });
    assert.deepEqual(
      tasks.map(({ alias }) => alias),
      [task.alias, plain.alias],
    );
    const snapshot = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    for (const { tasks: kept } of [fleet.core.state, fleet.replayed(), snapshot])
      assert.deepEqual([kept.get(task.thread)!.archived, kept.get(plain.thread)!.archived], [true, true]);
    assert.equal(fleet.documentOf(task).archived, true);
    archiveIn(fleet, { tasks: [task.alias], undo: true });
    assert.deepEqual(
      [fleet.documentOf(task).archived, fleet.replayed().tasks.get(task.thread)!.archived],
      [false, false],
    );
  });

  it('tells watchers, and writes nothing twice', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(1);
    fleet.report(task.fanOut!, 0);
    archiveIn(fleet, { tasks: [task.alias] });
    assert.ok(fleet.changed.has(task.thread));
    archiveIn(fleet, { tasks: [task.alias] });
    assert.equal(fleet.bodiesOf(TOPIC.archive).length, 1);
  });

  it('ends when the task runs again or is reopened', () => {
    const fleet = new TestFleet(1);
    const { task } = fleet.fanOut(1);
    fleet.report(task.fanOut!, 0, { verdict: 'failed' });
    const plain = fleet.addTask();
    fleet.cancel(plain);
    archiveIn(fleet, { done: true });
    assert.deepEqual([task.archived, plain.archived], [true, true]);
    fleet.retry(task, 0);
    fleet.taskAction(plain, 'reopen');
    assert.deepEqual([task.archived, plain.archived], [false, false]);
  });

  it('refuses a task that is not finished, or of which something runs, and then archives none', () => {
    const fleet = new TestFleet(2);
    const over = fleet.fanOut(1).task;
    fleet.report(over.fanOut!, 0);
    const joined = fleet.fanOut(2, { join: 'any', losers: 'keep' }).task;
    fleet.report(joined.fanOut!, 0);
    assert.equal(fleet.statusOf(joined), 'approved');
    for (const [task, hint] of [
      [joined, /join-status .* --watch; or cancel it: spl task cancel/],
      [fleet.addTask(), /spl task cancel/],
    ] as const)
      assert.throws(() => archiveIn(fleet, { tasks: [over.alias, task.alias] }), { code: 'CONFLICT', hint });
    assert.throws(() => archiveIn(fleet, {}), { code: 'USAGE' });
    assert.throws(() => archiveIn(fleet, { tasks: [over.alias], done: true }), { code: 'USAGE' });
    assert.equal(over.archived, false);
    assert.deepEqual(
      archiveIn(fleet, { done: true }).tasks.map(({ alias }) => alias),
      [over.alias],
    );
  });

  it('takes all finished tasks of a namespace, so many at a time', () => {
    const fleet = new TestFleet();
    fleet.createNamespace('acme');
    fleet.cancel(fleet.addTask());
    const inside = Array.from({ length: MAX_ARCHIVED + 1 }, () => fleet.addTask({ namespace: 'acme' }));
    for (const task of inside) fleet.cancel(task);
    const first = archiveIn(fleet, { done: true, namespace: 'acme' });
    const second = archiveIn(fleet, { done: true, namespace: 'acme' });
    assert.deepEqual(
      [first, second].map(({ tasks, left }) => [tasks.length, left]),
      [
        [MAX_ARCHIVED, 1],
        [1, 0],
      ],
    );
  });

  it('is refused by a rule as a whole', () => {
    const fleet = new TestFleet();
    fleet.createNamespace('acme');
    const [free, held] = [fleet.addTask(), fleet.addTask({ namespace: 'acme' })];
    for (const task of [free, held]) fleet.cancel(task);
    const rule = { name: 'no', rule: 'ns == "acme" && act == "LEARN"', effect: 'deny' } as const;
    fleet.do(now => addRule(fleet.core, rule, celCompiler, { actor: USER, now }));
    assert.throws(() => archiveIn(fleet, { done: true }), { code: 'SCOPE_FORBIDDEN' });
    assert.equal(free.archived, false);
  });
});
