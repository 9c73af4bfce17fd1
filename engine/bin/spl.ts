import { main } from '../cli/program.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { messageOf, systemCodeOf } from '../errors.ts';
import { processHost, readerGone } from './process-host.ts';

/** The process of `spl`: from its words to its exit code. */
async function run(): Promise<void> {
  const interrupt = new AbortController();
  process.on('SIGINT', () => {
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
  watchReader(process.stdout);
  watchReader(process.stderr);
  // Others of this machine can read the words of a process, and a token may stand among them.
  if (process.argv.some(word => word.startsWith('--token'))) process.title = 'spl';
  const host = processHost(interrupt.signal);
  const code = await main(process.argv.slice(2), host);
  await Promise.allSettled([host.out.flush(), host.err.flush()]);
  process.exit(code);
}

/** A reader that has seen enough, as `head` does, is no error, and what was asked for is done; a full disk is one. */
function watchReader(stream: NodeJS.WriteStream): void {
  stream.on('error', error => {
    if (systemCodeOf(error) === 'EPIPE') return readerGone(stream);
    // Of the stream for errors itself nothing can be said.
    if (stream !== process.stderr)
      process.stderr.write(`error: the output can't be written: ${messageOf(error)}\n`);
    process.exit(EXIT.failed);
  });
}

void run();
