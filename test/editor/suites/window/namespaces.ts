import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { NamespaceDocument } from '../../../../engine/contract/documents.ts';
import { accepted, fleet, run, shownText, spl, stopFleet } from '../support.ts';

/**
 * A browser test covers the appearance of the tree and the effect of confirmations, because an editor under test shows
 * no modal dialogs.
 */
describe('namespaces, in the window that hosts the fleet', () => {
  const ACME = { kind: 'namespace', id: 'acme' };
  const WEB = { kind: 'namespace', id: 'acme/web' };
  const namespace = (id: string): Promise<NamespaceDocument> =>
    fleet.client.report('namespace', { namespace: id });
  const tasks = async (): Promise<readonly string[]> =>
    (await fleet.client.report('tasks', { all: true })).tasks.map(each => `${each.alias} ${each.namespace}`);

  before(async () => {
    await run('fleet.start');
    await spl('namespace', 'create', 'acme');
    const limits = { max_parallel: 2 };
    await fleet.client.submit('namespace.create', { id: 'acme/web', description: null, policy: { limits } });
  });

  after(stopFleet);

  it('fleet.archiveNamespace closes one with nothing below it, and fleet.reviveNamespace undoes it', async () => {
    await run('fleet.archiveNamespace', WEB);
    assert.equal((await namespace('acme/web')).status, 'archived');
    await run('fleet.reviveNamespace', WEB);
    const revived = await namespace('acme/web');
    assert.deepEqual([revived.status, revived.policy], ['active', { limits: { max_parallel: 2 } }]);
  });

  it('commands that cannot be undone need confirmation', async () => {
    await run('fleet.archiveNamespace', ACME);
    await run('fleet.deleteNamespace', WEB);
    const { namespaces } = await fleet.client.report('namespaces', {});
    assert.deepEqual(
      namespaces.map(({ id, status }) => `${id} ${status}`),
      ['default active', 'acme active', 'acme/web active'],
    );
  });

  it('fleet.freezeNamespace freezes one with two keys', async () => {
    await accepted(run('fleet.freezeNamespace', ACME));
    const { freezes } = await fleet.state();
    assert.deepEqual(
      freezes.map(({ namespace, level }) => [namespace, level]),
      [['acme', 'soft']],
    );
    await run('fleet.unfreezeNamespace', ACME);
  });

  it('fleet.unfreezeNamespace lifts a freeze, whoever set it', async () => {
    await spl('kill', '--namespace', 'acme');
    await run('fleet.unfreezeNamespace', ACME);
    assert.deepEqual((await fleet.state()).freezes, []);
  });

  it('fleet.showEffectivePolicy shows the effective policy and its sources', async () => {
    await run('fleet.showEffectivePolicy', WEB);
    const text = await shownText('/acme_web policy.txt');
    assert.match(text, /^Effective policy of acme\/web\n/);
    assert.match(text, /^max_parallel +2 subtasks at a time +acme\/web$/m);
  });

  it('fleet.copyNamespace puts its name on the clipboard', async () => {
    await run('fleet.copyNamespace', WEB);
    assert.equal(await vscode.env.clipboard.readText(), 'acme/web');
  });

  it('fleet.useNamespace sets the namespace of this workspace’s new tasks, until fleet.clearNamespace', async () => {
    await run('fleet.useNamespace', WEB);
    assert.equal(setting().workspaceValue, 'acme/web');
    const before = await tasks();
    await run('fleet.firstFanOut');
    const [made] = (await tasks()).filter(each => !before.includes(each));
    assert.match(made ?? '', /^FIRST-\d+ acme\/web$/);
    assert.equal((await fleet.joined(made!.split(' ')[0]!)).outcome, 'satisfied');
    await run('fleet.clearNamespace');
    assert.equal(setting().workspaceValue, undefined);
  });

  it('no task is created elsewhere if the setting is invalid', async () => {
    const before = await tasks();
    const configuration = vscode.workspace.getConfiguration('fleet');
    for (const wrong of ['Acme', 'acme\0'])
      try {
        await configuration.update('namespace', wrong, vscode.ConfigurationTarget.Workspace);
        await run('fleet.firstFanOut');
        assert.deepEqual(await tasks(), before, wrong);
      } finally {
        await configuration.update('namespace', undefined, vscode.ConfigurationTarget.Workspace);
      }
  });

  const setting = () => vscode.workspace.getConfiguration('fleet').inspect('namespace')!;
});
