import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as v from 'valibot';
import * as vscode from 'vscode';
import { done, task } from '../../engine/cli/testing/documents.ts';
import type { Graph } from '../../engine/language/protocol.ts';
import { editor, type ShownPanel } from '../../test/stubs/vscode.ts';
import { toPreviewSchema, type GraphMessage, type ToPreview } from '../../webview/plan/protocol.ts';
import { A, B, OUTLINE, usePlans, written } from '../testing/plans.ts';
import { PlanPreviews } from './preview.ts';

const node = (id: number, name: string): NonNullable<Graph>['nodes'][number] => ({
  ...{ id, name, detail: '', count: 1, start: 0, end: 1, layer: id },
  line: 3 * id + 2,
  when: 'accepted',
});
const PICTURE: Graph = {
  ...{ version: 1, goal: 'Check it', join: 'all' },
  nodes: [node(0, 'a'), node(1, 'b')],
  edges: [{ from: 0, to: 1 }],
};
const at = (line: number): vscode.Position => new vscode.Position(line, 0);

describe('the picture of a plan', () => {
  const on = usePlans();
  let previews: PlanPreviews;
  beforeEach(async () => {
    const { plans, log } = on.window;
    previews = new PlanPreviews({ extensionUri: vscode.Uri.file('/extension'), plans, log });
    on.window.server.picture = PICTURE;
    await on.window.open(A, { ...OUTLINE, subtasks: written(['a'], ['b']) });
  });
  afterEach(() => previews.dispose());

  /** Opens the graph of A. The page reports that it is ready. */
  async function show(): Promise<ShownPanel> {
    previews.show(A);
    const panel = editor.panels.at(-1)!;
    panel.send({ type: 'ready' });
    await on.window.pass();
    return panel;
  }
  const told = ({ posted }: ShownPanel): readonly ToPreview[] =>
    posted.map(each => v.parse(toPreviewSchema, each));
  const drawn = (panel: ShownPanel): readonly GraphMessage[] =>
    told(panel).flatMap(each => (each.type === 'graph' ? [each] : []));

  it('is drawn once its page is ready, with a name and a policy', async () => {
    previews.show(A);
    const panel = editor.panels[0]!;
    await on.window.pass();
    assert.deepEqual([panel.title, panel.posted], ['Preview a.fanout.yaml', []]);
    assert.match(panel.webview.html, /default-src 'none'/);
    panel.send({ type: 'ready' });
    await on.window.pass();
    const [graph] = drawn(panel);
    assert.deepEqual(
      [graph?.goal, graph?.join, graph?.nodes.map(({ name, tone }) => [name, tone]), graph?.edges],
      [
        'Check it',
        'all pass',
        [
          ['a', null],
          ['b', null],
        ],
        [{ from: 0, to: 1 }],
      ],
    );
  });

  it('is one, and is revealed when it is opened again', async () => {
    for (const uri of [A, B, A]) previews.show(uri);
    assert.deepEqual(
      editor.panels.map(({ title, reveals }) => [title, reveals]),
      [['Preview a.fanout.yaml', 3]],
    );
    editor.panels[0]!.dispose();
    previews.show(A);
    assert.equal(editor.panels.length, 2, 'it was closed');
  });

  it('follows the active plan, and nothing that is no plan', async () => {
    const panel = await show();
    await on.window.open(B);
    await vscode.window.showTextDocument(B);
    await on.window.pass();
    assert.deepEqual([panel.title, drawn(panel).at(-1)?.uri], ['Preview b.fanout.yml', B.toString()]);
    editor.texts.add(vscode.Uri.file('/a.txt'), '');
    await vscode.window.showTextDocument(vscode.Uri.file('/a.txt'));
    await on.window.pass();
    assert.equal(panel.title, 'Preview b.fanout.yml');
  });

  it('is restored with its plan after a reload, and closed without one', async () => {
    const restored = async (state: unknown): Promise<ShownPanel> => {
      const serializer = editor.registered.get('fleet.plan') as vscode.WebviewPanelSerializer;
      const panel = vscode.window.createWebviewPanel('fleet.plan', 'x', vscode.ViewColumn.Two);
      await serializer.deserializeWebviewPanel(panel, state);
      return panel as ShownPanel;
    };
    for (const lost of [null, { uri: 7 }, { uri: 'file:///gone.fanout.yaml' }])
      assert.ok((await restored(lost)).isClosed);
    const panel = await restored({ uri: A.toString() });
    panel.send({ type: 'ready' });
    await on.window.pass();
    assert.deepEqual([panel.title, drawn(panel).length], ['Preview a.fanout.yaml', 1]);
    assert.ok((await restored({ uri: B.toString() })).isClosed, 'there is one already');
  });

  it('says in words when the plan is done', async () => {
    for (const [join, words] of [
      ['any', 'one passes'],
      ['k_of_n:2', '2 pass'],
      ['accepted > 1', 'accepted > 1'],
    ] as const) {
      on.window.server.picture = { ...PICTURE, join };
      assert.equal(drawn(await show()).at(-1)?.join, words);
      editor.panels.at(-1)!.dispose();
    }
  });

  it('shows the state of each subtask in the last run, and changes with it', async () => {
    const panel = await show();
    on.window.children({ ...done(0), name: 'a' }, { ...done(1, 'failed'), name: 'b' });
    await on.window.ran(A, task());
    await on.window.pass();
    assert.deepEqual(
      drawn(panel)
        .at(-1)
        ?.nodes.map(({ tone, state }) => [tone, state]),
      [
        ['accepted', '✓ passed · 1s'],
        ['failed', '✗ failed · 1s'],
      ],
    );
  });

  it('shows when a follow-up runs', async () => {
    on.window.server.picture = {
      ...PICTURE,
      nodes: [node(0, 'a'), { ...node(1, 'b'), when: 'failed' }, { ...node(2, 'c'), when: 'always' }],
    };
    const [graph] = drawn(await show());
    assert.deepEqual(
      graph?.nodes.map(({ follows }) => follows),
      [null, 'afterwards, if any failed', 'afterwards, in any case'],
    );
  });

  it('is drawn once for many changes, and not for those of another plan', async () => {
    const panel = await show();
    for (let i = 0; i < 5; i++) on.window.server.read(A);
    await on.window.pass(0);
    await on.window.pass();
    assert.equal(drawn(panel).length, 2);
    await on.window.open(B);
    await on.window.pass();
    assert.equal(drawn(panel).length, 2);
  });

  it('marks the subtask at the cursor', async () => {
    await vscode.window.showTextDocument(A);
    const panel = await show();
    assert.deepEqual(told(panel).at(-1), { type: 'cursor', id: null });
    for (const [line, id] of [
      [1, null],
      [2, 0],
      [4, 0],
      [5, 1],
      [99, 1],
    ] as const) {
      editor.texts.select(editor.texts.active!, at(line));
      assert.deepEqual(told(panel).at(-1), { type: 'cursor', id }, `line ${line}`);
    }
    const before = panel.posted.length;
    const other = vscode.Uri.file('/notes.txt');
    editor.texts.add(other, '');
    editor.texts.select(await editor.texts.show(other), at(5));
    assert.equal(panel.posted.length, before, 'the cursor of another document');
  });

  it('reveals a subtask in the editor that shows the plan', async () => {
    const panel = await show();
    panel.send({ type: 'reveal', id: 1, name: 'b' });
    await on.window.pass();
    const shown = editor.texts.active!;
    assert.deepEqual(
      [shown.document.uri.toString(), shown.viewColumn],
      [A.toString(), vscode.ViewColumn.One],
    );
    assert.equal(shown.selection.active.line, 5);
    shown.viewColumn = vscode.ViewColumn.Three;
    panel.send({ type: 'reveal', id: 0, name: 'a' });
    await on.window.pass();
    assert.deepEqual([editor.texts.editors.length, shown.viewColumn, shown.selection.active.line], [1, 3, 2]);
  });

  it('reveals the clicked subtask, wherever it is by then', async () => {
    const panel = await show();
    on.window.server.picture = { ...PICTURE, nodes: [node(0, 'first'), node(1, 'a'), node(2, 'b')] };
    on.window.server.read(A);
    await on.window.pass();
    await on.window.pass();
    panel.send({ type: 'reveal', id: 0, name: 'a' });
    await on.window.pass();
    assert.equal(editor.texts.active?.selection.active.line, 5);
  });

  it('omits subtasks beyond the limit, and shows their number', async () => {
    const nodes = Array.from({ length: 502 }, (_, i) => node(i, `n${i}`));
    on.window.server.picture = {
      ...PICTURE,
      nodes,
      edges: [
        { from: 499, to: 500 },
        { from: 0, to: 499 },
      ],
    };
    const [graph] = drawn(await show());
    assert.deepEqual([graph?.nodes.length, graph?.left, graph?.edges], [500, 2, [{ from: 0, to: 499 }]]);
    assert.equal(graph?.words.left, '2 more subtasks are left out of the picture.');
  });

  it('stays the same while the plan cannot be read', async () => {
    const panel = await show();
    on.window.server.picture = null;
    on.window.server.read(A, null);
    await on.window.pass();
    assert.equal(drawn(panel).length, 1);
  });

  it('takes no harm from what its page says that is nothing', async () => {
    const panel = await show();
    for (const garbage of [
      null,
      7,
      'x',
      { type: 'launch' },
      { type: 'reveal', id: 0 },
      { type: 'reveal', id: -1, name: 'a' },
      { type: 'reveal', id: 99, name: 'gone' },
    ])
      panel.send(garbage);
    await on.window.pass();
    assert.equal(editor.texts.active, undefined);
  });

  it('is told nothing once it is closed', async () => {
    const panel = await show();
    on.window.server.read(A);
    await on.window.pass(0);
    panel.dispose();
    const before = panel.posted.length;
    await on.window.pass();
    assert.equal(panel.posted.length, before);
    previews.show(A);
    previews.dispose();
    assert.ok(editor.panels.every(({ isClosed }) => isClosed));
  });
});
