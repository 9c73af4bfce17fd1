import { execFile } from 'node:child_process';
import { FleetError } from '../../errors.ts';

/** What of the environment says whose work this is; all else that begins with `GIT_` would point git elsewhere. */
const KEPT =
  /^GIT_(?:AUTHOR|COMMITTER)_|^GIT_(?:SSH|SSH_COMMAND|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM)$/;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Book-keeping runs none of the user's hooks and no maintenance, and takes no lock that it can do without. */
const SETTINGS = [
  '--no-optional-locks',
  ...['core.hooksPath=/dev/null', 'commit.gpgSign=false', 'maintenance.auto=false', 'gc.auto=0'].flatMap(
    setting => ['-c', setting],
  ),
];

/**
 * Runs git in a folder. @returns what it printed.
 * @throws WORKER_FAILED with git's own words; NOT_SUPPORTED where there is no git.
 */
export function git(dir: string, ...args: readonly string[]): Promise<string> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_') || KEPT.test(name)),
  );
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      ['-C', dir, ...SETTINGS, ...args],
      { env: { ...env, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' }, maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        if (error.code === 'ENOENT')
          return reject(
            new FleetError('NOT_SUPPORTED', 'git was not found: worktrees need it', {
              hint: 'Install git, or run with isolation=folder.',
              cause: error,
            }),
          );
        const words = stderr.trim().split('\n').at(-1) || error.message;
        reject(
          new FleetError('WORKER_FAILED', `git ${args[0]}: ${words.replace(/^fatal: /, '')}`, {
            details: { args, dir },
            cause: error,
          }),
        );
      },
    );
  });
}

/** The same, as lines, without the last line's end. */
export async function gitLines(dir: string, ...args: readonly string[]): Promise<string[]> {
  const text = await git(dir, ...args);
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** The same, of a list that git ends item by item with NUL. */
export async function gitList(dir: string, ...args: readonly string[]): Promise<string[]> {
  return (await git(dir, ...args)).split('\0').filter(item => item !== '');
}

/** Whether git says yes, by how it ends. */
export function gitSays(dir: string, ...args: readonly string[]): Promise<boolean> {
  return git(dir, ...args).then(
    () => true,
    () => false,
  );
}
