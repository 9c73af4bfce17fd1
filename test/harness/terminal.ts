import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';

/** Starts a command line in a terminal of its own, whose screen is the standard output of the process. */
export function startInTerminal(
  line: string,
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): ChildProcessWithoutNullStreams {
  const [command, ...words] =
    process.platform === 'linux'
      ? ['script', '-qefc', line, '/dev/null']
      : ['script', '-q', '/dev/null', '/bin/sh', '-c', line];
  return spawn(command, words, { cwd, env: { ...env, TERM: 'xterm' } });
}
