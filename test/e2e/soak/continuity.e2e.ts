import assert from 'node:assert/strict';
import { until } from '../../harness/until.ts';
import { isNaming, processesNaming } from '../../harness/processes.ts';
import type { EditorUnderTest } from '../editor.ts';
import { ranOnce, release, startRun } from '../run-in-window.ts';
import { inOneEditor } from '../with-editor.ts';
import type { Workbench } from '../workbench.ts';

describe('a run that outlives its window', () => {
  const test = inOneEditor({ workspace: 'continuity', settings: { 'fleet.onWindowClose': 'continue' } });

  it(
    'continues when its standby and then its extension host are killed, and ends in the same window',
    test(async editor => {
      const window = await editor.window('continuity');
      const host = await startRun(window, editor, 'STANDBY-1');
      const first = await until('a standby waits', async () => standbysOf(editor)[0]);
      process.kill(first, 'SIGKILL');
      const second = await until('another one waits', async () =>
        standbysOf(editor).find(pid => pid !== first),
      );
      assert.deepEqual(standbysOf(editor), [second]);
      await killHost(editor, host);
      await release(editor, 'STANDBY-1');
      await ranOnce(editor, 'STANDBY-1');
      await window.tree('Fan-Outs').waitFor('STANDBY-1 2/2');
      await window.runCommand('Fleet: Stop Fleet');
      await window.welcomeButton('Start Fleet').waitFor();
      await until('nothing of the fleet runs', async () =>
        processesNaming(editor.place.home).some(({ command }) =>
          /bin\/spl|worker\.js|program\//.test(command),
        )
          ? undefined
          : true,
      );
    }),
  );

  it(
    'ends while no window is open, and the next one shows that',
    test(async editor => {
      const window = await editor.window('continuity');
      const host = await startRun(window, editor, 'CLOSED-1');
      await window.page.close();
      await editor.fleet.instanceWhen('coordinator', 'in another process', ({ pid }) => pid !== host);
      await release(editor, 'CLOSED-1');
      await ranOnce(editor, 'CLOSED-1');
      const next = await nextWindow(editor);
      await next.openActivity('Fleet');
      await next.tree('Fan-Outs').waitFor('CLOSED-1 2/2');
      await next.snap('finished');
    }),
  );

  it(
    'is stopped when its window is reloaded, if that is set',
    test(async editor => {
      const window = await nextWindow(editor);
      await startRun(window, editor, 'STOPPED-1');
      const { instances } = await editor.fleet.state();
      await window.page.reload();
      await window.ready();
      await until('nothing of the fleet runs', async () =>
        instances.some(({ pid }) => pid !== null && isNaming(pid, editor.place.root)) ? undefined : true,
      );
      await window.openActivity('Fleet');
      await window.tree('Fan-Outs').waitFor('STOPPED-1 0/2');
      assert.deepEqual(await window.tree('Workers').rows(), ['coordinator live · in this window']);
      await window.snap('no-workers');
      await window.runCommand('Fleet: Start Fleet');
      await release(editor, 'STOPPED-1');
      await window.tree('Fan-Outs').waitFor('STOPPED-1 2/2');
    }),
  );
});

/**
 * Opens the window after a closed one, whose close stops its runs. A window certainly has the settings from the time
 * when it opened.
 */
async function nextWindow(editor: EditorUnderTest): Promise<Workbench> {
  await editor.configure({ 'fleet.onWindowClose': 'stop' });
  return editor.window('continuity-next');
}

const standbysOf = ({ place }: EditorUnderTest): readonly number[] =>
  processesNaming(place.home)
    .filter(({ command }) => command.includes('serve --standby'))
    .map(({ pid }) => pid);

/** Kills the extension host. Resolves when another process serves the home. */
async function killHost({ fleet }: EditorUnderTest, host: number): Promise<void> {
  process.kill(host, 'SIGKILL');
  await fleet.instanceWhen('coordinator', 'in another process', ({ pid }) => pid !== host);
}
