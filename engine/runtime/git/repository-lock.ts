import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../../errors.ts';
import { isAlive, processStart } from '../../system/process-table.ts';
import { waitUntil } from '../../system/wait.ts';
import { abortableWait } from './git.ts';

/** The name of the lock in the folder that all worktrees of a repository share. */
const LOCK = 'spl-worktrees.lock';
/** The time in which a new lock may have no content yet. */
const NAMELESS_MS = 5_000;

/**
 * Runs some work on a repository that fails when several git do it at once, such as adding a worktree. All processes of
 * this machine take turns. The lock of a dead process is ignored. The wait ends when the signal of the present work
 * aborts.
 * @param common the folder that all worktrees of the repository share
 */
export async function withRepositoryLock<T>(common: string, work: () => Promise<T>): Promise<T> {
  const file = join(common, LOCK);
  await abortableWait(`the wait for the lock of '${common}' was ended`, signal =>
    waitUntil(() => take(file), { withinMs: Infinity, signal, check: 'costly' }),
  );
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Takes the lock. @returns false while another process has it. */
async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(`${process.pid} ${processStart(process.pid)}`);
    await handle.close();
    return true;
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    await removeStale(file);
    return false;
  }
}

async function removeStale(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null || (await isHeld(file, text))) return;
  // Another process may have replaced the lock meanwhile, which must then go back to its place.
  const aside = `${file}.${process.pid}`;
  await rename(file, aside).catch(() => undefined);
  const taken = await readFile(aside, 'utf8').catch(() => text);
  if (taken === text) await rm(aside, { force: true });
  else await rename(aside, file);
}

/** True when its holder lives, or may not have written its name yet. */
async function isHeld(file: string, text: string): Promise<boolean> {
  const [, pid, start] = /^(\d+) (.+)$/.exec(text) ?? [];
  if (pid !== undefined && start !== undefined) return isAlive(Number(pid), start);
  const stats = await stat(file).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs < NAMELESS_MS;
}
