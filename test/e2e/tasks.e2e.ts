import assert from 'node:assert/strict';
import { until } from '../harness/until.ts';
import { startFleet } from './run-in-window.ts';
import { inOneEditor } from './with-editor.ts';

describe('the tree of tasks in a window', () => {
  const test = inOneEditor({ workspace: 'continuity' });

  it(
    'shows what failed first, counts what runs, and takes finished tasks out of the list and back',
    test(async editor => {
      const { fleet } = editor;
      const window = await editor.window('tasks');
      await startFleet(window);
      const tree = window.tree('Fan-Outs');
      await fleet.fanOut('PASS-1', [
        { goal: 'types', run: 'true' },
        { goal: 'lint', run: 'true' },
      ]);
      await fleet.joined('PASS-1');
      await fleet.fanOut('FAIL-1', [
        { goal: 'tests', run: 'test -e again || { touch again; echo "2 tests failed"; exit 1; }' },
        { goal: 'docs', run: 'true' },
      ]);
      await fleet.joined('FAIL-1');
      const toast = await window.toast('“the goal of FAIL-1” failed. “tests” failed: exit 1');
      await window.snap('failed');
      await toast.getByRole('button', { name: 'Open Output' }).click();
      await window.terminal.waitFor(/2 tests failed/);
      await window.runCommand('View: Toggle Panel Visibility');
      await tree.waitFor(/^the goal of FAIL-1 1\/2 · 1 failed · .* s · just now$/);
      assert.match((await tree.rows())[0]!, /FAIL-1/);
      await tree.expand('FAIL-1');
      await tree.waitFor(/^tests failed · exit 1/);
      await window.snap('expanded');
      await tree.hover('PASS-1', 'PASS-1');
      await window.snap('hover');

      await tree.rowAction('FAIL-1', 'Retry Failed');
      await tree.waitFor(/^the goal of FAIL-1 2\/2 · retry 1/);
      await tree.rowAction('PASS-1', 'Rerun');
      // The run of a task without a name has that of the task.
      await tree.waitFor(/^PASS-1 #1 2\/2/);
      await fleet.fanOut('RUN-1', [{ goal: 'wait', run: 'exec sleep 600' }]);
      await tree.waitFor(/^the goal of RUN-1 0\/1 · 1 running · \d+ s$/);
      assert.match((await tree.rows())[0]!, /RUN-1/);
      await window.page.locator('.activitybar .badge-content', { hasText: '1' }).waitFor();
      await window.statusItem(/Fleet: the goal of RUN-1 · 0\/1/).waitFor();
      await window.snap('running');

      await window.runCommand('Fleet: Filter Tasks…');
      await window.answer('fail-1');
      await until('only what was looked for is shown', async () =>
        (await tree.rows()).every(row => !/PASS-1|RUN-1/.test(row)) ? true : undefined,
      );
      await window.snap('filtered');
      await tree.titleAction('Clear Filter');
      await tree.waitFor('RUN-1');

      await tree.click('FAIL-1');
      await tree.click('PASS-1 #1', 'Control');
      await tree.contextMenu('PASS-1 #1', 'Archive');
      const archived = await window.toast('2 tasks are archived.');
      await until('they are gone', async () =>
        (await tree.rows()).every(row => !row.includes('FAIL-1')) ? true : undefined,
      );
      await window.snap('archived');
      await archived.getByRole('button', { name: 'Undo' }).click();
      await tree.waitFor('FAIL-1');

      await tree.rowAction('RUN-1', 'Cancel');
      await window.page
        .locator('.monaco-dialog-box .monaco-button')
        .filter({ hasText: 'Cancel the Task' })
        .click();
      await tree.waitFor(/^the goal of RUN-1 0\/1 · 1 cancelled/);
      assert.ok(!(await window.toasts()).some(text => text.includes('RUN-1')), 'a cancel is no warning');
      await window.runCommand('Preferences: Toggle between Light/Dark Themes');
      await window.page.locator('.monaco-workbench.vs-dark').waitFor();
      await window.snap('dark');
      await window.runCommand('Preferences: Toggle between Light/Dark Themes');
      assert.deepEqual(editor.pageErrors, []);
    }),
  );
});
