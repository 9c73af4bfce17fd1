import { shellExecutor } from '../shell.ts';

/**
 * A process that hosts the shell executor as a worker does, for tests that end it. It runs its first argument, passes
 * on what that prints, and exits by itself, in mid-run, when it reads anything.
 */
const [run = ''] = process.argv.slice(2);
process.stdin.once('data', () => process.exit(0));
await shellExecutor().start(
  {
    thread: `th_${'a'.repeat(64)}`,
    attempt: 1,
    index: 0,
    task: 'HOSTED',
    goal: 'be guarded',
    run,
    dir: null,
    timeoutMs: 600_000,
    hint: null,
  },
  {
    signal: new AbortController().signal,
    output: {
      write: chunk => new Promise(resolve => process.stdout.write(chunk, () => resolve())),
    },
  },
);
