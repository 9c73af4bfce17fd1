import assert from 'node:assert/strict';
import { withEditor } from './with-editor.ts';
import type { Workbench } from './workbench.ts';

const HOSTILE = '$(trash) [x](command:fleet.stopAll) <img src=x onerror=alert(1)> `q` \u202eRTL';

describe('text from elsewhere', () => {
  it(
    'is shown as it is, by rows, picks, hovers and the panel',
    withEditor({ name: 'hostile', workspace: 'continuity' }, async (workbench, editor) => {
      const { fleet, scratch } = editor;
      await workbench.openActivity('Fleet');
      await workbench.runCommand('Fleet: Start Fleet');
      await workbench.tree('Instances').waitFor('worker-b live');
      for (const alias of ['EVIL-1', 'EVIL-2'])
        await fleet.fanOut(
          alias,
          scratch.workspace,
          [{ goal: HOSTILE, run: `printf '%s' '${HOSTILE}' >&2; exit 1` }],
          'accepted >= 1 || "[x](command:fleet.stopAll)\\n\\n![](https://example.org/a.png)" == "$(trash)"',
        );
      for (const alias of ['EVIL-1', 'EVIL-2']) await fleet.joined(alias);
      const tree = workbench.tree('Fan-Outs');
      await tree.expand('EVIL-1 the predicate is false');
      const row = await tree.waitFor('[0] $(trash) [x](command:fleet.stopAll) <img');
      await row.hover();
      await workbench.page.locator('.workbench-hover').filter({ hasText: 'fleet.stopAll' }).waitFor();
      await workbench.snap('row');
      await nothingOfIt(workbench);
      await workbench.runCommand('Fleet: Show Output');
      await workbench.entry('EVIL-2').waitFor();
      await workbench.snap('pick');
      await workbench.pick('EVIL-1');
      await workbench.runCommand('Fleet: Retry Subtask…');
      await workbench.pick('EVIL-1');
      await workbench.question('Retry EVIL-1 [0]');
      await workbench.page.keyboard.press('Escape');
      await workbench.runCommand('Fleet: Show Records of Thread…');
      await workbench.entry('[x](command:fleet.stopAll)').waitFor();
      await workbench.snap('threads');
      await nothingOfIt(workbench);
      await workbench.page.keyboard.press('Escape');
      await workbench.runCommand('Fleet: Open Join & Speedup');
      await workbench.pick('EVIL-1');
      const view = await workbench.webview('EVIL-1');
      await view.getByText('[x](command:fleet.stopAll)').first().waitFor();
      assert.equal(await view.locator('img').count(), 0);
      await workbench.snap('panel');
      assert.deepEqual(editor.pageErrors, []);
    }),
  );
});

/** Neither its icon nor its link nor its image. */
async function nothingOfIt(workbench: Workbench): Promise<void> {
  const parts = workbench.page.locator('.pane-body, .quick-input-list, .workbench-hover');
  for (const sign of [
    '.monaco-list-rows .codicon-trash',
    'a[href*="command:"]',
    'a[data-href*="command:"]',
    'img',
  ])
    assert.equal(await parts.locator(sign).count(), 0, sign);
}
