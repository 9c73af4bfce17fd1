import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homePaths } from '../../../engine/home/paths.ts';
import type { EditorUnderTest } from '../editor.ts';
import { withEditor } from '../with-editor.ts';
import type { Workbench } from '../workbench.ts';

describe('a task of agents, each on its own branch', () => {
  it(
    'is typed, frozen in mid-run, fails, is retried with a hint, joins, and shows its changes',
    withEditor({ name: 'parallel-dev', workspace: 'parallel-dev' }, async (workbench, editor) => {
      await makeRepository(editor);
      await workbench.openActivity('Fleet');
      await workbench.runCommand('Fleet: Start Fleet');
      await workbench.tree('Workers').waitFor('worker-b live');
      assert.equal(
        await workbench.offers('Fleet: Kill Switch: Lift a Stop…'),
        false,
        'there is nothing to lift',
      );

      await typeTask(workbench);
      await freeze(workbench, editor);
      await lift(workbench);
      await retry(workbench);
      await readChanges(workbench);
      await stopEverything(workbench);
    }),
  );
});

/**
 * Makes the workspace a repository with a commit, and configures an agent. The agent waits for a file, writes a file
 * named after its task, and can write tests only after a hint.
 */
async function makeRepository({ place }: EditorUnderTest): Promise<void> {
  const git = (...args: readonly string[]): unknown => execFileSync('git', ['-C', place.workspace, ...args]);
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('-c', 'user.name=Tester', '-c', 'user.email=tester@example.org', 'commit', '--quiet', '-m', 'first');
  const script = [
    'prompt=$(cat)',
    `until test -e '${gateOf(place)}'; do sleep 0.05; done`,
    'case $prompt in *hint*) ;; Write*) echo "no tests are here to begin with" >&2; exit 1;; esac',
    'set -- $prompt; echo "$prompt" > "$1.md"; echo "did $1"',
  ].join('\n');
  await appendFile(
    homePaths(place.home).configToml,
    `[worktree]\nmin_free_bytes = 0\n[agents.writer]\ncommand = ${JSON.stringify(['/bin/sh', '-c', script])}\noutput = "text"\n`,
  );
}

const gateOf = ({ root }: { readonly root: string }): string => join(root, 'go');

async function typeTask(workbench: Workbench): Promise<void> {
  const { terminal } = workbench;
  await workbench.runCommand('Terminal: Create New Terminal');
  await terminal.ready();
  await terminal.run('spl namespace create acme; spl namespace create acme/parser');
  await terminal.waitFor(/acme\/parser/);
  await terminal.run(
    'clear; spl task add "Harden the parser" --alias TUT-001 --domain parsing --hypothesis "two can do it" --criteria "tests pass"',
  );
  await terminal.waitFor(/◇ Task created: Harden the parser/);
  const subtasks = ['goal=Write tests', 'goal=Find inputs', 'goal=Mend what they found,depends=0+1'];
  const words = subtasks.map(words => `--subtask "${words},executor=agent:writer,attempts=1"`);
  await terminal.run(`clear; spl task fan-out TUT-001 --namespace acme/parser ${words.join(' ')}`);
  const fanOuts = workbench.tree('Fan-Outs');
  await fanOuts.waitFor('Harden the parser 0/3');
  await workbench.runCommand('View: Toggle Panel Visibility');
  await fanOuts.expand('Harden the parser');
  await fanOuts.waitFor(/^Write tests running · .* worker-[ab]/);
  await fanOuts.waitFor(/^Find inputs running · .* worker-[ab]/);
}

/** Freezes `acme`. Running attempts may still end: one fails. */
async function freeze(workbench: Workbench, { fleet, place }: EditorUnderTest): Promise<void> {
  await askToFreeze(workbench);
  await workbench.page.keyboard.press('Escape');
  assert.deepEqual((await fleet.state()).freezes, [], 'it was not confirmed');

  await askToFreeze(workbench);
  await workbench.answer('bad release');
  const frozen = workbench.statusItem('Frozen: acme');
  await frozen.waitFor();
  assert.match((await frozen.getAttribute('class')) ?? '', /warning-kind/);
  assert.match((await frozen.getAttribute('aria-label')) ?? '', /soft freeze of acme — bad release, since/);
  await workbench.tree('Workers').waitFor('coordinator live · in this window · frozen: acme');
  const fanOuts = workbench.tree('Fan-Outs');
  // The fan-out is in a namespace below the frozen one; its task is not.
  await fanOuts.waitFor('Harden the parser frozen · 0/3');
  await fanOuts.waitFor("Mend what they found soft freeze of 'acme' — bad release");
  await workbench.snap('frozen');
  await writeFile(gateOf(place), '');
  await fanOuts.waitFor(/^Find inputs passed · .* worker-[ab]/);
  await fanOuts.waitFor(/^Write tests failed · .*exit 1/);
}

async function lift(workbench: Workbench): Promise<void> {
  const frozen = workbench.statusItem('Frozen: acme');
  await frozen.click();
  await workbench.pick('soft freeze of acme — bad release');
  await frozen.waitFor({ state: 'detached' });
}

async function retry(workbench: Workbench): Promise<void> {
  const toast = await workbench.toast('“Harden the parser” failed');
  await workbench.snap('failed-join');
  await toast.getByRole('button', { name: 'Open Output' }).click();
  await workbench.tree('Fan-Outs').rowAction('Write tests failed', 'Retry Subtask');
  await workbench.question('A hint for the agent');
  await workbench.answer('begin with a hint of a test');
  const fanOuts = workbench.tree('Fan-Outs');
  await fanOuts.waitFor('Harden the parser 3/3 · retry 1');
  await workbench.runCommand('Fleet: Show Task');
  await workbench.page
    .locator('.view-line')
    .filter({ hasText: /"status":.*"approved"/ })
    .first()
    .waitFor();
}

/** Shows the changes of the third subtask, which built on the other two, file by file from its branch. */
async function readChanges(workbench: Workbench): Promise<void> {
  const { page } = workbench;
  await workbench.tree('Fan-Outs').rowAction(/^Mend what they found/, 'Open Changes');
  await page.locator('.tab').filter({ hasText: 'Mend what they found — spl/TUT-001/2-1' }).waitFor();
  await page.locator('.multiDiffEntry').filter({ hasText: 'Mend.md' }).waitFor();
  await page.locator('.multiDiffEntry .view-line').filter({ hasText: 'did Find' }).first().waitFor();
  await workbench.snap('changes');
  await workbench.tree('Fan-Outs').contextMenu(/^Mend what they found/, 'Open Terminal in Worktree');
  await workbench.terminal.ready();
  await workbench.terminal.run('clear; git branch --show-current; ls');
  await workbench.terminal.waitFor(/spl\/TUT-001\/2-1\nMend\.md/);
  await workbench.snap('worktree');
  await workbench.runCommand('Fleet: Show Worktrees…');
  await workbench.pick('spl/TUT-001/1-1');
  await workbench.pick('Remove');
  await workbench.statusItem('Removed; its branch spl/TUT-001/1-1 stays').waitFor();
  await workbench.runCommand('Fleet: Show Worktrees…');
  await workbench.entry('spl/TUT-001/2-1').waitFor();
  assert.equal(await workbench.entry('spl/TUT-001/1-1').count(), 0);
  await page.keyboard.press('Escape');
}

async function stopEverything(workbench: Workbench): Promise<void> {
  await workbench.runCommand('Fleet: Kill Switch: Stop Everything Now…');
  await workbench.pick('Start nothing new');
  await workbench.question('Enter does it');
  await workbench.answer('');
  const stopped = workbench.statusItem('Emergency stop');
  await stopped.waitFor();
  assert.match((await stopped.getAttribute('class')) ?? '', /error-kind/);
  await workbench.tree('Workers').waitFor('worker-a live · frozen · load 0 of 1');
  await workbench.snap('stopped');
  await workbench.runCommand('Fleet: Kill Switch: Lift a Stop…');
  await workbench.pick('emergency stop');
  await workbench.tree('Workers').waitFor('worker-a live · load 0 of 1');
  await stopped.waitFor({ state: 'detached' });
  await workbench.runCommand('Fleet: Stop Workers');
  await workbench.tree('Workers').waitFor(/^coordinator live · in this window$/);
}

/** Answers the first question of a freeze. */
async function askToFreeze(workbench: Workbench): Promise<void> {
  await workbench.runCommand('Fleet: Freeze Namespace…');
  await workbench.pick('acme');
  await workbench.pick('Start nothing new');
  await workbench.question('Enter does it');
}
