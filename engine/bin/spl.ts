import { main } from '../cli/program.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { messageOf, systemCodeOf } from '../errors.ts';
import { processHost } from './process-host.ts';

/** The process of `spl`: from its words to its exit code. */
async function run(): Promise<void> {
  const interrupt = new AbortController();
  process.on('SIGINT', () => {
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
  let code: number = EXIT.done;
  const onReaderGone = (): never => process.exit(code);
  endWith(process.stdout, onReaderGone);
  endWith(process.stderr, onReaderGone);
  // Others of this machine can read the words of a process, and a token may stand among them.
  if (process.argv.some(word => word.startsWith('--token'))) process.title = 'spl';
  const host = processHost(interrupt.signal);
  code = await main(process.argv.slice(2), host);
  await Promise.all([host.out.flush(), host.err.flush()]);
  process.exit(code);
}

/** A reader that has seen enough, as `head` does, is no error; a disk that is full is one. */
function endWith(stream: NodeJS.WriteStream, onReaderGone: () => never): void {
  stream.on('error', error => {
    if (systemCodeOf(error) === 'EPIPE') onReaderGone();
    // Of the stream for errors itself nothing can be said.
    if (stream !== process.stderr)
      process.stderr.write(`error: the output can't be written: ${messageOf(error)}\n`);
    process.exit(EXIT.failed);
  });
}

void run();
