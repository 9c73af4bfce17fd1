import * as v from 'valibot';
import { notAList } from '../record/not-a-list.ts';

/** The maximum size of an environment, in UTF-16 code units of its names and values. Operating systems allow less. */
const MAX_CHARS = 4 * 1024 * 1024;

const withoutNul = v.pipe(
  v.string('must be text'),
  v.check(text => !text.includes('\0'), 'must have no NUL'),
);

/** The complete environment of a process. No record and no answer contains it. */
export const environmentSchema = v.pipe(
  notAList(
    v.record(
      v.pipe(withoutNul, v.regex(/^[^=]+$/, 'must be the name of a variable')),
      withoutNul,
      'must be an object of texts',
    ),
    'must be an object of texts',
  ),
  v.check(
    environment => Object.entries(environment).join('').length <= MAX_CHARS,
    `must have at most ${MAX_CHARS} characters`,
  ),
);
