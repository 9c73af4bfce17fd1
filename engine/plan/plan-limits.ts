/** The length of the longest plan, in UTF-16 code units. */
export const MAX_PLAN_CHARS = 8 * 1024 * 1024;
