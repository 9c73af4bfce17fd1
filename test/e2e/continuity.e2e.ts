import assert from 'node:assert/strict';
import { until } from '../editor/until.ts';
import { processesNaming } from '../scenarios/processes.ts';
import type { EditorUnderTest } from './editor.ts';
import { ranOnce, release, startRun } from './run-in-window.ts';
import { inOneEditor } from './with-editor.ts';

describe('a run that outlives its window', () => {
  const test = inOneEditor({ workspace: 'continuity', settings: { 'fleet.onWindowClose': 'continue' } });

  it(
    'goes on when its standby and then its extension host are killed, and the same window shows its end',
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
      await window.tree('Fan-Outs').waitFor('STANDBY-1 2 of 2 accepted');
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
});

const standbysOf = ({ place }: EditorUnderTest): readonly number[] =>
  processesNaming(place.home)
    .filter(({ command }) => command.includes('serve --standby'))
    .map(({ pid }) => pid);

/** Kills the extension host. Resolves when another process serves the home. */
async function killHost({ fleet }: EditorUnderTest, host: number): Promise<void> {
  process.kill(host, 'SIGKILL');
  await fleet.instanceWhen('coordinator', 'in another process', ({ pid }) => pid !== host);
}
