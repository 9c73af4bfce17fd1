import { main } from '../cli/program.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { processHost } from './process-host.ts';

/** Runs `spl`, from its arguments to its exit code. */
async function run(): Promise<void> {
  const interrupt = new AbortController();
  process.on('SIGINT', () => {
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
  // Other users of this machine can read the arguments of a process, and a token may be among them.
  if (process.argv.some(word => word.startsWith('--token'))) process.title = 'spl';
  const host = processHost(interrupt.signal);
  const code = await main(process.argv.slice(2), host);
  await Promise.allSettled([host.out.flush(), host.err.flush()]);
  process.exit(code);
}

void run();
