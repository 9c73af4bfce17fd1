import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as readline from 'node:readline';
import { bundled } from '../../../test/bundled.ts';

/** A running `child.ts`, as tests see it. */
export interface Child {
  readonly pid: number;
  /** Sends a command and gives its answer; one at a time. */
  ask(command: string): Promise<string>;
  /** Sends a command that is never answered. */
  send(command: string): void;
  kill(signal: NodeJS.Signals): boolean;
  /** Kills it, if it still runs, and waits until it is gone. */
  end(): Promise<void>;
}

/** Starts a child and waits until it listens. */
export async function startChild(): Promise<Child> {
  const script = await bundled(new URL('child.ts', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done) throw new Error('the child ended');
    return line.value;
  };
  await next();
  return {
    pid: child.pid!,
    ask: command => {
      child.stdin.write(command + '\n');
      return next();
    },
    send: command => void child.stdin.write(command + '\n'),
    kill: signal => child.kill(signal),
    end: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
