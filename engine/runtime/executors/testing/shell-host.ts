import { Launchers } from '../../processes/launchers.ts';
import { shellExecutor } from '../shell.ts';
import { anAttempt } from './attempt.ts';

/**
 * Hosts the shell executor as a worker does, for tests that end this process or limit its resources. It runs the first
 * argument as many times in parallel as the second one says, with the third one as the folder of the notes (or
 * nothing) and the fourth one as the label of a launcher (or none). It passes on the output, then prints each verdict and
 * reason. It exits in mid-run when it reads anything.
 */
const [run = '', times = '1', commandsDir = '', label] = process.argv.slice(2);
const print = (chunk: Uint8Array | string): Promise<void> =>
  new Promise(resolve => process.stdout.write(chunk, () => resolve()));

process.stdin.once('data', () => process.exit(0));
const launchers = label === undefined ? undefined : new Launchers(label);
const executor = shellExecutor({
  ...(commandsDir !== '' && { commandsDir }),
  ...(launchers !== undefined && { launchers }),
});
const attempts = Array.from({ length: Number(times) }, async (_, index) =>
  executor.start(anAttempt({ index, run, timeoutMs: 600_000 }), {
    signal: new AbortController().signal,
    output: { write: print },
    used: () => {},
  }),
);
for (const { verdict, reason } of await Promise.all(attempts)) await print(`${verdict} ${reason}\n`);
await launchers?.close();
process.stdin.destroy();
