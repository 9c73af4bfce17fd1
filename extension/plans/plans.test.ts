import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { task } from '../../engine/cli/testing/documents.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { editor } from '../../test/stubs/vscode.ts';
import { next, settled } from '../testing/editor.ts';
import { A, B, joined, OUTLINE, usePlans } from '../testing/plans.ts';
import { Plans } from './plans.ts';

describe('the plans that are open', () => {
  const on = usePlans();
  /** The plans that were reported as changed. */
  let changed: string[];
  beforeEach(() => {
    changed = [];
    on.window.plans.onDidChange(uri => changed.push(uri));
  });

  it('start their server, once, and nothing else does', async () => {
    editor.texts.add(vscode.Uri.file('/src/a.yaml'), '');
    await settled();
    assert.equal(on.window.starts, 0);
    await on.window.open(A);
    await on.window.open(B);
    assert.equal(on.window.starts, 1);
    on.window.plans.dispose();
    assert.equal(on.window.server.disposed, 1);
  });

  it('start it also if they were open before', async () => {
    editor.texts.add(A, '');
    await settled();
    const { session: access, model, runs, log } = on.window;
    const other = new Plans({ access, model, runs, log, start: () => on.window.start() });
    await settled();
    on.window.server.read(A);
    await settled();
    assert.deepEqual(other.outline(A), OUTLINE);
    other.dispose();
  });

  it('have the outline that the server read last, until they are closed', async () => {
    await on.window.open(A);
    assert.deepEqual([on.window.plans.outline(A), on.window.plans.outline(B)], [OUTLINE, null]);
    on.window.server.read(A, null);
    await settled();
    assert.equal(on.window.plans.outline(A), null, 'it can not be read');
    on.window.server.read(A, { ...OUTLINE, version: 3 });
    await settled();
    assert.equal(on.window.plans.outline(A)?.version, 3);
    assert.deepEqual(changed, [A.toString(), A.toString(), A.toString()]);
    editor.texts.close(A);
    assert.equal(on.window.plans.outline(A), null);
  });

  it('survive a server that does not answer', async () => {
    on.window.server.failure = new Error('it died');
    await on.window.open(A);
    assert.deepEqual([changed, on.window.plans.outline(A)], [[], null]);
    assert.deepEqual(on.window.log.lines, ['debug plans: it died']);
  });

  it('are checked against the facts of the fleet, sent at intervals', async () => {
    await on.window.open(A, { ...OUTLINE, namespace: 'acme' });
    on.window.client.change({
      namespaces: { namespaces: [{ id: 'acme', status: 'active', archived_by: null }], explicit: 1 },
      'namespace.effective': { namespace: 'acme' },
    });
    for (let i = 0; i < 5; i++) await on.window.has();
    await on.window.pass();
    assert.equal(on.window.server.known.length, 1);
    assert.deepEqual(
      [on.window.server.known[0]?.workers?.length, on.window.server.known[0]?.namespaces?.[0]?.policy],
      [2, { namespace: 'acme' }],
    );
  });

  it('are checked against another namespace as soon as they name it', async () => {
    await on.window.open(A);
    await on.window.pass();
    on.window.server.read(A);
    await settled();
    await on.window.pass();
    assert.equal(on.window.server.known.length, 1, 'it reads as before');
    on.window.server.read(A, { ...OUTLINE, namespace: 'acme' });
    await settled();
    await on.window.pass();
    assert.equal(on.window.server.known.length, 2);
  });

  it('are checked against no facts while no engine answers', async () => {
    await on.window.open(A);
    on.window.session.none();
    await on.window.pass();
    assert.deepEqual(on.window.server.known, [null]);
  });

  it('send the end of their last run, once for each run', async () => {
    await on.window.open(A);
    await on.window.runs.note(A.toString(), 'th_1');
    await on.window.has({ ...task(), thread: 'th_1' });
    await on.window.pass();
    assert.deepEqual(on.window.server.remembered, [], 'it runs');
    await on.window.has(joined({ thread: 'th_1' }));
    await on.window.pass();
    await on.window.has(joined({ thread: 'th_1' }));
    await on.window.pass();
    assert.deepEqual(
      on.window.server.remembered.map(({ uri }) => uri),
      [A.toString()],
    );
    await on.window.has(joined({ thread: 'th_1' }, { round: 2 }));
    await on.window.pass();
    assert.equal(on.window.server.remembered.length, 2, 'it was run again in part');
  });

  it('send a restarted server everything again', async () => {
    await on.window.open(A);
    await on.window.runs.note(A.toString(), 'th_1');
    await on.window.has(joined({ thread: 'th_1' }));
    await on.window.pass();
    on.window.server.again.fire();
    await on.window.pass();
    assert.deepEqual([on.window.server.known.length, on.window.server.remembered.length], [2, 2]);
  });

  it('change only with their last run, or with the serial run that measures it', async () => {
    await on.window.open(A);
    await on.window.open(B);
    await on.window.runs.note(A.toString(), 'th_1');
    changed.length = 0;
    const tell = async (thread: string, document: TaskDocument): Promise<void> => {
      on.window.client.change({ task: document });
      const read = next(on.window.model.onDidChange);
      on.window.client.emit({ kind: 'task', thread, children: [], complete: false });
      await read;
    };
    await tell('th_1', joined({ thread: 'th_1' }));
    assert.deepEqual(changed, [A.toString()]);
    await tell('th_2', joined({ thread: 'th_2' }));
    assert.equal(changed.length, 1);
    await tell('th_3', joined({ thread: 'th_3' }, { serial_of: 'th_1' }));
    assert.deepEqual(changed, [A.toString(), A.toString()]);
    await on.window.has();
    assert.equal(changed.length, 3, 'all may be different');
  });

  it('know the task of their last run, if the fleet has it', async () => {
    await on.window.open(A);
    assert.equal(on.window.plans.lastRun(A), undefined);
    await on.window.runs.note(A.toString(), 'th_1');
    assert.equal(on.window.plans.lastRun(A), undefined);
    await on.window.has({ ...task(), thread: 'th_1' });
    assert.equal(on.window.plans.lastRun(A)?.thread, 'th_1');
  });
});
