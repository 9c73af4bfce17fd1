import { removeWorktree } from '../leftovers.ts';
import { dieAtCall } from './mortal-git.ts';
import { writeInWorktree } from './written-attempt.ts';

/**
 * Makes or removes a worktree, and dies at a call of git: `make NTH WHEN FOLDER REPO`, or `remove NTH WHEN FOLDER
 * NAME`; WHEN is `before` or `after`. Prints the number of calls when it survives.
 */
const [verb, nth, when, folder = '', of = ''] = process.argv.slice(2);
const calls = dieAtCall(Number(nth), when === 'before');
if (verb === 'make') await writeInWorktree(folder, of);
else await removeWorktree(folder, of, false);
process.stdout.write(String(calls()));
