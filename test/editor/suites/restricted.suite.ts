import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homePaths } from '../../../engine/home/paths.ts';
import { readPidFile } from '../../../engine/home/pid-file.ts';
import * as vscode from 'vscode';
import { accepted, extension, fleet, home, pageText, run, spl, workspaceFolder } from './support.ts';

/** The menus hide these commands, and the code refuses them: here they are run as another extension could run them. */
describe('in a folder that is not trusted', () => {
  before(async () => {
    assert.equal(vscode.workspace.isTrusted, false);
    await extension().activate();
  });

  const taskCount = async (): Promise<number> =>
    (await fleet.client.report('tasks', { all: true })).tasks.length;

  it('no fleet is started', async () => {
    await run('fleet.start');
    await run('fleet.firstFanOut');
    await run('fleet.openHistory');
    await fleet.unserved();
    assert.equal(await readPidFile(homePaths(home).pidFile), undefined);
  });

  it('a running fleet is shown', async () => {
    await spl('fleet', 'start', '--workers', '1');
    await fleet.fanOut('LOOK-1', [
      { goal: 'fail', run: 'exit 3' },
      { goal: 'go on for ever', run: 'exec sleep 600' },
    ]);
    await fleet.joinWhen('LOOK-1', 'the join', ({ complete }) => complete);
    const { thread } = await fleet.join('LOOK-1');
    await run('fleet.showTask', { kind: 'task', thread });
    assert.match(await pageText('LOOK-1'), /failed/);
  });

  it('no command of it starts work', async () => {
    const { thread } = await fleet.join('LOOK-1');
    const before = [await taskCount(), (await fleet.state()).instances.length];
    const worker = await fleet.instance('worker-a');
    await run('fleet.start');
    await run('fleet.firstFanOut');
    await run('fleet.runSerial', { kind: 'task', thread });
    await run('fleet.restartInstance', { kind: 'instance', did: worker.did });
    await accepted(run('fleet.retry', { kind: 'child', thread, index: 0 }));
    const plan = vscode.Uri.file(join(workspaceFolder(), 'check.fanout.yaml'));
    await writeFile(plan.fsPath, 'goal: Check\nsubtasks:\n  - { name: types, run: "true" }\n');
    await run('fleet.runPlan', plan);
    assert.deepEqual([await taskCount(), (await fleet.state()).instances.length], before);
    assert.equal((await fleet.join('LOOK-1')).round, 1);
    assert.equal((await fleet.instance('worker-a')).pid, worker.pid);
  });

  it('git is not asked, whose settings there could make it run something', async () => {
    const address = { dir: workspaceFolder(), commit: 'a'.repeat(40) };
    const uri = vscode.Uri.from({ scheme: 'fleet-revision', path: '/a.txt', query: JSON.stringify(address) });
    await assert.rejects(async () => vscode.workspace.openTextDocument(uri), /not trusted/);
  });

  it('the namespace that the folder names is not taken', async () => {
    const named = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('fleet');
    await named().update('namespace', 'acme', vscode.ConfigurationTarget.Workspace);
    const file = join(workspaceFolder(), '.vscode', 'settings.json');
    assert.match(await readFile(file, 'utf8'), /"fleet\.namespace": "acme"/);
    assert.equal(named().get('namespace'), '');
    await named().update('namespace', undefined, vscode.ConfigurationTarget.Workspace);
  });

  it('freezes stay', async () => {
    await spl('kill', '--emergency');
    await accepted(run('fleet.liftKillSwitch'));
    assert.notEqual((await fleet.state()).emergency, null);
    await spl('unkill', '--emergency');
  });

  it('running work can be ended', async () => {
    const { thread } = await fleet.join('LOOK-1');
    await run('fleet.cancel', { kind: 'child', thread, index: 1 });
    await fleet.joinWhen('LOOK-1', 'nothing runs', ({ children }) =>
      children.every(each => each.state === 'done'),
    );
    await run('fleet.stopAll');
    await fleet.unserved();
  });
});
