import childProcess, { type ChildProcess, type SpawnOptions } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Ends this process as SIGKILL does at its nth call of git, before git begins or after it ends.
 * @returns the number of calls so far.
 */
export function dieAtCall(nth: number, isBefore: boolean): () => number {
  const { spawn } = childProcess;
  let calls = 0;
  const die = (): unknown => process.kill(process.pid, 'SIGKILL');
  const counted = (file: string, words: readonly string[], options: SpawnOptions): ChildProcess => {
    const isLast = words[1]?.includes('exec git') === true && ++calls === nth;
    if (isLast && isBefore) die();
    const child = spawn(file, words, options);
    if (isLast) child.once('close', die);
    return child;
  };
  Object.assign(childProcess, { spawn: counted });
  syncBuiltinESMExports();
  return () => calls;
}
