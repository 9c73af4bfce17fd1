import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { done, pending, running, task } from '../../engine/cli/testing/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { editor } from '../../test/stubs/vscode.ts';
import { next, settled } from '../testing/editor.ts';
import { A, joined, OUTLINE, usePlans, written } from '../testing/plans.ts';
import { PlanDecorations } from './decorations.ts';

describe('the decorations of a plan', () => {
  const on = usePlans();
  let decorations: PlanDecorations;
  beforeEach(async () => {
    decorations = new PlanDecorations(on.window.plans, on.window.log);
    await on.window.open(A, { ...OUTLINE, subtasks: written(['a'], ['b'], ['c'], ['d']) });
  });
  afterEach(() => decorations.dispose());

  /** Returns lines with their colour and the text beside them, in the editor of the plan. */
  function beside(): readonly (readonly unknown[])[] {
    const [shown] = editor.texts.editors;
    return editor.decorationTypes
      .flatMap(type => {
        const { color } = type.options.after as { color: vscode.ThemeColor };
        return (shown?.decorations.get(type) ?? []).map(({ range, renderOptions }) => [
          range.start.line,
          range.start.character,
          color.id,
          renderOptions?.after?.contentText,
        ]);
      })
      .toSorted(([a], [b]) => Number(a) - Number(b));
  }
  /** A run with four subtasks. */
  const FOUR = { ...task(), fan_out: { ...task().fan_out!, subtasks: 4 } };
  const RAN = [
    { ...done(0), name: 'a' },
    { ...done(1, 'failed'), name: 'b' },
    { ...running(2), name: 'c' },
    { ...pending(3), name: 'd' },
  ];

  it('show the state of each subtask in the last run, after its name and in the state’s colour', async () => {
    on.window.children(...RAN);
    await on.window.ran(A, FOUR);
    await vscode.window.showTextDocument(A);
    await on.window.pass();
    assert.deepEqual(beside(), [
      [2, 20, 'testing.iconPassed', '✓ passed · 1s'],
      [5, 20, 'testing.iconFailed', '✗ failed · 1s'],
      [8, 20, 'testing.runAction', '● running on worker-a'],
      [11, 20, 'descriptionForeground', '○ waiting'],
    ]);
  });

  it('change with the run, and are read at intervals', async () => {
    on.window.children(...RAN);
    await on.window.ran(A, FOUR);
    await vscode.window.showTextDocument(A);
    await on.window.pass();
    on.window.client.asked.length = 0;
    on.window.children({ ...done(0, 'timeout'), name: 'a' });
    for (let i = 0; i < 3; i++) await on.window.has(joined());
    await on.window.pass();
    assert.deepEqual(beside(), [[2, 20, 'testing.iconFailed', '✗ timed out · 1s']]);
    assert.equal(
      on.window.client.asked.filter(({ name }) => name === 'children').length,
      2,
      'once to tell, once to show',
    );
  });

  it('are none if the plan was not run, and are not read if no plan is visible', async () => {
    await vscode.window.showTextDocument(A);
    await on.window.pass();
    assert.deepEqual(beside(), []);
    editor.texts.close(A);
    on.window.children(...RAN);
    await on.window.ran(A, FOUR);
    await on.window.pass();
    assert.ok(!on.window.client.asked.some(({ name }) => name === 'children'));
  });

  it('stay the same while the engine does not answer', async () => {
    on.window.children(...RAN);
    await on.window.ran(A, FOUR);
    await vscode.window.showTextDocument(A);
    await on.window.pass();
    on.window.client.change({ children: new FleetError('UNREACHABLE', 'nobody answers') });
    await on.window.has(FOUR);
    await on.window.pass();
    assert.equal(beside().length, 4);
    assert.equal(on.window.log.lines.at(-1), 'debug plans: nobody answers');
  });

  it('are not shown in an editor that was closed meanwhile', async () => {
    on.window.children(...RAN);
    await on.window.ran(A, FOUR);
    const shown = (await vscode.window.showTextDocument(
      A,
    )) as unknown as (typeof editor.texts.editors)[number];
    let answer: () => void = () => undefined;
    const page = { thread: 'th', alias: 'A', round: 1, total: 4, children: RAN };
    on.window.client.change({
      children: () => new Promise<object>(resolve => (answer = () => resolve(page))),
    });
    await on.window.pass();
    editor.texts.close(A);
    answer();
    await settled();
    assert.equal(shown.decorations.size, 0);
  });

  it('ask only for changed subtasks', async () => {
    on.window.children(...RAN);
    await on.window.ran(A, FOUR);
    on.window.client.change({ task: FOUR });
    await vscode.window.showTextDocument(A);
    await on.window.pass();
    on.window.client.asked.length = 0;
    on.window.children({ ...done(2), name: 'c' });
    const read = next(on.window.model.onDidChange);
    on.window.client.emit({ kind: 'task', thread: FOUR.thread, children: [2], complete: false });
    await read;
    await on.window.pass();
    assert.deepEqual(
      on.window.client.asked.filter(({ name }) => name === 'children').map(({ input }) => input['indices']),
      [[2]],
    );
    assert.deepEqual(beside()[2]?.at(-1), '✓ passed · 1s');
    assert.equal(beside().length, 4);
  });

  it('are not read once the window is gone', async () => {
    await on.window.ran(A, FOUR);
    await vscode.window.showTextDocument(A);
    decorations.dispose();
    on.window.client.asked.length = 0;
    on.window.clock.pass(1000);
    await settled();
    assert.ok(!on.window.client.asked.some(({ name }) => name === 'children'));
  });
});
