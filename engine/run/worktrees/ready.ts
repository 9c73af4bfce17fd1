import { FleetError } from '../../errors.ts';
import { checkoutOf, isOfOther, trackedChangesIn } from './checkout.ts';
import type { WorktreeSettings } from './worktree.ts';

const MAX_NAMED = 3;

/**
 * Checks what attempts need of the repository that a folder is in, once, before anything starts. New files alone are no
 * hindrance: no commit has them. A folder that is missing, and a repository that git does not trust here, are for the attempt
 * to tell: its worker may see another one.
 *
 * @throws CONFLICT, with the way out, where there is no repository, no commit, or where changes would be left out.
 */
export async function requireReady(dir: string, { dirty }: Pick<WorktreeSettings, 'dirty'>): Promise<void> {
  try {
    const { top } = await checkoutOf(dir);
    const changes = dirty === 'refuse' ? await trackedChangesIn(top) : [];
    if (changes.length > 0) throw uncommitted(top, changes);
  } catch (fault) {
    if (!FleetError.is(fault, 'WORKER_FAILED')) throw fault;
    if (isOfOther(fault) || fault.hint === undefined) return;
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
    `'${top}' has changes that are not committed, which a worktree would be without: ${changes.slice(0, MAX_NAMED).join(', ')}${more}`,
    {
      details: { top, changes: changes.length },
      hint: 'Commit them, or choose in config.toml: [worktree] dirty = "carry" takes them along, "stash" puts them away.',
    },
  );
}
