/**
 * Fractions in an expression are decimal, as people write them: 0.1 + 0.2 is 0.3. Each result of binary arithmetic is
 * rounded to the decimal that it represents. Both roundings are monotone.
 */

const NANOS = 1_000_000_000;
/** The limit above which billionths of a double are no longer whole numbers. */
const MAX_EXACT = Number.MAX_SAFE_INTEGER / NANOS;
/** The number of significant digits that every double preserves. */
const DIGITS = 15;

/** Rounds a sum or a difference to a billionth, which also corrects cancellation errors. */
export function roundedSum(value: number): number {
  return Math.abs(value) < MAX_EXACT ? Math.round(value * NANOS) / NANOS : roundedProduct(value);
}

/** Rounds a product or a quotient to fifteen digits. */
export function roundedProduct(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
