import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { until } from '../../../harness/until.ts';
import { extension, fleet, run, stopFleet, workspaceFolder } from '../support.ts';

const PLAN = [
  'goal: Run from where people are',
  'subtasks:',
  '  - name: types',
  `    run: "echo 'src/a.ts(3,5): error TS2304: no such name'"`,
  '  - name: lint',
  '    run: "exit 3"',
  '  - name: slow',
  '    run: sleep 60',
  'losers: keep',
  '',
].join('\n');

describe('plans, in the places of the editor,', () => {
  const folder = (): string => join(workspaceFolder(), 'plans');
  const file = (): string => join(folder(), 'where.fanout.yaml');

  before(async () => {
    await extension().activate();
    await mkdir(join(folder(), 'src'), { recursive: true });
    await writeFile(file(), PLAN);
    await writeFile(join(folder(), 'package.json'), '{ "scripts": { "lint": "true", "test": "true" } }');
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await rm(folder(), { recursive: true, force: true });
    await stopFleet();
  });

  it('are drafted from the scripts of a folder, and not written', async () => {
    await run('fleet.newPlan', vscode.Uri.file(folder()));
    const { document } = vscode.window.activeTextEditor!;
    assert.equal(document.uri.fsPath, join(folder(), 'check.fanout.yaml'));
    assert.ok(document.isUntitled && document.languageId === 'yaml');
    assert.match(document.getText(), /- name: lint\n\s+run: npm run lint/);
    assert.ok(!(await readdir(folder())).includes('check.fanout.yaml'));
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  const taskOf = async (change: object, problemMatchers: readonly string[] = []): Promise<vscode.Task> => {
    const tasks = await vscode.tasks.fetchTasks({ type: 'spl' });
    const listed = tasks.find(({ definition }) => definition['plan'] === 'plans/where.fanout.yaml');
    assert.ok(listed, `among ${tasks.map(({ name }) => name).join()}`);
    return new vscode.Task(
      { ...listed.definition, ...change },
      listed.scope as vscode.WorkspaceFolder,
      'part of the plan',
      'spl',
      listed.execution,
      [...problemMatchers],
    );
  };
  const exitOf = async (task: vscode.Task): Promise<number | undefined> => {
    let code: number | undefined | null = null;
    const listening = vscode.tasks.onDidEndTaskProcess(event => {
      if (event.execution.task.name === task.name) code = event.exitCode;
    });
    await vscode.tasks.executeTask(task);
    await until('the end of the task', async () => (code === null ? undefined : true));
    listening.dispose();
    return code ?? undefined;
  };

  it('are tasks, whose errors are problems', async () => {
    const code = await exitOf(await taskOf({ subtasks: ['t*'] }, ['$tsc']));
    assert.equal(code, 0);
    const all = (): string[] =>
      vscode.languages
        .getDiagnostics()
        .flatMap(([uri, found]) =>
          found.map(({ message, range }) => `${uri.path}:${range.start.line} ${message}`),
        );
    await until(
      'the error',
      async () => (all().some(text => /src\/a\.ts:2 no such name/.test(text)) ? true : undefined),
      async () => all(),
    );
  });

  it('are tasks that fail with the plan', async () => {
    assert.equal(await exitOf(await taskOf({ subtasks: ['lint'] })), 1);
  });

  it('are cancelled with their task', async () => {
    const execution = await vscode.tasks.executeTask(await taskOf({ subtasks: ['slow'] }));
    const find = async (isFit: (fanOut: { under_way: boolean; outcome: unknown }) => boolean) => {
      const { tasks } = await fleet.client.report('tasks', { all: true });
      return tasks.findLast(
        ({ goal, fan_out: fanOut }) =>
          goal === 'Run from where people are' && fanOut?.subtasks === 1 && isFit(fanOut),
      );
    };
    const open = await until('the run', () => find(fanOut => fanOut.under_way));
    execution.terminate();
    const ended = await until('the end of the run', () => find(fanOut => fanOut.outcome === 'cancelled'));
    assert.equal(ended.thread, open.thread);
  });

  it('are in the Test Explorer, which runs them', async () => {
    await vscode.window.showTextDocument(vscode.Uri.file(file()));
    await vscode.commands.executeCommand('testing.refreshTests');
    const before = (await fleet.client.report('tasks', { all: true })).tasks.length;
    const editor = vscode.window.activeTextEditor!;
    editor.selection = new vscode.Selection(2, 6, 2, 6);
    await until('the run of the subtask at the cursor', async () => {
      await vscode.commands.executeCommand('testing.runAtCursor');
      const { tasks } = await fleet.client.report('tasks', { all: true });
      return tasks.length > before ? true : undefined;
    });
    const { tasks } = await fleet.client.report('tasks', { all: true });
    const last = tasks.at(-1)!;
    assert.equal(last.fan_out?.subtasks, 1);
    assert.equal((await fleet.joined(last.alias)).children[0]?.name, 'types');
  });
});
