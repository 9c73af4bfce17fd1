import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Executor } from '../../executors/executor.ts';
import { anAttempt } from '../../executors/testing/attempt.ts';
import { withIsolation } from '../isolated.ts';
import { worktreeSettings } from '../worktree.ts';

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

/** Runs one attempt that writes `work.txt` in a worktree of a repository, as a worker does. @returns its branch. */
export async function writeInWorktree(folder: string, repo: string): Promise<string | null> {
  const settings = worktreeSettings({ min_free_bytes: 0, include: ['.env'], dirty: 'carry' });
  const isolated = withIsolation(writer, { folder, settings, env: process.env, now: Date.now });
  const { reason, work } = await isolated.start(
    anAttempt({ task: 'HOSTED', dir: repo, isolation: 'worktree' }),
    { output: { write: async () => {} }, signal: new AbortController().signal, used: () => {} },
  );
  return work?.branch ?? reason;
}
