import assert from 'node:assert/strict';
import type { Frame, Page } from 'playwright-core';
import { until } from '../harness/until.ts';
import { assertAccessible } from './accessibility.ts';
import { withEditor } from './with-editor.ts';

describe('the panel of a task', () => {
  it(
    'follows a fan-out under the policy of the editor, measures it, and returns after a reload',
    withEditor({ name: 'panel', workspace: 'tutorial' }, async (workbench, editor) => {
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
      await workbench.tree('Fan-Outs').waitFor('See a panel');
      await workbench.runCommand('Fleet: Open Join & Speedup');

      let view = await panelOf(workbench.page);
      await view.locator('.outcome', { hasText: 'Passed' }).waitFor();
      await view.locator('#row-1', { hasText: 'second' }).waitFor();
      await view.locator('.stream.ended').waitFor();
      await workbench.snap('joined');
      await assertAccessible(view);

      await view.locator('vscode-button', { hasText: 'Run Serially to Measure' }).click();
      await view.getByText('Measured', { exact: true }).waitFor({ timeout: 30_000 });
      await workbench.snap('measured');

      await workbench.reload((await editor.fleet.join('PANEL-1')).thread);
      view = await panelOf(workbench.page);
      await view.getByText('Measured', { exact: true }).waitFor({ timeout: 30_000 });
      await workbench.snap('restored');

      // A serial run that was begun elsewhere is recognised as well.
      await editor.place.spl('task', 'run-serial', 'PANEL-1', '--wait');
      await view.getByText('PANEL-1-serial-2').waitFor({ timeout: 30_000 });
      assert.deepEqual(refused, []);
    }),
  );
});

/** Returns the document in the page that contains the panel's view. */
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
