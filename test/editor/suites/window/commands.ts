import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { getPriority } from 'node:os';
import * as vscode from 'vscode';
import { homePaths } from '../../../../engine/home/paths.ts';
import { until } from '../../../harness/until.ts';
import { accepted, fleet, home, pageText, run, shownText, stopFleet } from '../support.ts';

/** In the usual order: a fleet is started, used, and stopped. */
describe('the commands, in the window that hosts the fleet', () => {
  const task = async (name: string): Promise<{ kind: 'task'; thread: string }> => ({
    kind: 'task',
    thread: (await fleet.client.report('task', { task: name })).thread,
  });
  const child = async (name: string, index: number): Promise<object> => ({
    ...(await task(name)),
    kind: 'child',
    index,
  });
  const subject = async (alias: string): Promise<object> => ({
    kind: 'instance',
    did: (await fleet.instance(alias)).did,
  });
  const copied = async (): Promise<string> => vscode.env.clipboard.readText();

  it('fleet.start starts two workers, with the coordinator in this very process', async () => {
    await run('fleet.start');
    const { live, instances } = await fleet.state();
    assert.equal(live, 3);
    assert.equal(instances.find(({ role }) => role === 'coordinator')?.pid, process.pid);
    for (const { role, pid } of instances) {
      if (role !== 'worker' || pid === null) continue;
      assert.notEqual(pid, process.pid);
      assert.ok(getPriority(pid) > getPriority(), 'the editor goes first');
    }
  });

  it('fleet.firstFanOut runs two subtasks, and their join is satisfied', async () => {
    await run('fleet.firstFanOut');
    const join = await fleet.joined('FIRST-001');
    assert.equal(join.outcome, 'satisfied');
    assert.deepEqual(join.children.map(({ worker }) => worker).toSorted(), ['worker-a', 'worker-b']);
  });

  it('fleet.firstFanOut takes another alias the second time', async () => {
    await run('fleet.firstFanOut');
    const join = await fleet.joined('FIRST-002');
    assert.equal(join.outcome, 'satisfied');
  });

  it('fleet.showOutput opens a terminal with the output of a subtask', async () => {
    const before = vscode.window.terminals.length;
    await run('fleet.showOutput', await child('FIRST-001', 1));
    await until('one more terminal', async () =>
      vscode.window.terminals.length === before + 1 ? true : undefined,
    );
    assert.match(vscode.window.terminals.at(-1)?.name ?? '', /FIRST-001/);
  });

  it('fleet.showTask shows a page of the task, with its subtasks', async () => {
    await run('fleet.showTask', await task('FIRST-001'));
    assert.match(await pageText('FIRST-001'), /\*\*State\*\* \| passed[^]*## Subtasks/);
  });

  it('fleet.showJson shows the task as the engine reports it', async () => {
    await run('fleet.showJson', await task('FIRST-001'));
    const shown = JSON.parse(await shownText('FIRST-001.json')) as object;
    assert.deepEqual(shown, await fleet.client.report('task', { task: 'FIRST-001' }));
  });

  it('fleet.showThread shows the records of the thread', async () => {
    const subject = await task('FIRST-001');
    await run('fleet.showThread', subject);
    const shown = JSON.parse(await shownText(`${subject.thread}.json`)) as { id: string }[];
    const { records } = await fleet.client.report('thread.records', { thread: subject.thread });
    assert.deepEqual(
      shown.map(({ id }) => id),
      records.map(({ id }) => id),
    );
  });

  it('fleet.replay shows the history of the status', async () => {
    const subject = await task('FIRST-001');
    await run('fleet.replay', subject);
    const shown = await pageText('History of FIRST-001');
    assert.match(shown, /approved, after \d+ events/);
    assert.match(shown, /fanout\\_join\\_complete/);
  });

  it('fleet.query asks the index in SQL', async () => {
    const asked = run('fleet.query');
    await accepted(asked);
    assert.match(await shownText('query.txt'), /fanout_join_complete +2\b/);
  });

  it('fleet.copyAlias, copyThread and copyDid put it on the clipboard', async () => {
    const subject_ = await task('FIRST-001');
    await run('fleet.copyAlias', subject_);
    assert.equal(await copied(), 'FIRST-001');
    await run('fleet.copyThread', subject_);
    assert.equal(await copied(), subject_.thread);
    await run('fleet.copyDid', await subject('worker-b'));
    assert.equal(await copied(), (await fleet.instance('worker-b')).did);
  });

  it('fleet.runSerial runs the same subtasks one after the other', async () => {
    await run('fleet.runSerial', await task('FIRST-001'));
    const join = await fleet.joined('FIRST-001-serial');
    assert.equal(join.outcome, 'satisfied');
    const report = await fleet.client.report('speedup', { task: 'FIRST-001', vsSerial: join.thread });
    assert.ok(report.measured !== null, 'it can be measured now');
  });

  it('fleet.cancel ends a running subtask', async () => {
    await fleet.fanOut('CANCEL-1', [
      { goal: 'go on for ever', run: 'exec sleep 600' },
      { goal: 'be quick', run: 'true' },
    ]);
    await fleet.joinWhen(
      'CANCEL-1',
      'one runs, one is done',
      ({ children }) => children[0]?.state === 'running' && children[1]?.state === 'done',
    );
    await run('fleet.cancel', await child('CANCEL-1', 0));
    const join = await fleet.joined('CANCEL-1');
    assert.equal(join.children[0]?.verdict, 'cancelled');
    assert.equal(join.outcome, 'unsatisfiable');
  });

  it('fleet.cancel cancels a task that was not fanned out, without asking', async () => {
    await fleet.addTask('CANCEL-2', null);
    await run('fleet.cancel', await task('CANCEL-2'));
    assert.equal((await fleet.client.report('task', { task: 'CANCEL-2' })).status, 'cancelled');
  });

  it('fleet.setTaskStatus offers the possible actions, and submits one', async () => {
    await fleet.addTask('STAND-1', null);
    const status = async (): Promise<string> =>
      (await fleet.client.report('task', { task: 'STAND-1' })).status;
    for (const after of ['active', 'review']) {
      await accepted(run('fleet.setTaskStatus', await task('STAND-1')));
      assert.equal(await status(), after);
    }
  });

  it('fleet.openChanges, openWorktree and openWorktreeTerminal open nothing without a worktree', async () => {
    const before = [
      vscode.window.terminals.length,
      vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).length,
    ];
    for (const command of ['fleet.openChanges', 'fleet.openWorktree', 'fleet.openWorktreeTerminal'])
      await run(command, await child('FIRST-001', 0));
    await run('fleet.showWorktrees');
    const after = [
      vscode.window.terminals.length,
      vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).length,
    ];
    assert.deepEqual(after, before);
  });

  it('fleet.retry runs a failed subtask again, and joins again', async () => {
    await fleet.fanOut('RETRY-1', [{ goal: 'fail once', run: 'test -e again || { touch again; exit 3; }' }]);
    const first = await fleet.joined('RETRY-1');
    assert.equal(first.outcome, 'unsatisfiable');
    assert.equal(first.children[0]?.exit_code, 3);
    const retried = run('fleet.retry', await child('RETRY-1', 0));
    await accepted(retried);
    const second = await fleet.joinWhen(
      'RETRY-1',
      'the second join',
      ({ round, complete }) => round === 2 && complete,
    );
    assert.equal(second.outcome, 'satisfied');
  });

  it('fleet.showStatus shows a row for each instance', async () => {
    await run('fleet.showStatus');
    const shown = await pageText('Fleet');
    for (const { alias } of (await fleet.state()).instances)
      assert.ok(shown.includes(`| ${alias.replace('-', '\\-')} |`), alias);
  });

  it('fleet.showInstance shows a page of the process', async () => {
    await run('fleet.showInstance', await subject('worker-a'));
    const shown = await pageText('worker-a');
    const { did, pid } = await fleet.instance('worker-a');
    assert.ok(shown.includes(did) && shown.includes(`| ${pid} |`), shown);
  });

  it('fleet.openInstanceLog opens the log of a worker', async () => {
    await run('fleet.openInstanceLog', await subject('worker-a'));
    await shownText('/h-worker-a/logs/worker.log');
  });

  it('fleet.pingInstance asks the instance, and changes nothing', async () => {
    const before = await fleet.instance('worker-a');
    await run('fleet.pingInstance', await subject('worker-a'));
    assert.equal((await fleet.instance('worker-a')).pid, before.pid);
  });

  it('fleet.restartInstance replaces the process of a worker, which keeps its identity', async () => {
    const before = await fleet.instance('worker-b');
    await run('fleet.restartInstance', await subject('worker-b'));
    const after = await fleet.instanceWhen(
      'worker-b',
      'another process, live',
      ({ status, pid }) => status === 'live' && pid !== before.pid,
    );
    assert.equal(after.did, before.did);
  });

  it('fleet.stopInstance stops one worker', async () => {
    await run('fleet.stopInstance', await subject('worker-b'));
    await fleet.stateWhen('one worker is left', ({ live }) => live === 2);
    assert.equal((await fleet.instance('worker-b')).status, 'stopped');
  });

  it('fleet.openTerminal opens a terminal for spl', async () => {
    const before = vscode.window.terminals.length;
    await run('fleet.openTerminal');
    await until('one more terminal', async () =>
      vscode.window.terminals.length === before + 1 ? true : undefined,
    );
    assert.equal(vscode.window.terminals.at(-1)?.name, 'spl');
  });

  it('fleet.doctor shows the checks, none of which fails', async () => {
    await run('fleet.doctor');
    assert.match(await pageText('Checks'), /^# Checks of the fleet\n\nNothing is wrong\.\n/);
  });

  it('fleet.openConfiguration opens the file of the home, or an unsaved template', async () => {
    const { configToml } = homePaths(home);
    await run('fleet.openConfiguration');
    const opened = (): vscode.TextDocument | undefined => vscode.window.activeTextEditor?.document;
    assert.deepEqual([opened()?.uri.fsPath, opened()?.isUntitled], [configToml, false]);
    await rename(configToml, `${configToml}.away`);
    try {
      await run('fleet.openConfiguration');
      assert.deepEqual([opened()?.uri.fsPath, opened()?.isUntitled], [configToml, true]);
      assert.match(opened()?.getText() ?? '', /\[agents\.reviewer\]/);
      await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    } finally {
      await rename(`${configToml}.away`, configToml);
    }
  });

  it('fleet.showLog, openWalkthrough, openHistory and reconnect do not change the fleet', async () => {
    const { pid } = await fleet.instance('worker-a');
    for (const command of ['fleet.showLog', 'fleet.openWalkthrough', 'fleet.openHistory', 'fleet.reconnect'])
      await run(command);
    assert.equal((await fleet.instance('worker-a')).pid, pid);
  });

  it('fleet.stopWorkers leaves the coordinator', async () => {
    await run('fleet.stopWorkers');
    const { live, instances } = await fleet.stateWhen('no worker is live', ({ live }) => live === 1);
    assert.equal(live, 1);
    assert.equal(instances.find(({ role }) => role === 'coordinator')?.pid, process.pid);
  });

  it('fleet.stopAll releases the home, and fleet.start opens it again with its history', async () => {
    await run('fleet.stopAll');
    await fleet.unserved();
    await run('fleet.start');
    assert.equal((await fleet.state()).live, 3);
    assert.equal(
      (await fleet.client.report('join', { task: 'FIRST-001', summary: true })).outcome,
      'satisfied',
    );
    await stopFleet();
  });
});
