import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { until } from '../harness/until.ts';
import { assertAccessible } from './accessibility.ts';
import { startFleet } from './run-in-window.ts';
import { Screenshots } from './screenshots.ts';
import { inOneEditor } from './with-editor.ts';
import type { Workbench } from './workbench.ts';

const HOSTILE = '$(trash) [x](command:fleet.stopAll) <img src=x onerror=alert(1)> `q` \u202eRTL';

const OTHER_THEME = 'Preferences: Toggle between Light/Dark Themes';

describe('a window of a fleet', () => {
  const test = inOneEditor({ workspace: 'continuity' });

  it(
    'shows text from elsewhere literally, in rows, picks, hovers and the panel',
    test(async editor => {
      const { fleet } = editor;
      const window = await editor.window('window');
      await startFleet(window);
      for (const alias of ['EVIL-1', 'EVIL-2'])
        await fleet.fanOut(alias, [{ goal: HOSTILE, run: `printf '%s' '${HOSTILE}' >&2; exit 1` }], {
          join: 'accepted >= 1 || "[x](command:fleet.stopAll)\\n\\n![](https://example.org/a.png)" == "$(trash)"',
        });
      for (const alias of ['EVIL-1', 'EVIL-2']) await fleet.joined(alias);
      const tree = window.tree('Fan-Outs');
      await tree.expand('EVIL-1 0/1 · 1 failed');
      await tree.hover('$(trash) [x](command:fleet.stopAll) <img', 'fleet.stopAll');
      await window.snap('row');
      await nothingOfIt(window);
      await window.runCommand('Fleet: Open Output');
      await window.entry('EVIL-2').waitFor();
      await window.snap('pick');
      await window.pick('EVIL-1');
      await window.runCommand('Fleet: Retry Subtask…');
      await window.pick('EVIL-1');
      await window.question('Retry “$(trash) [x]');
      await window.page.keyboard.press('Escape');
      await window.runCommand('Developer: Show Records of a Fleet Thread…');
      await window.entry('[x](command:fleet.stopAll)').waitFor();
      await window.snap('threads');
      await nothingOfIt(window);
      await window.page.keyboard.press('Escape');
      await window.runCommand('Fleet: Open Join & Speedup');
      await window.pick('EVIL-1');
      const view = await window.webview('EVIL-1');
      await view.getByText('[x](command:fleet.stopAll)').first().waitFor();
      assert.equal(await view.locator('img').count(), 0);
      await window.snap('panel');
      assert.deepEqual(editor.pageErrors, []);
    }),
  );

  it(
    'runs a plan from its lens, and shows the state of each subtask and the graph',
    test(async editor => {
      const { place } = editor;
      const window = await editor.window('window');
      await startFleet(window);
      const { page } = window;
      const pictures = new Screenshots(page, 'plan');
      await writeFile(join(place.workspace, 'release.fanout.yaml'), PLAN);
      await window.openFile('release.fanout.yaml');
      const lens = (title: string): Locator =>
        page.locator('.codelens-decoration a').filter({ hasText: title });
      await page.locator('.squiggly-error').first().waitFor();
      await page.locator('.view-line').filter({ hasText: 'typs' }).click();
      // The editor ignores the key while the click still moves the cursor, so it is pressed until the fix is offered.
      const fix = page.locator('.action-widget').filter({ hasText: "Change to 'types'" });
      await until('the fix is offered', async () => {
        await page.keyboard.press('Control+.');
        return fix.waitFor({ timeout: 3_000 }).then(
          () => true,
          () => undefined,
        );
      });
      await pictures.take('fault');
      await page.keyboard.press('Enter');
      await page.locator('.squiggly-error').first().waitFor({ state: 'detached' });
      await lens('Preview').click();
      const preview = await window.webview('Check the release');
      await preview.locator('g.node').nth(3).waitFor();
      await lens('Run').first().click();
      await preview.locator('g.node.accepted').nth(3).waitFor();
      await lens('(estimated)').waitFor();
      // Text beside a line is part of its style, and not of its text.
      await page.waitForFunction(BESIDE, '✓ passed');
      await page.locator('.view-line').filter({ hasText: 'report' }).first().click();
      await preview.locator('g.node.current').filter({ hasText: 'report' }).waitFor();
      await assertAccessible(preview);
      await pictures.take('ran');
      await preview.locator('g.node').first().focus();
      await page.keyboard.press('Enter');
      await preview.locator('g.node.current').filter({ hasText: 'types' }).waitFor();
      await window.runCommand(OTHER_THEME);
      await page.locator('.monaco-workbench.vs-dark').waitFor();
      await assertAccessible(preview);
      await pictures.take('ran-dark');
      await window.runCommand(OTHER_THEME);
      await window.runCommand('View: Close All Editors');
    }),
  );
});

const PLAN = `goal: Check the release
subtasks:
  - name: types
    run: sleep 0.2
  - name: test-\${{ matrix.shard }}
    matrix: { shard: [1, 2, 3] }
    run: sleep 0.\${{ matrix.shard }}
  - name: docs
    run: echo fine
  - name: report
    run: echo done
    depends: [typs, test-*]
join: children.all(c, c.verdict == "accept") && cost_usd < 5.0
`;

/** A page function that returns true if some part of a line has these words beside it. */
const BESIDE = `words => [...document.querySelectorAll('.view-line span')].some(each => getComputedStyle(each, '::after').content.includes(words))`;

/** Requires that neither the icon, the link nor the image of a text appears. */
async function nothingOfIt(window: Workbench): Promise<void> {
  const parts = window.page.locator('.pane-body, .quick-input-list, .workbench-hover');
  for (const sign of [
    '.monaco-list-rows .codicon-trash',
    'a[href*="command:"]',
    'a[data-href*="command:"]',
    'img',
  ])
    assert.equal(await parts.locator(sign).count(), 0, sign);
}
