import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withEditor } from './with-editor.ts';
import type { Workbench } from './workbench.ts';

describe('the kill switch', () => {
  it(
    'is thrown from the palette, is not overlooked while anything is frozen, and is lifted by a click',
    withEditor({ name: 'kill-switch', workspace: 'kill-switch' }, async (workbench, { fleet, scratch }) => {
      await workbench.openActivity('Fleet');
      await workbench.runCommand('Fleet: Start Fleet');
      await workbench.tree('Instances').waitFor('worker-b live');
      assert.equal(await workbench.offers('Fleet: Lift Kill Switch…'), false, 'there is nothing to lift');
      await scratch.spl('namespace', 'create', 'acme');
      await scratch.spl('task', 'add', 'hold it', '--alias', 'HELD-1', '--namespace', 'acme');
      const run = 'until test -e go; do sleep 0.05; done';
      const subtasks = [
        { goal: 'runs', run, target: 'worker-a' },
        { goal: 'waits', run: 'true', target: 'worker-a' },
      ].flatMap(subtask => ['--subtask', JSON.stringify(subtask)]);
      await scratch.spl('task', 'fan-out', 'HELD-1', ...subtasks);
      await fleet.joinWhen('HELD-1', 'one runs', ({ counts }) => counts.running === 1);
      // A fan-out may lie in a namespace below its task's.
      await scratch.spl('task', 'add', 'hold it as well', '--alias', 'BELOW-1');
      const below = JSON.stringify({ goal: 'runs', run, target: 'worker-b' });
      await scratch.spl('task', 'fan-out', 'BELOW-1', '--namespace', 'acme', '--subtask', below);
      await workbench.tree('Fan-Outs').waitFor('BELOW-1 0 of 1 accepted');

      await askToFreeze(workbench);
      await workbench.page.keyboard.press('Escape');
      await workbench.page.locator(DIALOG).waitFor({ state: 'detached' });
      assert.deepEqual((await fleet.now()).freezes, [], 'it was not confirmed');

      await askToFreeze(workbench);
      await confirm(workbench, 'Freeze');
      const frozen = workbench.statusItem('Frozen: acme');
      await frozen.waitFor();
      assert.match((await frozen.getAttribute('class')) ?? '', /warning-kind/);
      assert.match(
        (await frozen.getAttribute('aria-label')) ?? '',
        /soft freeze of acme — bad release, since/,
      );
      await workbench.tree('Instances').waitFor('coordinator live · in this window · frozen: acme');
      await workbench.tree('Fan-Outs').waitFor('HELD-1 frozen · 0 of 2 accepted');
      await workbench.tree('Fan-Outs').waitFor('BELOW-1 frozen · 0 of 1 accepted');
      await workbench.snap('frozen');
      await writeFile(join(scratch.workspace, 'go'), '');
      await workbench.tree('Fan-Outs').waitFor('HELD-1 frozen · 1 of 2 accepted');

      await frozen.click();
      await workbench.pick('soft freeze of acme — bad release');
      await workbench.tree('Fan-Outs').waitFor('HELD-1 2 of 2 accepted');
      await frozen.waitFor({ state: 'detached' });

      await workbench.runCommand('Fleet: Kill Switch…');
      await workbench.pick('Emergency Stop');
      await workbench.question('Whoever meets it is told');
      await workbench.answer('');
      await confirm(workbench, 'Stop');
      const stopped = workbench.statusItem('Emergency stop');
      await stopped.waitFor();
      assert.match((await stopped.getAttribute('class')) ?? '', /error-kind/);
      await workbench.tree('Instances').waitFor('worker-a live · frozen · load 0 of 1');
      await workbench.snap('stopped');
      await workbench.runCommand('Fleet: Lift Kill Switch…');
      await workbench.pick('emergency stop');
      await workbench.tree('Instances').waitFor('worker-a live · load 0 of 1');
      await stopped.waitFor({ state: 'detached' });
    }),
  );
});

const DIALOG = '.monaco-dialog-box';

/** Answers all that is asked before a soft freeze, but for the confirmation. */
async function askToFreeze(workbench: Workbench): Promise<void> {
  await workbench.runCommand('Fleet: Kill Switch…');
  await workbench.pick('acme');
  await workbench.pick('Soft');
  await workbench.question('Whoever meets it is told');
  await workbench.answer('bad release');
  await workbench.page.locator(DIALOG).filter({ hasText: 'Freeze acme, with all below it?' }).waitFor();
}

async function confirm({ page }: Workbench, label: string): Promise<void> {
  await page.locator(`${DIALOG} .monaco-button`).filter({ hasText: label }).first().click();
}
