import { main } from '../cli/program.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { messageOf, systemCodeOf } from '../errors.ts';
import { processHost, readerGone } from './process-host.ts';

/** Runs `spl`, from its arguments to its exit code. */
async function run(): Promise<void> {
  const interrupt = new AbortController();
  process.on('SIGINT', () => {
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
  watchReader(process.stdout);
  watchReader(process.stderr);
  // Other users of this machine can read the arguments of a process, and a token may be among them.
  if (process.argv.some(word => word.startsWith('--token'))) process.title = 'spl';
  const host = processHost(interrupt.signal);
  const code = await main(process.argv.slice(2), host);
  await Promise.allSettled([host.out.flush(), host.err.flush()]);
  process.exit(code);
}

/** Ignores a reader that closes the stream, as `head` does; any other fault, such as a full disk, is an error. */
function watchReader(stream: NodeJS.WriteStream): void {
  stream.on('error', error => {
    if (systemCodeOf(error) === 'EPIPE') return readerGone(stream);
    // A fault of the error stream itself can't be reported.
    if (stream !== process.stderr)
      process.stderr.write(`error: the output can't be written: ${messageOf(error)}\n`);
    process.exit(EXIT.failed);
  });
}

void run();
