import type { Reader } from './proposal.ts';
import { readActions } from './read-actions.ts';
import { readCargo } from './read-cargo.ts';
import { readGo } from './read-go.ts';
import { readJust } from './read-just.ts';
import { readMake } from './read-make.ts';
import { readComposer, readDeno, readTools } from './read-others.ts';
import { readPackages } from './read-packages.ts';
import { readPython, TEST_FILE } from './read-python.ts';

/** The readers, one per tool, in the order in which their subtasks are listed. */
export const READERS: readonly Reader[] = [
  readPackages,
  readDeno,
  readComposer,
  readMake,
  readJust,
  readCargo,
  readGo,
  readPython,
  readTools,
  readActions,
];

/** The depth of the test files that are read, to see what runs them. */
const MAX_TEST_DEPTH = 3;

/** True for a file whose text a reader needs. */
export function isRead(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/\.ya?ml$/.test(name) && path.startsWith('.github/')) return true;
  if (TEST_FILE.test(path)) return path.split('/').length <= MAX_TEST_DEPTH;
  return READERS.some(({ files }) => files !== readActions.files && files.test(name));
}
