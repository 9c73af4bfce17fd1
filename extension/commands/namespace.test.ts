import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { NamespaceDocument } from '../../engine/contract/documents.ts';
import { dismiss, editor, enter, escape, pick, press, type } from '../../test/stubs/vscode.ts';
import { settled } from '../testing/editor.ts';
import { useFleet } from '../testing/suite.ts';

const at = (id: string): object => ({ kind: 'namespace', id });

describe('the commands for namespaces', () => {
  const on = useFleet();
  let made = 0;
  let org: string;
  /** Creates an organisation for each test, with a project. */
  beforeEach(async () => {
    org = `org-${++made}`;
    await on.fleet.namespaces(org, `${org}/web`);
  });

  const namespace = (id: string): Promise<NamespaceDocument> =>
    on.fleet.client.report('namespace', { namespace: id });
  const idsOf = async (): Promise<readonly string[]> =>
    (await on.fleet.client.report('namespaces', {})).namespaces.map(({ id }) => id);
  const inUse = (): unknown =>
    vscode.workspace.getConfiguration('fleet').inspect('namespace')?.workspaceValue;

  it('create one below the chosen one, with a description', async () => {
    editor.person.will(type(`${org}/api`), type(' The service '));
    await on.window.run('fleet.newNamespace', at(org));
    const [name] = editor.person.asked;
    assert.equal(name?.kind === 'input' && name.value, `${org}/`);
    assert.equal((await namespace(`${org}/api`)).description, 'The service');
    assert.deepEqual(editor.statusTexts, [`Created ${org}/api`]);
  });

  it('refuse invalid and unavailable names while they are typed', async () => {
    await on.fleet.client.submit('namespace.archive', { namespace: `${org}/web` });
    editor.person.will(
      type(
        '',
        `${org}/`,
        'Acme',
        'default/x',
        'a/b/c/d/e',
        org,
        `${org}/web`,
        `${org}/web/x`,
        'nowhere/x',
        'new',
      ),
      escape,
    );
    await on.window.run('fleet.newNamespace', at('default'));
    const faults = [
      'A namespace has a name.',
      'A namespace has a name.',
      /^'Acme' has the segment 'Acme'/,
      /^'default\/x' begins with 'default'/,
      /^'a\/b\/c\/d\/e' has 5 levels/,
      `${org} is there already.`,
      `${org}/web is archived. Revive it instead.`,
      `${org}/web is not there, or not active.`,
      'nowhere is not there, or not active.',
    ];
    assert.equal(editor.person.faults.length, faults.length);
    faults.forEach((fault, i) =>
      typeof fault === 'string'
        ? assert.equal(editor.person.faults[i], fault)
        : assert.match(editor.person.faults[i]!, fault),
    );
    assert.ok(!(await idsOf()).includes('new'), 'the description was left');
  });

  it('create a deleted one again', async () => {
    await on.fleet.client.submit('namespace.delete', { namespace: `${org}/web` });
    editor.person.will(type(`${org}/web`), enter);
    await on.window.run('fleet.newNamespace');
    const { status, description } = await namespace(`${org}/web`);
    assert.deepEqual([status, description], ['active', null]);
  });

  it('archive one with nothing below it at once, and offer to undo it', async () => {
    editor.person.will(press('Revive'));
    await on.window.run('fleet.archiveNamespace', at(`${org}/web`));
    assert.deepEqual(editor.person.told('info'), [`${org}/web is archived.`]);
    await settled();
    assert.deepEqual(editor.executed.at(-1), ['fleet.reviveNamespace', at(`${org}/web`)]);
  });

  it('archive one with all below it only after confirmation', async () => {
    editor.person.will(escape);
    await on.window.run('fleet.archiveNamespace', at(org));
    assert.equal((await namespace(org)).status, 'active');
    assert.equal(editor.person.texts.at(-1), `Archive ${org}, with all below it?`);
    assert.match(editor.person.detail ?? '', /^1 namespace right below it\./);
    editor.person.will(press('Archive'), dismiss);
    await on.window.run('fleet.archiveNamespace', at(org));
    assert.equal((await namespace(`${org}/web`)).archived_by, org);
  });

  it('revive one that was archived itself, with its policy', async () => {
    const policy = { limits: { max_parallel: 2 } };
    await on.fleet.client.submit('namespace.create', { id: `${org}/api`, description: null, policy });
    for (const id of [`${org}/api`, org])
      await on.fleet.client.submit('namespace.archive', { namespace: id });
    editor.person.will(pick(org));
    await on.window.run('fleet.reviveNamespace');
    assert.ok(!editor.person.offered.includes(`${org}/web`), 'it was archived with another one');
    assert.deepEqual(
      [(await namespace(org)).status, (await namespace(`${org}/web`)).status],
      ['active', 'active'],
    );
    await on.window.run('fleet.reviveNamespace', at(`${org}/api`));
    const revived = await namespace(`${org}/api`);
    assert.deepEqual([revived.status, revived.policy], ['active', policy]);
    assert.deepEqual(editor.statusTexts.at(-1), `${org}/api is active again`);
  });

  it('delete one only after confirmation, and never the root', async () => {
    editor.person.will(pick(`${org}/web`), escape);
    await on.window.run('fleet.deleteNamespace');
    assert.ok(!editor.person.offered.includes('default'));
    assert.ok((await idsOf()).includes(`${org}/web`));
    editor.person.will(press('Delete'));
    await on.window.run('fleet.deleteNamespace', at(`${org}/web`));
    assert.ok(!(await idsOf()).includes(`${org}/web`));
    assert.deepEqual(editor.statusTexts, [`Deleted ${org}/web`]);
  });

  it('show why the engine refuses to delete one', async () => {
    editor.person.will(press('Delete'));
    await on.window.run('fleet.deleteNamespace', at(org));
    assert.equal(on.window.errors.length, 1);
    assert.ok((await idsOf()).includes(org));
  });

  it('show the effective policy of one, its sources, and the usage', async () => {
    const policy = { limits: { max_parallel: 2, budget_usd: 20 }, deny: { executors: ['shell'] } };
    await on.fleet.client.submit('namespace.create', { id: org, description: null, policy });
    await on.window.run('fleet.showEffectivePolicy', at(`${org}/web`));
    const [path, text] = on.window.shown;
    assert.equal(path, `/${org}_web policy.txt`);
    assert.match(text, new RegExp(`^Effective policy of ${org}/web\n\npolicy `));
    assert.match(text, new RegExp(`^max_parallel +2 subtasks at a time +${org}$`, 'm'));
    assert.match(text, new RegExp(`^denied executors +shell +${org}$`, 'm'));
    assert.match(text, new RegExp(`^Usage, with everything below:\n${org}: 0 running, \\$0.00 booked`, 'm'));
    await on.fleet.client.submit('namespace.archive', { namespace: org });
    await on.window.run('fleet.showEffectivePolicy', at(`${org}/web`));
    assert.match(on.window.shown[1], new RegExp(`^${org} is archived: new work is refused`, 'm'));
  });

  it('set the namespace of the workspace, until it is cleared', async () => {
    await on.window.run('fleet.useNamespace', at(`${org}/web`));
    assert.equal(inUse(), `${org}/web`);
    await on.window.run('fleet.clearNamespace');
    assert.equal(inUse(), undefined);
    assert.deepEqual(editor.statusTexts, [
      `New tasks of this workspace are made in ${org}/web`,
      'This workspace names no namespace any more',
    ]);
  });

  it('offer only active ones for the workspace', async () => {
    await on.fleet.client.submit('namespace.archive', { namespace: `${org}/web` });
    editor.person.will(escape);
    await on.window.run('fleet.useNamespace');
    assert.ok(editor.person.offered.includes(org) && !editor.person.offered.includes(`${org}/web`));
    assert.equal(inUse(), undefined);
  });

  it('put a name on the clipboard', async () => {
    await on.window.run('fleet.copyNamespace', at(`${org}/web`));
    assert.equal(editor.clipboard, `${org}/web`);
  });
});
