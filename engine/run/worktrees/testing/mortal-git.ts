import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

type Done = (...answer: unknown[]) => void;

/**
 * Ends this process as SIGKILL does at its nth call of git: before git begins, or once it is done.
 * @returns the number of calls so far.
 */
export function dieAtCall(nth: number, isBefore: boolean): () => number {
  const { execFile } = childProcess;
  let calls = 0;
  const die = (): unknown => process.kill(process.pid, 'SIGKILL');
  const counted = (file: string, words: readonly string[], options: object, done: Done): unknown => {
    const isLast = ++calls === nth;
    if (isLast && isBefore) die();
    return execFile(file, words, options, (...answer) => {
      if (isLast) die();
      done(...answer);
    });
  };
  Object.assign(childProcess, { execFile: counted });
  syncBuiltinESMExports();
  return () => calls;
}
