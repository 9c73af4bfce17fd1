import assert from 'node:assert/strict';
import { withEditor } from '../with-editor.ts';

describe('a folder that is not trusted', () => {
  it(
    'shows a running fleet, and offers nothing that starts work',
    withEditor(
      {
        name: 'untrusted',
        workspace: 'restricted',
        settings: {
          'security.workspace.trust.enabled': true,
          'security.workspace.trust.startupPrompt': 'never',
        },
      },
      async (workbench, { place, fleet }) => {
        await workbench.openActivity('Fleet');
        await workbench.welcomeButton('Manage Workspace Trust').waitFor();
        await workbench.snap('none');
        await place.spl('fleet', 'start', '--workers', '1');
        await fleet.fanOut('LOOK-1', [{ goal: 'look', run: 'echo seen' }]);
        await workbench.tree('Workers').waitFor('worker-a live');
        await workbench.tree('Fan-Outs').waitFor('LOOK-1 1/1');
        await workbench.snap('shown');
        for (const title of [
          'Start Fleet',
          'Add Task…',
          'Make a Plan of This Folder and Run It',
          'Run Serially to Measure',
        ])
          assert.equal(await workbench.offers(`Fleet: ${title}`), false, title);
        for (const title of ['Stop Fleet', 'Show Task'])
          assert.equal(await workbench.offers(`Fleet: ${title}`), true, title);
        await fleet.fanOut('BAD-1', [{ goal: 'fail', run: 'exit 3' }]);
        const toast = await workbench.toast('BAD-1” failed');
        assert.deepEqual(
          (await toast.locator('.monaco-button').allInnerTexts()).map(label => label.trim()).filter(Boolean),
          ['Open Output', "Don't Show Again"],
        );
        await toast.getByRole('button', { name: 'Open Output' }).click();
        await workbench.terminal.waitFor(/End of the output|It printed nothing/);
      },
    ),
  );
});
