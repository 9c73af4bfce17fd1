import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type * as vscode from 'vscode';
import { coordinator, instance, WORKER_A_DID, workerB } from '../../engine/cli/testing/documents.ts';
import type { InstanceDocument } from '../../engine/contract/documents.ts';
import { useModel } from '../testing/model.ts';
import { rowsOf, textOf } from '../testing/trees.ts';
import type { InstanceRef } from '../targets.ts';
import { InstancesTree } from './instances.ts';

describe('the tree of instances', () => {
  const on = useModel();
  let tree: InstancesTree;
  let told: (readonly InstanceRef[] | undefined)[];
  beforeEach(async () => {
    tree = new InstancesTree(on.window.model, () => on.window.session.isHosting);
    told = [];
    tree.onDidChangeTreeData(rows => told.push(rows));
    await on.window.has({});
    told.length = 0;
  });
  afterEach(() => tree.dispose());

  const rows = (): Promise<unknown> => rowsOf(tree);

  it('shows the running instances, their work, and the place of the coordinator', async () => {
    assert.deepEqual(await rows(), [
      'coordinator live · in this window',
      'worker-a live · load 1 of 1',
      'worker-b live · load 0 of 1',
    ]);
    on.window.session.live(on.window.client, false);
    assert.match(String(await rows()), /^coordinator live,/);
  });

  it('redraws a row only when its appearance changes', async () => {
    await on.window.fleet({ instances: [coordinator(), instance({ uptime_secs: 99, pid: 1 }), workerB()] });
    assert.deepEqual(told, [], 'nothing of it is shown');
    await on.window.fleet({ instances: [coordinator(), instance({ active_dispatches: 3 }), workerB()] });
    assert.deepEqual(await Promise.all(told.flatMap(each => each ?? []).map(row => textOf(tree, row))), [
      'worker-a live · load 1 of 1 (+2)',
    ]);
    await on.window.fleet({ instances: [coordinator(), instance()] });
    assert.equal(told.at(-1), undefined, 'one is gone: the whole tree');
    assert.equal(tree.node(workerB().did), undefined);
  });

  it('keeps its row objects, by which the editor identifies them', async () => {
    const before = tree.node(WORKER_A_DID);
    await on.window.fleet({ instances: [coordinator(), instance({ alias: 'renamed' })] });
    assert.equal(tree.node(WORKER_A_DID), before);
  });

  it('has an icon and words for each state, which menus test', async () => {
    const states: readonly Partial<InstanceDocument>[] = [
      { status: 'starting' },
      { status: 'live' },
      { status: 'live', health: 'draining' },
      { status: 'stale', note: 'no heartbeat for 12s' },
      { status: 'archived' },
      { status: 'stopped' },
    ];
    await on.window.fleet({ instances: states.map((state, i) => instance({ did: `did:${i}`, ...state })) });
    const items = tree.getChildren().map(row => tree.getTreeItem(row));
    assert.deepEqual(
      items.map(({ iconPath, description, contextValue }) => [
        (iconPath as vscode.ThemeIcon).id,
        description,
        contextValue,
      ]),
      [
        ['loading~spin', 'starting', 'instance worker starting'],
        ['vm-running', 'live · load 1 of 1', 'instance worker live'],
        ['debug-disconnect', 'live · draining · load 1 of 1', 'instance worker live'],
        ['vm-connect', 'stale · no heartbeat for 12s', 'instance worker stale'],
        ['vm-outline', 'archived', 'instance worker archived'],
        ['vm-outline', 'stopped', 'instance worker stopped'],
      ],
    );
  });

  it('shows freezes: all of them for the coordinator, and whether it is frozen for a worker', async () => {
    const issued = { reason: null, issued_by: 'x', issued_at_unix: 1 };
    const freeze = { level: 'soft', grace_secs: 60, ...issued };
    await on.window.fleet({ freezes: [{ namespace: 'acme', ...freeze }] });
    assert.match(
      String(await rows()),
      /^coordinator live · in this window · frozen: acme,worker-a live · load/,
    );
    await on.window.fleet({ emergency: issued });
    assert.match(
      String(await rows()),
      /^coordinator live · in this window · frozen,worker-a live · frozen · load/,
    );
  });

  it('shows the other facts of an instance in its tooltip, as text', () => {
    const row = tree.node(WORKER_A_DID)!;
    const { tooltip } = tree.resolveTreeItem(tree.getTreeItem(row), row);
    const { value } = tooltip as vscode.MarkdownString;
    assert.match(value, /^\*\*worker-a\*\*/);
    assert.match(value, /\| Home \| \/home\/ada\/\.syncro\\-worker\\-a \|/);
    assert.match(value, /\| PID \| 12 \|/);
  });

  it('is empty once no engine answers', async () => {
    on.window.session.none();
    assert.deepEqual(await rows(), []);
  });
});
