import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../editor/until.ts';
import { processesNaming } from '../scenarios/processes.ts';
import { withEditor } from './with-editor.ts';

describe('the standby of a window', () => {
  const options = { workspace: 'continuity', settings: { 'fleet.onWindowClose': 'continue' } };

  it(
    'is renewed when it is killed, and the new one takes over from a host that is killed as well',
    withEditor({ name: 'standby-killed', ...options }, async (workbench, editor) => {
      const { fleet, scratch } = editor;
      const standbys = (): readonly number[] =>
        processesNaming(scratch.home)
          .filter(({ command }) => command.includes('serve --standby'))
          .map(({ pid }) => pid);
      await workbench.openActivity('Fleet');
      await workbench.runCommand('Fleet: Start Fleet');
      await workbench.tree('Instances').waitFor('worker-b live');
      const run = 'until test -e go; do sleep 0.05; done';
      await fleet.fanOut('RUN-1', scratch.workspace, [{ goal: 'wait', run }]);
      await fleet.joinWhen('RUN-1', 'it runs', ({ children }) => children[0]?.started_unix != null);
      const first = await until('a standby waits', async () => standbys()[0]);
      process.kill(first, 'SIGKILL');
      const second = await until('another one waits', async () => standbys().find(pid => pid !== first));
      assert.deepEqual(standbys(), [second]);
      const { pid: host } = await fleet.instance('coordinator');
      assert.ok(host !== null);
      process.kill(host, 'SIGKILL');
      await fleet.instanceWhen('coordinator', 'in another process', ({ pid }) => pid !== host);
      await writeFile(join(scratch.workspace, 'go'), '');
      const { outcome, round, children } = await fleet.joined('RUN-1');
      assert.deepEqual([outcome, round, children[0]?.attempt], ['satisfied', 1, 1]);
      await workbench.tree('Fan-Outs').waitFor('RUN-1 1 of 1 accepted');
      await workbench.runCommand('Fleet: Stop Fleet');
      await workbench.welcomeButton('Start Fleet').waitFor();
      await until('nothing of the fleet runs', async () =>
        processesNaming(scratch.home).some(({ command }) => /bin\/spl|worker\.js|program\//.test(command))
          ? undefined
          : true,
      );
    }),
  );
});
