import assert from 'node:assert/strict';
import { startFleet } from '../run-in-window.ts';
import { inOneEditor } from '../with-editor.ts';

const OTHER_THEME = 'Preferences: Toggle between Light/Dark Themes';

describe('the namespaces of a fleet in a window', () => {
  const test = inOneEditor({ workspace: 'continuity' });

  it(
    'shows the tree of namespaces as they are made, archived and frozen, and freezes one from its menu',
    test(async editor => {
      const { fleet, place } = editor;
      const window = await editor.window('namespaces');
      await startFleet(window);
      const tree = window.tree('Namespaces');
      await tree.toggle();
      await window.welcomeButton('New Namespace…').click();
      await window.answer('Acme');
      await window.question("has the segment 'Acme'");
      await window.answer('acme');
      await window.question('What is it for?');
      await window.answer('Everything of Acme');
      await tree.waitFor('acme Everything of Acme');
      await place.spl('namespace', 'create', 'acme/web', '--description', 'The web site');
      const limits = { max_parallel: 4, budget_usd: 20 };
      await fleet.client.submit('namespace.create', {
        id: 'acme/api',
        description: null,
        policy: { limits },
      });
      for (const id of ['acme/api/staging', 'beta'])
        await fleet.client.submit('namespace.create', { id, description: null });
      await fleet.client.submit('namespace.archive', { namespace: 'beta' });
      await tree.waitFor('beta archived');
      await tree.expand('acme Everything of Acme');
      await tree.expand('api 4 subtasks at a time, $20.00 for all that ever runs');
      // The new row moves the rows below it, so they are no longer where they were found.
      await tree.waitFor('staging');
      await tree.contextMenu('web The web site', 'Use in This Workspace');
      await tree.waitFor('web in use here · The web site');
      await tree.contextMenu('acme Everything of Acme', 'Freeze Namespace…');
      await window.pick('Start nothing new');
      await window.question('Enter does it');
      await window.answer('bad release');
      await tree.waitFor('acme frozen — bad release · Everything of Acme');
      const staging = await tree.waitFor('staging frozen by acme');
      assert.match((await staging.getAttribute('aria-label')) ?? '', /^acme\/api\/staging, frozen by acme/);
      assert.deepEqual(
        (await fleet.state()).freezes.map(({ namespace, level, reason }) => [namespace, level, reason]),
        [['acme', 'soft', 'bad release']],
      );
      await tree.waitFor('beta archived');
      await window.snap('frozen');
      await window.runCommand(OTHER_THEME);
      await window.page.locator('.monaco-workbench.vs-dark').waitFor();
      await window.snap('frozen-dark');
      await window.runCommand(OTHER_THEME);
      await tree.hover('api frozen by acme', 'set by');
      await window.snap('policy');
      await tree.contextMenu('acme frozen', 'Unfreeze Namespace');
      await tree.waitFor('acme Everything of Acme');
      assert.deepEqual((await fleet.state()).freezes, []);
      await tree.contextMenu('web in use here', 'Use No Namespace in This Workspace');
      await tree.waitFor('web The web site');
      await tree.toggle();
      assert.deepEqual(editor.pageErrors, []);
    }),
  );
});
