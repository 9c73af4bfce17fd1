import * as v from 'valibot';

/** Schemas of single values that commands and records have in common. */

/** True for a text that can stand in a record, and in the words of a command. */
export const isWritable = (value: string): boolean => !/[\0\p{Surrogate}]/u.test(value);

export const text = (max: number) =>
  v.pipe(
    v.string('must be text'),
    v.maxLength(max, `must have at most ${max} characters`),
    v.check(isWritable, 'must have neither a NUL nor half of a surrogate pair'),
  );
export const nonEmpty = (max: number) => v.pipe(text(max), v.regex(/\S/, 'must not be empty'));
export const folder = v.pipe(text(4096), v.startsWith('/', 'must be an absolute path'));
export const seconds = v.pipe(
  v.number('must be a number of seconds'),
  v.finite('must be finite'),
  v.gtValue(0, 'must be above 0'),
  v.maxValue(31_536_000, 'must be at most a year'),
);
export const amount = v.pipe(
  v.number('must be a number'),
  v.finite('must be finite'),
  v.minValue(0, 'must not be negative'),
  v.maxValue(Number.MAX_SAFE_INTEGER, 'must be at most 2^53 - 1'),
);
const count = v.pipe(v.number('must be a number'), v.safeInteger('must be a whole number'));
export const atLeast = (min: number, max: number) =>
  v.pipe(count, v.minValue(min, `must be at least ${min}`), v.maxValue(max, `must be at most ${max}`));

/** The longest alias of a task, and the longest name of its runs, in characters. */
export const MAX_ALIAS_CHARS = 64;

/** The longest goal, command line or value of a variable, in UTF-16 code units. */
export const MAX_GOAL_CHARS = 64 * 1024;
