import { git, gitLines, gitList } from '../../engine/runtime/git/git.ts';

/** The changes of an attempt, as git reports them: from the commit that it began at to the end of its branch. */

/** A file that was changed, by its paths from the top of the repository; one that is null was not there. */
export interface ChangedFile {
  readonly before: string | null;
  readonly after: string | null;
}

export interface Changes {
  /** The commits, as git names them whole. */
  readonly base: string;
  readonly tip: string;
  readonly files: readonly ChangedFile[];
}

/**
 * @param dir a folder of the repository
 * @param base a commit
 * @param branch the name of a branch
 * @throws WORKER_FAILED with git's own words where one of them is not there; NOT_SUPPORTED without git.
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

/** Reads a file as it was at a commit. @param commit as git names it whole */
export function contentAt(dir: string, commit: string, path: string): Promise<string> {
  return git(dir, 'cat-file', 'blob', `${commit}:${path}`);
}

/** Parses git's output: a letter, then one path, or two where the file was renamed or copied. */
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
