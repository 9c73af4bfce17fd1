import * as v from 'valibot';
import { text } from '../record/values.ts';

/** The maximum number of globs of one key. */
const MAX_GLOBS = 1_000;

const glob = v.pipe(
  text(1_024),
  // One expression, because JSON Schema has one for a text.
  v.regex(/^!?[^!/(\s]/, 'must be relative to the folder of the subtask, without a space before it'),
  v.check(isBelow, "may go up with '../' only at its beginning"),
);

/**
 * Globs of files, relative to the subtask's folder. One that begins with `!` excludes. A path without wildcards stands
 * for the file, or for all files in the folder.
 */
export const globsSchema = v.pipe(
  v.array(glob, 'must be a list of globs'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(MAX_GLOBS, `must have at most ${MAX_GLOBS} globs`),
  v.check(globs => globs.some(each => !each.startsWith('!')), 'must have a glob that does not exclude'),
);

function isBelow(text: string): boolean {
  return !/(?:^|\/)\.\.(?:\/|$)/.test(text.replace(/^!?(?:\.\.\/)*/, ''));
}
