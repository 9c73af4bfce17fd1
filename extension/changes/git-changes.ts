import { git, gitLines, gitList } from '../../engine/runtime/git/git.ts';

/** The changes of an attempt, as git reports them: from the commit at which it began to the end of its branch. */

/** A changed file, with its paths from the top of the repository. A path is null on the side that lacks the file. */
export interface ChangedFile {
  readonly before: string | null;
  readonly after: string | null;
}

export interface Changes {
  /** The commits, by their full hashes. */
  readonly base: string;
  readonly tip: string;
  readonly files: readonly ChangedFile[];
}

/**
 * Returns the changes between a commit and a branch.
 * @param dir a folder of the repository
 * @param base a commit
 * @param branch the name of a branch
 * @throws WORKER_FAILED with git's own message if the folder, commit or branch does not exist; NOT_SUPPORTED without
 * git
 */
export async function changesOf(dir: string, base: string, branch: string): Promise<Changes> {
  const commits = [`${base}^{commit}`, `refs/heads/${branch}^{commit}`];
  const [from = '', to = ''] = await Promise.all(
    commits.map(
      async name => (await gitLines(dir, 'rev-parse', '--verify', '--quiet', '--end-of-options', name))[0],
    ),
  );
  const entries = await gitList(dir, 'diff', '--name-status', '-z', '--find-renames', from, to, '--');
  return { base: from, tip: to, files: [...changedFiles(entries)] };
}

/** Reads a file as it was at a commit. @param commit its full hash */
export function contentAt(dir: string, commit: string, path: string): Promise<string> {
  return git(dir, 'cat-file', 'blob', `${commit}:${path}`);
}

/** Parses git's output: a letter, then one path, or two paths for a renamed or copied file. */
function* changedFiles(entries: readonly string[]): Generator<ChangedFile> {
  for (let at = 0; at + 1 < entries.length;) {
    const [status = '', first = '', second = ''] = entries.slice(at, at + 3);
    if (/^[RC]/.test(status)) {
      yield { before: first, after: second };
      at += 3;
    } else {
      yield { before: status === 'A' ? null : first, after: status === 'D' ? null : first };
      at += 2;
    }
  }
}
