/**
 * Fractions in an expression are decimal, as people write them: 0.1 + 0.2 is 0.3. Each result of binary arithmetic is rounded
 * to the decimal that it stands for. Both roundings are monotone.
 */

const NANOS = 1_000_000_000;
/** Beyond this, billionths of a double are no whole numbers any more. */
const MAX_EXACT = Number.MAX_SAFE_INTEGER / NANOS;
/** As many significant digits as every double keeps. */
const DIGITS = 15;

/** Rounds a sum or a difference to a billionth, which also mends what cancels out. */
export function roundedSum(value: number): number {
  return Math.abs(value) < MAX_EXACT ? Math.round(value * NANOS) / NANOS : roundedProduct(value);
}

/** Rounds a product or a quotient to fifteen digits. */
export function roundedProduct(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
