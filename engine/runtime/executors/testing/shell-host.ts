import { shellExecutor } from '../shell.ts';
import { anAttempt } from './attempt.ts';

/**
 * A process that hosts the shell executor as a worker does, for tests that end it or make it short of something.
 * It runs its first argument, as many times at once as its second says, passes on what that prints, and then prints
 * each verdict and reason. It exits in mid-run when it reads anything. Its third argument is the folder of the notes.
 */
const [run = '', times = '1', commandsDir] = process.argv.slice(2);
const print = (chunk: Uint8Array | string): Promise<void> =>
  new Promise(resolve => process.stdout.write(chunk, () => resolve()));

process.stdin.once('data', () => process.exit(0));
const executor = shellExecutor(commandsDir === undefined ? {} : { commandsDir });
const attempts = Array.from({ length: Number(times) }, async (_, index) =>
  executor.start(anAttempt({ index, run, timeoutMs: 600_000 }), {
    signal: new AbortController().signal,
    output: { write: print },
    used: () => {},
  }),
);
for (const { verdict, reason } of await Promise.all(attempts)) await print(`${verdict} ${reason}\n`);
process.stdin.destroy();
