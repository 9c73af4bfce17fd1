import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../../errors.ts';
import { isAlive, processStart } from '../../system/process-table.ts';
import { waitUntil } from '../../system/wait.ts';
import { unlessEnded } from './git.ts';

/** The lock's name in the folder that all worktrees of a repository share. */
const LOCK = 'spl-worktrees.lock';
/** The time for which a lock may name nobody. */
const NAMELESS_MS = 5_000;

/**
 * Does something to a repository that several git at once would fail at, such as adding a worktree: all processes of this
 * machine take turns. A lock of a process that died holds up nobody. The wait for a turn ends as git does.
 *
 * @param common the folder that all worktrees of the repository share
 */
export async function withRepositoryLock<T>(common: string, work: () => Promise<T>): Promise<T> {
  const file = join(common, LOCK);
  await unlessEnded(`the wait for the lock of '${common}' was ended`, signal =>
    waitUntil(() => take(file), { withinMs: Infinity, signal, check: 'costly' }),
  );
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Takes the lock. @returns false while somebody else has it. */
async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(`${process.pid} ${processStart(process.pid)}`);
    await handle.close();
    return true;
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    await removeLeft(file);
    return false;
  }
}

async function removeLeft(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null || (await isHeld(file, text))) return;
  // Another process may have removed it meanwhile and hold a new one, which goes back to its place.
  const aside = `${file}.${process.pid}`;
  await rename(file, aside).catch(() => undefined);
  const taken = await readFile(aside, 'utf8').catch(() => text);
  if (taken === text) await rm(aside, { force: true });
  else await rename(aside, file);
}

/** True when its holder lives, or may be about to write its name. */
async function isHeld(file: string, text: string): Promise<boolean> {
  const [, pid, start] = /^(\d+) (.+)$/.exec(text) ?? [];
  if (pid !== undefined && start !== undefined) return isAlive(Number(pid), start);
  const stats = await stat(file).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs < NAMELESS_MS;
}
