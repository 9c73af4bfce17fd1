import { FleetError } from '../../errors.ts';
import { changedSubmodulesIn, changesIn, conflictsIn, type Checkout } from './checkout.ts';
import { git, gitPaths, gitWith, listOf, readable } from '../git/git.ts';
import { commitOf, treeOf, withTemporaryIndex } from './temporary-index.ts';

/** The starting point of an attempt. */
export interface PreparedBase {
  /** The commit. */
  readonly base: string;
  /** The submodules, as readable text, whose uncommitted changes were not carried: a commit contains none of them. */
  readonly behind: readonly string[];
}

/**
 * Carries or stashes the uncommitted changes of a checkout. With `refuse` the submission of the attempts has already
 * checked for changes.
 * @param folder the place of temporary files
 * @param title names the attempt
 * @returns the start of the attempt.
 */
export async function prepareBase(
  checkout: Checkout,
  how: 'refuse' | 'stash' | 'carry',
  folder: string,
  title: string,
): Promise<PreparedBase> {
  const { top, head } = checkout;
  const nothing = { base: head, behind: [] };
  if (how === 'refuse') return nothing;
  const changes = await changesIn(top);
  if (changes.length === 0) return nothing;
  requireMerged(top, conflictsIn(changes));
  if (how === 'carry') {
    const base = await carried(checkout, folder, title);
    return { base, behind: (await changedSubmodulesIn(top)).map(readable) };
  }
  await addIntended(top);
  await stash(top, `spl: before ${title}`);
  return nothing;
}

/** Commits all changed and new files, without a change to the checkout or its index. */
async function carried({ top, head }: Checkout, folder: string, title: string): Promise<string> {
  const tree = await withTemporaryIndex(top, folder, given => treeOf(top, given));
  const [former = ''] = (await git(top, 'rev-parse', `${head}^{tree}`)).split('\n');
  if (tree === former) return head;
  return commitOf(top, tree, head, `spl: what was not committed when ${title} began`);
}

/** The number of attempts to stash; git's error does not say whether another git held the index. */
const TRIES = 3;

async function stash(top: string, message: string): Promise<void> {
  for (let n = 1; ; n++) {
    // This command waits for the lock of the index, and reports it.
    await git(top, 'update-index', '-q', '--refresh');
    try {
      await git(top, 'stash', 'push', '--quiet', '--include-untracked', '-m', message);
      return;
    } catch (error) {
      if (n === TRIES) throw error;
    }
  }
}

/** Stages the files that were marked with `git add --intent-to-add`, which git does not stash. */
async function addIntended(top: string): Promise<void> {
  const options = ['--name-only', '--diff-filter=A', '--no-ext-diff', '--ignore-submodules=none', '-z'];
  const paths = await gitPaths(top, 'diff', ...options);
  if (paths.length === 0) return;
  const input = listOf(paths.map(path => `:(top,literal)${path}`));
  await gitWith(top, { input }, 'add', '--sparse', '--pathspec-from-file=-', '--pathspec-file-nul');
}

function requireMerged(top: string, conflicts: readonly string[]): void {
  if (conflicts.length === 0) return;
  throw new FleetError(
    'WORKER_FAILED',
    `'${top}' is in a merge with conflicts: ${conflicts.slice(0, 5).join(', ')}`,
    {
      details: { top, paths: conflicts },
      hint: 'Resolve the conflicts, or abort the merge: git merge --abort.',
    },
  );
}
