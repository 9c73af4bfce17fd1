import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import type { JoinStatus, TaskDocument, WorktreesDocument } from '../../engine/contract/documents.ts';
import { scenario, soon, type Scenario } from '../harness/fleet.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

/** A coding agent of the tests, which uses the formats of the real ones, on a real fleet in a real repository. */

const AGENT = fileURLToPath(
  new URL('../../engine/runtime/executors/agent/testing/agent.mjs', import.meta.url),
);

/** Returns the command of an agent, as TOML. */
const agent = (...words: readonly string[]): string => JSON.stringify([process.execPath, AGENT, ...words]);

/** An agent that has quota only at its second attempt. */
const SHORT = JSON.stringify([
  ...['/bin/sh', '-c'],
  `if [ "$SPL_ATTEMPT" != 1 ]; then exec "$@" good; fi; echo 'Error: rate limit reached, try again in 1s'; exit 1`,
  ...['sh', process.execPath, AGENT, 'codex'],
]);

describe('coding agents', function () {
  this.timeout(180_000);
  /** `writer` and `finder` work as expected. */
  const onAgents = sharedFleet({
    fleet: [
      ...['[worktree]', 'min_free_bytes = 0'],
      ...['[agents.writer]', `command = ${agent('claude', 'good')}`, 'output = "claude"'],
      ...['[agents.finder]', `command = ${agent('codex', 'good')}`, 'output = "codex"'],
      ...['[agents.asker]', `command = ${agent('claude', 'denied')}`, 'output = "claude"'],
      ...['[agents.short]', `command = ${SHORT}`, 'output = "codex"'],
    ],
  });

  it(
    'write on their own branches, and one that builds on two gets their results',
    onAgents(async fleet => {
      await makeRepository(fleet);
      await fleet.json('task', 'add', 'Harden the parser', '--alias', 'TUT-001');
      const status = await fleet.json<JoinStatus>(
        ...['task', 'fan-out', 'TUT-001', '--wait'],
        ...['--subtask', 'name=tests,goal=Write tests,executor=agent:writer'],
        ...['--subtask', 'goal=Find inputs,executor=agent:finder'],
        ...['--subtask', 'goal=Mend it,executor=agent:writer,depends=0+1'],
      );
      assert.deepEqual([status.outcome, status.counts.accepted], ['satisfied', 3]);
      const [tests, inputs, mend] = status.children;
      assert.equal(tests!.summary, 'did: Write tests');
      assert.deepEqual([tests!.cost_usd, tests!.tokens, inputs!.tokens], [0.25, 123, 123]);
      const branches = status.children.map(({ work }) => work!.branch);
      assert.deepEqual(branches, ['spl/TUT-001/0-1', 'spl/TUT-001/1-1', 'spl/TUT-001/2-1']);
      const { prompt } = JSON.parse(git(fleet, 'show', `${mend!.work!.branch}:asked.json`)) as {
        prompt: string;
      };
      for (const part of [
        'Mend it',
        'did: Write tests',
        'spl/TUT-001/0-1',
        'did: Find inputs',
        'spl/TUT-001/1-1',
      ])
        assert.ok(prompt.includes(part), `it is not told: ${part}`);
      assert.equal(git(fleet, 'status', '--porcelain'), '');
      assert.equal(git(fleet, 'rev-parse', '--abbrev-ref', 'HEAD'), 'main');

      const { worktrees } = await fleet.json<WorktreesDocument>('worktree', 'list');
      assert.deepEqual(worktrees.map(({ branch, state }) => [branch, state]).sort(), [
        ...branches.map(branch => [branch, 'kept']),
      ]);
      git(fleet, 'merge', '--quiet', '-m', 'take it', branches[0]!);
      const merged = await fleet.json<{ branch_kept: boolean }>('worktree', 'remove', branches[0]!);
      const alone = await fleet.json<{ branch_kept: boolean }>('worktree', 'remove', branches[1]!);
      assert.deepEqual([merged.branch_kept, alone.branch_kept], [false, true]);
      assert.equal(
        git(fleet, 'branch', '--list', 'spl/*'),
        ['spl/TUT-001/1-1', '+ spl/TUT-001/2-1'].join('\n'),
      );
      const gone = await fleet.refused(3, 'worktree', 'remove', branches[0]!);
      assert.match(gone.message, /no worktree is named/);
    }),
  );

  it(
    'without quota wait for it, and continue by themselves',
    onAgents(async fleet => {
      await makeRepository(fleet);
      await fleet.json('task', 'add', 'Ask for too much', '--alias', 'QUOTA');
      const { outcome, children } = await fleet.json<JoinStatus>(
        ...['task', 'fan-out', 'QUOTA', '--wait', '--subtask', 'goal=Ask,executor=agent:short'],
      );
      // The wait of a second is read from the records: who looks from outside can miss it.
      const [out, ended] = (await fleet.records('QUOTA'))
        .map(({ body }) => body)
        .filter(({ topic }) => topic === 'fanout_child_done');
      const { resets_at_unix: resets } = out?.['quota'] as { resets_at_unix: number };
      assert.equal(out?.['verdict'], 'failed');
      assert.ok(Date.now() / 1000 - (ended?.['wall_time_secs'] as number) >= resets, 'it waited for quota');
      // The attempt without quota counts as an attempt, but not as one of the allowed attempts.
      assert.deepEqual([outcome, children[0]!.attempt], ['satisfied', 2]);
    }),
  );

  it(
    'whose worker is killed lose no work: it is on a branch, which the start reports',
    scenario({}, async fleet => {
      await makeRepository(fleet);
      await fleet.startFleet(1);
      await fleet.fanOut('KILLED', [
        {
          goal: 'write',
          run: 'echo work > work.txt; echo ready; sleep 60',
          isolation: 'worktree',
          attempts: 1,
        },
      ]);
      let branch = '';
      await soon(
        'the attempt has written',
        async () => {
          const [tree] = (await fleet.client.report('worktrees', {})).worktrees;
          branch = tree?.branch ?? '';
          const text = tree && (await readFile(join(tree.dir, 'work.txt'), 'utf8').catch(() => ''));
          return text === 'work\n';
        },
        30_000,
      );
      await fleet.kill(await fleet.pidOf('worker-a'));
      await fleet.joined('KILLED');
      const started = await fleet.spl('fleet', 'start', '--workers', '1');
      await soon('the worktree is dealt with', async () => {
        const now = await fleet.client.report('worktrees', {});
        return now.worktrees[0]?.state === 'left';
      });
      assert.equal(started.code, 0, started.err);
      assert.equal(git(fleet, 'show', `${branch}:work.txt`), 'work');
      assert.match((await fleet.spl('fleet', 'start')).out, /⚠ 1 worktree left by interrupted attempts/);
    }),
  );

  it(
    'wait for a person after a question, and have an unknown cost if their tool reports none',
    onAgents(async fleet => {
      await fleet.json('task', 'add', 'Ask', '--alias', 'ASK');
      const [asks, tells] = ['name=asks,goal=a,executor=agent:asker', 'goal=b,executor=agent:finder'];
      const both = [asks, tells].flatMap(each => ['--subtask', `${each},isolation=folder`]);
      await fleet.json('task', 'fan-out', 'ASK', ...both);
      const status = () => fleet.json<JoinStatus>('task', 'join-status', 'ASK');
      await soon('one asks and the other has ended', async () => {
        const [asker, finder] = (await status()).children;
        return asker?.needs_you != null && finder?.state === 'done';
      });
      const { complete, children } = await status();
      assert.equal(complete, false);
      assert.match(children[0]!.reason ?? '', /^needs you: .*spl task retry ASK --subtask asks --hint/);
      assert.equal(children[1]!.cost_unknown, true);
      assert.deepEqual((await fleet.json<TaskDocument>('task', 'show', 'ASK')).fan_out?.needs_you, [0]);
      await fleet.json('task', 'cancel', 'ASK');
    }),
  );

  it(
    'are refused before anything starts if they are unknown, or the folder is not a clean repository',
    onAgents(async fleet => {
      await fleet.json('task', 'add', 'Anything', '--alias', 'BAD');
      const fanOut = ['task', 'fan-out', 'BAD', '--subtask'];
      const unknown = await fleet.refused(4, ...fanOut, 'goal=x,executor=agent:cluade');
      assert.match(unknown.message, /executor 'agent:cluade' is unknown \(did you mean 'agent:claude'\?\)/);
      const echo = await fleet.refused(4, ...fanOut, 'goal=x,executor=echo,isolation=worktree');
      assert.match(echo.message, /isolation = worktree is for what runs in a folder/);
      const nowhere = await fleet.refused(4, ...fanOut, 'goal=x,executor=agent:claude');
      assert.match(nowhere.message, /is not in a git repository/);
      git(fleet, 'init', '--quiet', '--initial-branch=main');
      const unborn = await fleet.refused(4, ...fanOut, 'goal=x,executor=agent:claude');
      assert.match(unborn.message, /has no commit yet/);
      await makeRepository(fleet);
      await fleet.write('README', 'changed\n');
      const dirty = await fleet.refused(4, ...fanOut, 'goal=x,executor=agent:claude');
      assert.match(dirty.message, /has uncommitted changes, .*: README$/);
      assert.equal((await fleet.json<TaskDocument>('task', 'show', 'BAD')).fan_out, null);
    }),
  );
});

/** Makes a repository in the working directory of the commands. */
async function makeRepository(fleet: Scenario): Promise<void> {
  git(fleet, 'init', '--quiet', '--initial-branch=main');
  git(fleet, 'config', 'user.name', 'Tester');
  git(fleet, 'config', 'user.email', 'tester@example.org');
  await fleet.write('README', 'a project\n');
  git(fleet, 'add', '--all');
  git(fleet, 'commit', '--quiet', '-m', 'first');
}

function git(fleet: Scenario, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', fleet.cwd, ...args], { encoding: 'utf8' }).trim();
}
