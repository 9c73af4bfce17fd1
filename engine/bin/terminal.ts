import type { ReadStream, WriteStream } from 'node:tty';
import type { Terminal, TerminalUse } from '../cli/host.ts';

/** The signals that end a process unless it listens for them. */
const ENDING = ['SIGTERM', 'SIGHUP'] as const;

/** The terminal that this process was started at. */
export function processTerminal(): Terminal {
  return { take: use => take(use, process.stdin, process.stdout) };
}

function take({ onKey, onResize, onEnd }: TerminalUse, keys: ReadStream, screen: WriteStream): () => void {
  const onData = (data: Buffer | string): void => {
    for (const key of String(data)) onKey(key);
  };
  let isTaken = true;
  const restore = (): void => {
    if (!isTaken) return;
    isTaken = false;
    keys.off('data', onData);
    screen.off('resize', onResize);
    process.off('exit', restore);
    for (const signal of ENDING) process.off(signal, onSignal);
    keys.setRawMode(false);
    keys.pause();
    onEnd();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    restore();
    // Without a listener the signal ends the process as usual.
    process.kill(process.pid, signal);
  };
  keys.setRawMode(true);
  keys.on('data', onData);
  keys.resume();
  screen.on('resize', onResize);
  process.on('exit', restore);
  for (const signal of ENDING) process.on(signal, onSignal);
  return restore;
}
