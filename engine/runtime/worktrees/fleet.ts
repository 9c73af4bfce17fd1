import type { WorktreeRemove } from '../../contract/commands.ts';
import type { WorktreeDocument, WorktreeRemoved, WorktreesDocument } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import type { Instance } from '../../domain/model/state.ts';
import { homePaths } from '../../home/paths.ts';
import { isAlive } from '../../system/process-table.ts';
import { removeWorktree } from './leftovers.ts';
import type { WorktreeOwner } from './names.ts';
import { readNotes, type WorktreeNote } from './notes.ts';

type Workers = Iterable<Pick<Instance, 'alias' | 'role' | 'home'>>;

/** Returns the worktrees in the homes of a fleet's workers, running or not, by worker and name. */
export async function worktreesOf(instances: Workers): Promise<WorktreesDocument> {
  const worktrees: WorktreeDocument[] = [];
  for (const { alias, role, home } of instances) {
    if (role !== 'worker') continue;
    for (const [name, note] of await readNotes(homePaths(home).worktreesDir)) {
      const { dir, top, branch, base, task, index, attempt, state, made_unix } = note;
      const made = { branch, base, task, subtask: index, attempt, state, made_unix };
      worktrees.push({ name, worker: alias, dir, repository: top, ...made });
    }
  }
  return { worktrees };
}

/**
 * Removes one of them.
 * @param isRunning true while a worker runs the attempt
 * @throws NOT_FOUND, also when several have the name; and what `removeWorktree` throws.
 */
export async function removeWorktreeOf(
  instances: Workers,
  input: WorktreeRemove,
  isRunning: (attempt: WorktreeOwner) => boolean,
): Promise<WorktreeRemoved> {
  const all = [...instances];
  const { worktrees } = await worktreesOf(all);
  const named = worktrees.filter(({ name, branch, dir }) => [name, branch, dir].includes(input.worktree));
  const [found] = named;
  if (found === undefined || named.length > 1)
    throw new FleetError(
      'NOT_FOUND',
      found === undefined
        ? `no worktree is named '${input.worktree}'`
        : `'${input.worktree}' is the name of ${named.length} worktrees`,
      {
        details: { worktree: input.worktree },
        hint: 'List them with: spl worktree list. A folder identifies one worktree.',
      },
    );
  const { home } = all.find(({ alias }) => alias === found.worker)!;
  const isInUse = (note: WorktreeNote): boolean =>
    note.pid_start !== null && isAlive(note.pid, note.pid_start) && isRunning(note);
  const { worktreesDir } = homePaths(home);
  const { branch, branchKept, gone } = await removeWorktree(worktreesDir, found.name, input.force, isInUse);
  const ignored = gone === null ? {} : { ignored_files: gone.count, ignored_bytes: gone.bytes };
  return { name: found.name, branch, branch_kept: branchKept, ...ignored };
}
