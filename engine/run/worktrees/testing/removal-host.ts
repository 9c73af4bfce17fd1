import { removeWorktree } from '../leftovers.ts';

/** A process that removes a worktree, for tests that end it on the way: `removal-host FOLDER NAME`. */
const [folder = '', name = ''] = process.argv.slice(2);
const { branchKept } = await removeWorktree(folder, name, false);
process.stdout.write(branchKept ? 'kept\n' : 'gone\n');
