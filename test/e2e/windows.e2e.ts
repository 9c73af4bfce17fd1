import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { homePaths } from '../../engine/home/paths.ts';
import { withEditor } from './with-editor.ts';

describe('windows and workers that come and go', () => {
  it(
    'two windows on one home show one fleet, and each acts on it',
    withEditor({ name: 'two', workspace: 'continuity' }, async (first, editor) => {
      await first.openActivity('Fleet');
      await first.runCommand('Fleet: Start Fleet');
      await first.tree('Instances').waitFor('coordinator live · in this window');
      await first.tree('Instances').waitFor('worker-b live');
      const second = await editor.open('two-second');
      await second.openActivity('Fleet');
      await second.tree('Instances').waitFor('worker-b live');
      const rows = await second.tree('Instances').rows();
      assert.equal(rows[0], 'coordinator live', 'it runs in the other window');
      await second.runCommand('Fleet: Run the First Fan-Out');
      for (const window of [first, second])
        await window.tree('Fan-Outs').waitFor('FIRST-001 2 of 2 accepted');
      await first.snap('first');
      await second.snap('second');
      await second.runCommand('Fleet: Stop Fleet');
      for (const window of [first, second]) await window.welcomeButton('Start Fleet').waitFor();
    }),
  );

  it(
    'an attempt without a sign of life is told of; its worker that is killed comes back in its row, and it runs again',
    withEditor({ name: 'worker', workspace: 'continuity' }, async (workbench, { fleet, scratch }) => {
      await appendFile(homePaths(scratch.home).configToml, 'stall_secs = 2\n');
      await workbench.openActivity('Fleet');
      await workbench.runCommand('Fleet: Start Fleet');
      await workbench.tree('Instances').waitFor('worker-b live');
      const run = 'test "$SPL_ATTEMPT" -gt 1 || exec sleep 600';
      await fleet.fanOut('LOST-1', scratch.workspace, [{ goal: 'lose it', run, target: 'worker-a' }]);
      await workbench.tree('Instances').waitFor('worker-a live · load 1 of 1');
      await workbench.tree('Fan-Outs').expand('LOST-1');
      await workbench.tree('Fan-Outs').waitFor('[0] lose it worker-a');
      await workbench.toast('LOST-1 [0] on worker-a has shown no sign of life for');
      await workbench.tree('Fan-Outs').waitFor(/\[0\] lose it worker-a · .* · no sign of life for/);
      await workbench.snap('stalled');
      const { pid } = await fleet.instance('worker-a');
      assert.ok(pid !== null);
      process.kill(pid, 'SIGKILL');
      await workbench.tree('Fan-Outs').waitFor(/\[0\] lose it accepted · worker-a · [\d.]+m?s · attempt 2/);
      await workbench.tree('Instances').waitFor('worker-a live · load 0 of 1');
      assert.notEqual((await fleet.instance('worker-a')).pid, pid);
      await workbench.snap('back');
    }),
  );
});
