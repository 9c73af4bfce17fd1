import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { FleetError } from '../../engine/errors.ts';
import { editor, keptLog, type KeptLog } from '../../test/stubs/vscode.ts';
import { next } from '../testing/editor.ts';
import { FakeSession } from '../testing/session.ts';
import { useFleet } from '../testing/suite.ts';
import { rowsOf, textOf } from '../testing/trees.ts';
import type { NamespaceNode } from './namespace-nodes.ts';
import { dimArchived, NamespacesTree } from './namespaces.ts';

describe('the tree of namespaces', () => {
  const on = useFleet();
  let tree: NamespacesTree;
  let log: KeptLog;
  before(async () => {
    const { client } = on.fleet;
    const create = (id: string, description: string | null, policy?: object): Promise<unknown> =>
      client.submit('namespace.create', { id, description, ...(policy && { policy }) });
    await create('acme', 'Everything of Acme');
    await create('acme/web', 'The web $(trash) site');
    await create('acme/api', null, { limits: { max_parallel: 4, budget_usd: 20 } });
    await create('acme/api/staging', null, { deny: { executors: ['shell'] } });
    await create('beta', null);
    await create('beta/old', null);
    await client.submit('namespace.archive', { namespace: 'beta' });
  });
  beforeEach(() => {
    log = keptLog();
    tree = new NamespacesTree(on.window.model, on.window.session, log);
  });
  afterEach(() => tree.dispose());

  const all = (): Promise<unknown> => rowsOf(tree, text => /^(default|acme|api|beta)/.test(text));
  const kill = async (namespace: string | null, change = {}): Promise<void> => {
    const request = { namespace, emergency: namespace === null, level: null, grace_secs: null, reason: null };
    await on.fleet.client.submit('kill', { ...request, ...change });
    await on.window.until(() => isHeld());
  };
  const unkill = async (namespace: string | null): Promise<void> => {
    await on.fleet.client.submit('unkill', { namespace, emergency: namespace === null });
    await on.window.until(() => !isHeld());
  };
  const isHeld = (): boolean => {
    const { freezes = [], emergency = null } = on.window.model.fleet ?? {};
    return freezes.length > 0 || emergency !== null;
  };
  const row = async (id: string, parent?: NamespaceNode): Promise<NamespaceNode> => {
    for (const each of await tree.getChildren(parent)) {
      if (each.kind !== 'namespace') continue;
      if (each.id === id) return each;
      if (each.id === 'default' || id.startsWith(`${each.id}/`)) return row(id, each);
    }
    throw new Error(`no row of ${id}`);
  };

  it('shows each below its parent, with its description, its policy, and the namespace that archived it', async () => {
    assert.deepEqual(await all(), [
      [
        'default',
        [
          [
            'acme Everything of Acme',
            [
              ['api 4 subtasks at a time, $20.00 for all that ever runs', ['staging has a policy']],
              'web The web $(trash) site',
            ],
          ],
          ['beta archived', ['old archived with beta']],
        ],
      ],
    ]);
  });

  it('shows freezes, its own or from above, with their reasons', async () => {
    await kill('acme', { level: 'hard', reason: 'bad release' });
    assert.match(
      JSON.stringify(await all()),
      /acme frozen hard — bad release · Everything.*api frozen by acme · 4.*staging frozen by acme · has/,
    );
    await unkill('acme');
    await kill(null);
    assert.match(
      JSON.stringify(await all()),
      /default frozen by the emergency stop.*acme frozen by the emergency stop/,
    );
    await unkill(null);
  });

  it('shows running work, and the namespace of this workspace', async () => {
    const thread = await on.fleet.task('IN-1', { namespace: 'acme/web' });
    await on.fleet.client.submit('task.fan-out', {
      ...{ task: thread, subtasks: [{ goal: 'g' }], join: 'all', losers: 'keep', timeout_secs: null },
      ...{ budget_usd: null, budget_tokens: null, budget_secs: null, namespace: null, dir: null },
    });
    editor.settings.set('fleet.namespace', 'acme/web', 2);
    await on.window.knows(thread, ({ fan_out: fanOut }) => fanOut !== null);
    assert.match(
      JSON.stringify(await all()),
      /acme 1 fan-out under way · Everything.*web in use here · 1 fan-out under way · The web/,
    );
    await on.fleet.end(thread, 0, 'accept');
  });

  it('offers the possible actions in menus', async () => {
    editor.settings.set('fleet.namespace', 'acme/web', 2);
    await kill('acme');
    const words = async (id: string): Promise<string | undefined> =>
      tree.getTreeItem(await row(id)).contextValue;
    assert.equal(await words('default'), 'namespace creatable usable freezable');
    assert.equal(await words('acme'), 'namespace creatable usable frozen archivable deletable');
    assert.equal(await words('acme/web'), 'namespace creatable used freezable archivable deletable');
    assert.equal(await words('beta'), 'namespace freezable revivable deletable');
    assert.equal(await words('beta/old'), 'namespace freezable archivable deletable');
    await unkill('acme');
  });

  it('redraws a row when its appearance changes, and all after a change of namespaces', async () => {
    await all();
    const redrawn = next(tree.onDidChangeTreeData);
    editor.settings.set('fleet.namespace', 'acme/web', 2);
    const [changed] = (await redrawn) as NamespaceNode[];
    assert.equal(await textOf(tree, changed!), 'web in use here · The web $(trash) site');
    const all_ = next(tree.onDidChangeTreeData);
    await on.fleet.namespaces('gamma');
    assert.equal(await all_, undefined);
    await on.fleet.client.submit('namespace.delete', { namespace: 'gamma' });
  });

  it('shows the effective policy and its sources in the tooltip', async () => {
    const tooltip = async (id: string): Promise<string> => {
      const node = await row(id);
      return ((await tree.resolveTreeItem(tree.getTreeItem(node), node)).tooltip as vscode.MarkdownString)
        .value;
    };
    const staging = await tooltip('acme/api/staging');
    assert.match(staging, /\| max_parallel \| 4&nbsp;subtasks&nbsp;at&nbsp;a&nbsp;time \| acme\/api \|/);
    assert.match(staging, /\| denied executors \| shell \| acme\/api\/staging \|/);
    assert.match(await tooltip('acme/web'), /No policy bounds it\./);
  });

  it('dims archived namespaces', async () => {
    const dimmed = dimArchived();
    const provider = editor.registered.get('fileDecorations') as vscode.FileDecorationProvider;
    const of = async (id: string): Promise<unknown> => {
      const { resourceUri } = tree.getTreeItem(await row(id));
      return resourceUri && provider.provideFileDecoration(resourceUri, undefined as never);
    };
    assert.equal(await of('acme'), undefined);
    assert.deepEqual(
      await of('beta'),
      new vscode.FileDecoration(undefined, undefined, new vscode.ThemeColor('list.deemphasizedForeground')),
    );
    assert.equal(provider.provideFileDecoration(vscode.Uri.file('/a'), undefined as never), undefined);
    dimmed.dispose();
  });

  it('is empty with only the root namespace, without an engine, or if it does not answer', async () => {
    const root = { id: 'default', children: 0 };
    const client = new FakeClient({ namespace: root });
    const session = new FakeSession();
    const other = new NamespacesTree(on.window.model, session, log);
    assert.deepEqual(await other.getChildren(), []);
    session.live(client);
    assert.deepEqual(await other.getChildren(), []);
    client.change({ namespace: new FleetError('UNREACHABLE', 'nobody answers') });
    assert.deepEqual(await other.getChildren(), []);
    assert.deepEqual(log.lines, ['warn reading namespaces: nobody answers']);
    other.dispose();
  });

  it('has ranges for very many namespaces below one', async () => {
    const many = {
      ...{ id: 'default', children: 250, depth: 0, status: 'active', own_status: 'active' },
      ...{ policy: null, level: 'DEFAULT', description: null, archived_by: null },
    };
    const client = new FakeClient({
      namespace: many,
      namespaces: ({ limit }) => ({
        namespaces: Array(Number(limit)).fill({ ...many, id: 'x', children: 0 }),
      }),
    });
    const other = new NamespacesTree(on.window.model, new FakeSession().live(client), log);
    const [root] = await other.getChildren();
    const ranges = await other.getChildren(root);
    assert.deepEqual(await Promise.all(ranges.map(each => textOf(other, each))), [
      '1 – 100',
      '101 – 200',
      '201 – 250',
    ]);
    assert.equal((await other.getChildren(ranges[2])).length, 50);
    assert.deepEqual(client.asked.at(-1)?.input, { parent: 'default', offset: 200, limit: 50 });
    other.dispose();
  });
});
