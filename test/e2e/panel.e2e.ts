import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import type { Frame, Page } from 'playwright-core';
import { until } from '../editor/until.ts';
import type { EditorUnderTest } from './editor.ts';
import { assertAccessible } from './accessibility.ts';
import { inOneEditor } from './with-editor.ts';
import type { Workbench } from './workbench.ts';

/** What neither side of a panel understands. */
const GARBAGE: readonly unknown[] = [
  null,
  7,
  'x'.repeat(1_000_000),
  [[]],
  { type: 'launch' },
  { type: 'change', seq: 'one' },
  { type: 'reply', id: 999, result: { ok: true, value: null } },
  { type: 'applied', seq: 9_007_199_254_740_991 },
  { type: 'request', id: -1, request: { kind: 'run-serial' } },
  { type: 'request', id: 1, request: { kind: 'retry', index: 0.5 } },
  { type: 'request', id: 1, request: { kind: 'launch', command: 'fleet.stopAll' } },
];

/** Runs in each frame before its document: keeps what a view says to its host with, which can be had only once. */
const KEEP_API = `{
  let acquire;
  Object.defineProperty(globalThis, 'acquireVsCodeApi', {
    configurable: true,
    get: () => acquire,
    set: given => (acquire = () => (globalThis.keptApi = given())),
  });
}`;

describe('the panel of a task', () => {
  const test = inOneEditor({ workspace: 'tutorial' });

  it(
    'follows a fan-out under the policy of the editor, measures it, and comes back after a reload',
    test(async editor => {
      const workbench = await editor.window('panel');
      const refused: string[] = [];
      workbench.page.on('console', line => {
        if (/Content Security Policy/.test(line.text()) && /main\.(js|css)|style-src/.test(line.text()))
          refused.push(line.text());
      });
      await editor.place.spl('fleet', 'start', '--workers', '2');
      await editor.place.spl('task', 'add', 'See a panel', '--alias', 'PANEL-1');
      await editor.place.spl(
        ...['task', 'fan-out', 'PANEL-1', '--wait'],
        ...[
          '--subtask',
          'name=first,goal=a,executor=shell,run="sleep 0.3"',
          '--subtask',
          'name=second,goal=b,executor=shell,run="sleep 0.2"',
        ],
      );
      await workbench.openActivity('Fleet');
      await workbench.tree('Fan-Outs').waitFor('PANEL-1');
      await workbench.runCommand('Fleet: Open Join & Speedup');

      let view = await panelOf(workbench.page);
      await view.getByText('Satisfied', { exact: true }).waitFor();
      await view.locator('#row-1', { hasText: 'second' }).waitFor();
      await view.getByText('Live', { exact: true }).waitFor();
      await workbench.snap('joined');
      await assertAccessible(view);

      await view.locator('vscode-button', { hasText: 'Run Serially to Measure' }).click();
      await view.getByText('Measured', { exact: true }).waitFor({ timeout: 30_000 });
      await workbench.snap('measured');

      await workbench.reload((await editor.fleet.join('PANEL-1')).thread);
      view = await panelOf(workbench.page);
      await view.getByText('Measured', { exact: true }).waitFor({ timeout: 30_000 });
      await workbench.snap('restored');

      // A serial run that is begun elsewhere is taken up as well.
      await editor.place.spl('task', 'run-serial', 'PANEL-1', '--wait');
      await view.getByText('PANEL-1-serial-2').waitFor({ timeout: 30_000 });
      assert.deepEqual(refused, []);
    }),
  );

  it(
    'takes no harm from garbage, and says so where its task is of another home',
    test(async editor => {
      const workbench = await editor.window('panel');
      await workbench.runCommand('View: Close All Editors');
      const { thread, view } = await openLost(workbench, editor);
      await view.evaluate(`for (const garbage of ${JSON.stringify(GARBAGE)}) {
        window.postMessage(garbage, '*');
        keptApi.postMessage(garbage);
      }`);
      await view.locator('vscode-button', { hasText: 'Run Serially to Measure' }).click();
      await view.getByText('Measured', { exact: true }).waitFor({ timeout: 30_000 });

      await editor.place.spl('fleet', 'stop', '--all');
      await rename(editor.place.home, `${editor.place.home}-before`);
      await editor.place.spl('serve', '--daemon', '--port', '0');
      await workbench.reload(thread);
      await workbench.tree('Instances').waitFor('coordinator live');
      await workbench.webview('The fleet of this window has no task LOST-1: it may belong to another home.');
      await workbench.snap('another-home');
    }),
  );
});

/** Opens the panel of a task that has joined, in a window that keeps what the view says to its host with. */
async function openLost(
  workbench: Workbench,
  editor: EditorUnderTest,
): Promise<{ readonly thread: string; readonly view: Frame }> {
  await workbench.page.addInitScript(KEEP_API);
  await editor.place.spl('fleet', 'start', '--workers', '1');
  const { thread } = await editor.fleet.fanOut('LOST-1', editor.place.workspace, [{ goal: 'a' }]);
  await workbench.openActivity('Fleet');
  await workbench.tree('Fan-Outs').waitFor('LOST-1 1 of 1 accepted');
  await workbench.tree('Fan-Outs').rowAction('LOST-1', 'Open Join & Speedup');
  const view = await panelOf(workbench.page);
  await view.getByText('Satisfied', { exact: true }).waitFor();
  return { thread, view };
}

/** The document in the page that holds the panel's view. */
function panelOf(page: Page): Promise<Frame> {
  return until('the view of the panel', async () => {
    for (const frame of page.frames()) {
      const views = await frame
        .locator('fleet-join-view')
        .count()
        .catch(() => 0);
      if (views > 0) return frame;
    }
    return undefined;
  });
}
