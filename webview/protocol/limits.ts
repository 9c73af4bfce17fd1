import * as v from 'valibot';

/** A count, an index or a number of an attempt. */
export const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** The most characters of a text in a row. The whole text is in the documents of the JSON export. */
export const MAX_TEXT_CHARS = 2000;
/** The most entries of a list in a row. */
export const MAX_LISTED = 200;

/** Cuts a text that is longer than `MAX_TEXT_CHARS`. */
export function cut<T extends string | null>(text: T): T | string {
  return text !== null && text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS - 1)}…` : text;
}
