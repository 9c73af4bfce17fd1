import { FleetError } from '../../errors.ts';
import { checkoutOf, isOwnershipFault, trackedChangesIn } from './checkout.ts';
import { readable } from '../git/git.ts';
import type { WorktreeSettings } from './worktree.ts';

const MAX_NAMED = 3;

/**
 * Checks the repositories of a fan-out's folders before anything starts.
 * @returns a sentence for each repository that git does not trust; it can still be trusted before its attempts start.
 * @throws CONFLICT as `requireReady` for everything else.
 */
export async function untrustedRepositories(
  folders: readonly string[],
  settings: Pick<WorktreeSettings, 'dirty'>,
): Promise<readonly string[]> {
  const sentences: string[] = [];
  for (const folder of folders)
    try {
      await requireReady(folder, settings);
    } catch (fault) {
      if (!isOwnershipFault(fault)) throw fault;
      sentences.push(`${fault.message}. ${fault.hint}`);
    }
  return sentences;
}

/**
 * Checks the repository of a folder for the needs of attempts. New files are allowed: no commit has them. A missing
 * folder is left to the attempt, because its worker may see another file system.
 * @throws CONFLICT with a way out when there is no repository or no commit, when git does not trust the repository, or
 * when changes would be left out.
 */
export async function requireReady(dir: string, { dirty }: Pick<WorktreeSettings, 'dirty'>): Promise<void> {
  try {
    const { top } = await checkoutOf(dir);
    const changes = dirty === 'refuse' ? await trackedChangesIn(top) : [];
    if (changes.length > 0)
      throw uncommitted(
        top,
        changes.map(({ path }) => readable(path)),
      );
  } catch (fault) {
    if (!FleetError.is(fault, 'WORKER_FAILED')) throw fault;
    if (fault.hint === undefined) return;
    throw new FleetError('CONFLICT', fault.message, {
      details: { ...fault.details, dir },
      hint: fault.hint,
      cause: fault,
    });
  }
}

function uncommitted(top: string, changes: readonly string[]): FleetError {
  const more = changes.length > MAX_NAMED ? `, and ${changes.length - MAX_NAMED} more` : '';
  return new FleetError(
    'CONFLICT',
    `'${top}' has uncommitted changes, which a worktree would not contain: ${changes.slice(0, MAX_NAMED).join(', ')}${more}`,
    {
      details: { top, changes: changes.length },
      hint: 'Commit them, or set [worktree] dirty in config.toml: "carry" copies them into the worktree, "stash" stashes them.',
    },
  );
}
