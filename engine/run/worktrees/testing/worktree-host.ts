import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Executor } from '../../executors/executor.ts';
import { anAttempt } from '../../executors/testing/attempt.ts';
import { withIsolation } from '../isolated.ts';
import { worktreeSettings } from '../worktree.ts';

/**
 * A process that has one attempt write `work.txt` in a worktree, as a worker does, for tests that end it on the way.
 * Arguments: the folder of the worktrees, and the repository.
 */
const [folder = '', dir = ''] = process.argv.slice(2);
const writer: Executor = {
  name: 'writer',
  sideEffects: true,
  runsCommands: false,
  refusal: () => null,
  start: async attempt => {
    await writeFile(join(attempt.dir!, 'work.txt'), 'done\n');
    return {
      verdict: 'accept',
      reason: null,
      exitCode: 0,
      signal: null,
      summary: '',
      costUsd: 0,
      leftGroup: [],
    };
  },
};
const settings = worktreeSettings({ min_free_bytes: 0, include: ['.env'], dirty: 'carry' });
const { reason, work } = await withIsolation(writer, {
  folder,
  settings,
  env: process.env,
  now: Date.now,
}).start(anAttempt({ task: 'HOSTED', dir, isolation: 'worktree' }), {
  output: { write: async () => {} },
  signal: new AbortController().signal,
  used: () => {},
});
process.stdout.write(`${work?.branch ?? reason}\n`);
