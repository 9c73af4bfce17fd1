import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joined } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { done, join, running } from '../../engine/cli/testing/documents.ts';
import type { ChildDocument, JoinStatus } from '../../engine/contract/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { editor, type CustomExecution } from '../../test/stubs/vscode.ts';
import { FaultyPlan } from '../commands/start-plan.ts';
import type { PlanPart, StartedRun } from '../plans/start.ts';
import { next, settled, useEditor } from '../testing/editor.ts';
import { PlanTerminal } from './plan-terminal.ts';
import { PlanTasks } from './task-provider.ts';

describe('the tasks of plans', () => {
  useEditor();
  let folder: string;
  let started: (readonly [uri: string, part: PlanPart])[];
  let tasks: PlanTasks;
  beforeEach(async () => {
    folder = await mkdtemp(joined(tmpdir(), 'tasks-'));
    started = [];
    tasks = new PlanTasks(async (uri, part) => void started.push([uri.path, part]));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Runs a task, as the editor does. @returns the exit code */
  async function run(task: vscode.Task): Promise<number> {
    const terminal = await (task.execution as CustomExecution).callback(task.definition);
    const ended = next(terminal.onDidClose!) as Promise<number>;
    terminal.open(undefined);
    return ended;
  }

  it('are one for each plan of the workspace', async () => {
    await mkdir(joined(folder, 'node_modules'));
    await mkdir(joined(folder, 'web'));
    for (const name of [
      'check.fanout.yaml',
      'web/release.fanout.yml',
      'node_modules/x.fanout.yaml',
      'b.yaml',
    ])
      await writeFile(joined(folder, name), '');
    editor.folders = [folder];
    const provided = await tasks.provideTasks();
    assert.deepEqual(
      provided.map(({ name, definition }) => [name, definition]),
      ['check.fanout.yaml', 'web/release.fanout.yml'].map(plan => [plan, { type: 'spl', plan }]),
    );
    await run(provided[1]!);
    assert.deepEqual(started, [[`${folder}/web/release.fanout.yml`, { params: {} }]]);
  });

  it('of tasks.json name subtasks and params', async () => {
    editor.folders = [folder];
    const definition = { type: 'spl', plan: 'check.fanout.yaml', subtasks: ['test-*'], params: { n: '1' } };
    const given = new vscode.Task(definition, vscode.TaskScope.Workspace, 'tests', 'spl');
    const resolved = tasks.resolveTask(given)!;
    assert.deepEqual([resolved.name, resolved.definition], ['tests', definition]);
    assert.equal(await run(resolved), 130, 'a question was dismissed');
    const { subtasks, params } = definition;
    assert.deepEqual(started, [[`${folder}/check.fanout.yaml`, { subtasks, params }]]);
  });

  it('need a plan', () => {
    const definition = { type: 'spl', subtasks: ['a'] };
    assert.equal(
      tasks.resolveTask(new vscode.Task(definition, vscode.TaskScope.Workspace, 'x', 'spl')),
      undefined,
    );
  });
});

describe('the terminal of a plan’s task', () => {
  useEditor();
  let client: FakeClient;
  let text: string;
  let start: () => Promise<StartedRun | undefined>;
  beforeEach(() => {
    client = new FakeClient({ 'task.cancel': {} });
    client.output = async ({ subtask, attempt }) => ({
      info: { task: 'th', subtask: Number(subtask), attempt: attempt!, worker: null, running: false },
      chunks: (async function* () {
        yield Buffer.from(`src/${subtask}.ts(1,2): error TS1: no\n`);
      })(),
    });
    text = '';
    start = async () => ({ client, thread: 'th' });
  });

  const is = (change: Partial<JoinStatus>, ...children: readonly ChildDocument[]): void => {
    const page = { thread: 'th', alias: 'A', round: 1, total: children.length, children };
    client.change({
      children: page,
      join: { ...join(children), complete: false, under_way: true, ...change },
    });
  };
  const changed = (): void => client.emit({ kind: 'task', thread: 'th', children: [0, 1], complete: false });
  const open = (): { readonly terminal: PlanTerminal; readonly ended: Promise<number> } => {
    const terminal = new PlanTerminal(() => start());
    terminal.onDidWrite(written => (text += written));
    const ended = next(terminal.onDidClose);
    terminal.open();
    return { terminal, ended };
  };
  const OVER = { complete: true, under_way: false };

  it('prints each subtask at its end, with whole lines, and ends with the plan', async () => {
    is({}, { ...done(0), name: 'types' }, { ...running(1), name: 'test' });
    const { ended } = open();
    await settled();
    assert.match(text, /types.*passed · .*\r\nsrc\/0\.ts\(1,2\): error TS1: no\r\n/);
    assert.doesNotMatch(text, /src\/1/);
    const failed = { ...done(1, 'failed'), name: 'test', exit_code: 2 };
    is({ ...OVER, outcome: 'unsatisfiable' }, { ...done(0), name: 'types' }, failed);
    changed();
    assert.equal(await ended, 1);
    assert.match(text, /test.*failed · exit code 2 · 1s.*\r\nsrc\/1/);
    assert.match(text, /Did not pass:\r\n {2}test\r\n1 of 2 passed\r\n$/);
    assert.equal(text.match(/src\/0/g)?.length, 1);
  });

  it('ends with 0 if the plan has passed', async () => {
    is({ ...OVER, outcome: 'satisfied' }, done(0));
    assert.equal(await open().ended, 0);
    assert.match(text, /1 of 1 passed\r\n$/);
  });

  it('cancels the run when it is closed, and at Ctrl+C', async () => {
    is({}, running(0));
    const { terminal, ended } = open();
    await settled();
    terminal.handleInput('x');
    terminal.handleInput('\u0003');
    is({ ...OVER, outcome: 'cancelled' }, done(0, 'cancelled'));
    changed();
    assert.equal(await ended, 130);
    is({}, running(0));
    const other = open();
    other.terminal.close();
    await settled();
    const input = { task: 'th', subtask: null, reason: null };
    assert.deepEqual(
      client.asked.filter(({ name }) => name === 'task.cancel'),
      [
        { name: 'task.cancel', input },
        { name: 'task.cancel', input },
      ],
    );
  });

  it('shows why the plan is not run', async () => {
    for (const fault of [new FaultyPlan('it has 2 errors'), new FleetError('CONFLICT', 'it is frozen')]) {
      start = () => Promise.reject(fault);
      assert.equal(await open().ended, 1);
      assert.match(text, new RegExp(`${fault.message.slice(1)}\\.\r\n$`));
    }
  });
});
