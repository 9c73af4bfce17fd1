import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joined } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { done, join, running, task } from '../../engine/cli/testing/documents.ts';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';
import { editor, type ShownTests } from '../../test/stubs/vscode.ts';
import { FaultyPlan } from '../commands/start-plan.ts';
import type { PlanPart } from '../plans/start.ts';
import { next, settled } from '../testing/editor.ts';
import { A, joined as ended, OUTLINE, usePlans, written } from '../testing/plans.ts';
import { testExplorer, TestExplorer } from './test-explorer.ts';

describe('the Test Explorer', () => {
  const on = usePlans();
  let explorer: TestExplorer;
  let started: (readonly [uri: string, part: PlanPart])[];
  let failure: Error | undefined;
  let folder: string;
  const tests = (): ShownTests => editor.testControllers[0]!;
  const open = (): void => {
    const { session: access, model, plans, runs, log, client } = on.window;
    explorer = new TestExplorer({
      ...{ access, model, plans, runs, log },
      start: async (uri, part) => {
        started.push([uri.toString(), part]);
        if (failure !== undefined) throw failure;
        await runs.note(uri.toString(), 'th');
        return { client, thread: 'th' };
      },
    });
  };
  beforeEach(async () => {
    folder = await mkdtemp(joined(tmpdir(), 'tests-'));
    started = [];
    failure = undefined;
    on.window.client.change({ 'task.cancel': {} });
    on.window.client.output = async ({ subtask }) => ({
      info: { task: 'th', subtask: Number(subtask), attempt: 1, worker: null, running: false },
      chunks: (async function* () {
        yield Buffer.from(`output of ${subtask}\n`);
      })(),
    });
    open();
  });
  afterEach(async () => {
    explorer.dispose();
    await rm(folder, { recursive: true });
  });

  /** Sets the subtasks of the run, and its state. */
  function is(change: Partial<JoinStatus>, ...children: readonly ChildDocument[]): void {
    const page = { thread: 'th', alias: 'A', round: 1, total: children.length, children };
    const status = { ...join(children), complete: false, under_way: true, ...change };
    on.window.client.change({ children: page, join: status });
  }
  const OVER = { complete: true, under_way: false };
  const labels = (items: vscode.TestItemCollection): readonly string[] =>
    [...items].map(([, { label }]) => label);
  const plan = (): vscode.TestItem => tests().items.get(A.toString())!;
  const openPlan = (): Promise<void> =>
    on.window.open(A, { ...OUTLINE, subtasks: written(['types'], ['test-1', 'test-2']) });
  const states = (): readonly string[] =>
    tests()
      .reports.filter(([, state]) => state !== 'enqueued')
      .map(([item, state]) => `${item} ${state}`);

  it('lists the plans of the workspace, and reads the subtasks of one when it is opened', async () => {
    editor.folders = [folder];
    await writeFile(joined(folder, 'check.fanout.yaml'), 'goal: x');
    await tests().resolveHandler!(undefined);
    assert.deepEqual(labels(tests().items), ['check.fanout.yaml']);
    assert.equal(on.window.starts, 0, 'nothing is read before it is needed');
    const [[, item]] = [...tests().items] as [[string, vscode.TestItem]];
    on.window.server.read(item.uri!, { ...OUTLINE, subtasks: written(['a']) });
    await tests().resolveHandler!(item);
    assert.deepEqual(labels(item.children), ['a']);
    on.window.server.read(item.uri!, { ...OUTLINE, subtasks: written(['a'], ['b']) });
    editor.files.changed.fire(item.uri!);
    await settled();
    assert.deepEqual(labels(item.children), ['a', 'b']);
    editor.files.created.fire(vscode.Uri.file(joined(folder, 'web', 'other.fanout.yml')));
    editor.files.deleted.fire(item.uri!);
    assert.deepEqual(labels(tests().items), ['other.fanout.yml']);
    assert.equal([...tests().items][0]?.[1].description, 'web');
    await tests().refreshHandler!(undefined as never);
    assert.deepEqual(labels(tests().items), ['check.fanout.yaml']);
  });

  it('has the subtasks of an open plan at their places', async () => {
    await openPlan();
    assert.deepEqual(labels(plan().children), ['types', 'test-1', 'test-2']);
    const { start, end } = plan().children.get('test-2')!.range!;
    assert.deepEqual([start.line, end.line, end.character], [5, 5, 20]);
  });

  it('reports the states, the outputs and the times of a run', async () => {
    await openPlan();
    is({}, { ...done(0), name: 'types', wall_time_secs: 2 }, { ...running(1), name: 'test-1' });
    const { done: over } = tests().runTests([plan()]);
    await settled();
    assert.deepEqual(started, [[A.toString(), {}]]);
    assert.deepEqual(states(), ['test-1 started', 'types passed']);
    const failed = { ...done(1, 'failed'), name: 'test-1', exit_code: 2, reason: 'it said no' };
    const all = [
      { ...done(0), name: 'types' },
      failed,
      { ...done(2, 'cancelled'), name: 'test-2' },
      { ...done(3, 'timeout'), name: 'test-3' },
    ];
    is({ ...OVER, outcome: 'unsatisfiable' }, ...all);
    on.window.client.emit({ kind: 'task', thread: 'th', children: [1, 2, 3], complete: true });
    await over;
    assert.deepEqual(states().slice(2).toSorted(), ['test-1 failed', 'test-2 skipped', 'test-3 errored']);
    assert.deepEqual(tests().reports.find(([, state]) => state === 'passed')?.[2], 2000);
    const [, , message] = tests().reports.find(([, state]) => state === 'failed')!;
    const { message: text, location } = message as vscode.TestMessage;
    assert.equal(text, 'failed · exit code 2 · 1s\r\nit said no\r\noutput of 1\r\n');
    assert.equal(location?.range.start.line, 5);
    assert.equal(tests().outputs.get('types'), 'output of 0\r\n');
    assert.ok(plan().children.get('test-3'), 'a subtask that the plan does not name');
    assert.equal(tests().open, 0);
    assert.equal(states().length, 5, 'the run is reported once');
    assert.deepEqual(
      tests()
        .reports.slice(0, 3)
        .map(([item, state]) => [item, state]),
      ['types', 'test-1', 'test-2'].map(item => [item, 'enqueued']),
    );
  });

  it('runs the chosen subtasks, without the excluded ones', async () => {
    await openPlan();
    is({ ...OVER, outcome: 'satisfied' }, { ...done(0), name: 'types' });
    const item = (name: string): vscode.TestItem => plan().children.get(name)!;
    await tests().runTests([item('types'), item('test-2')]).done;
    await tests().runTests([plan()], [item('test-1')]).done;
    await tests().runTests(undefined, [plan()]).done;
    assert.deepEqual(
      started.map(([, { subtasks }]) => subtasks),
      [
        ['types', 'test-2'],
        ['types', 'test-2'],
      ],
    );
  });

  it('cancels the run', async () => {
    await openPlan();
    is({}, { ...running(0), name: 'types' });
    const { done: over, cancel } = tests().runTests([plan()]);
    await settled();
    cancel();
    is({ ...OVER, outcome: 'cancelled' }, { ...done(0, 'cancelled'), name: 'types' });
    on.window.client.emit({ kind: 'task', thread: 'th', children: [0], complete: true });
    await over;
    assert.ok(
      on.window.client.asked.some(({ name, input }) => name === 'task.cancel' && input['task'] === 'th'),
    );
    assert.deepEqual(states(), ['types started', 'types skipped']);
  });

  it('shows why a plan is not run, and why its join failed although no subtask did', async () => {
    await openPlan();
    failure = new FaultyPlan('it has 1 error');
    await tests().runTests([plan()]).done;
    failure = undefined;
    is({ ...OVER, outcome: 'unsatisfiable', reason: 'too expensive' }, { ...done(0), name: 'types' });
    await tests().runTests([plan()]).done;
    assert.deepEqual(
      tests()
        .reports.filter(([, state]) => state === 'errored')
        .map(([item, , message]) => [item, (message as vscode.TestMessage).message]),
      [
        ['a.fanout.yaml', 'It has 1 error.'],
        ['a.fanout.yaml', 'too expensive'],
      ],
    );
  });

  it('reports a run that was started elsewhere, and its retries', async () => {
    await openPlan();
    is({ ...OVER, outcome: 'satisfied' }, { ...done(0), name: 'types' });
    const first = next(tests().onDidEnd);
    await on.window.ran(A, ended());
    await first;
    assert.deepEqual(states(), ['types passed']);
    is({ ...OVER, outcome: 'satisfied' }, { ...done(0), name: 'types', attempt: 2 });
    const again = next(tests().onDidEnd);
    await on.window.has({ ...task(), fan_out: { ...task().fan_out!, under_way: true } });
    await again;
    assert.deepEqual(states(), ['types passed', 'types passed']);
    assert.deepEqual(started, []);
  });

  it('is not there before there is a plan', async () => {
    explorer.dispose();
    const { session: access, model, plans, runs, log } = on.window;
    const begin = (): vscode.Disposable =>
      testExplorer({ access, model, plans, runs, log, start: async () => undefined });
    const begun = begin();
    await settled();
    assert.equal(editor.testControllers.length, 1);
    await openPlan();
    await openPlan();
    assert.deepEqual(labels(editor.testControllers[1]!.items), ['a.fanout.yaml']);
    begun.dispose();
    editor.folders = [folder];
    await writeFile(joined(folder, 'check.fanout.yaml'), 'goal: x');
    const other = begin();
    while (editor.testControllers.length < 3) await settled();
    other.dispose();
  });

  it('runs nothing in a folder that is not trusted', () => {
    explorer.dispose();
    editor.isTrusted = false;
    open();
    const [, untrusted] = editor.testControllers;
    assert.deepEqual(untrusted?.profiles, []);
    editor.isTrusted = true;
    editor.trusted.fire();
    assert.equal(untrusted?.profiles.length, 1);
  });
});
