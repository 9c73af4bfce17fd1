/** Sums of money are made of whole billionths of a dollar: three times $0.10 is $0.30, and not a little more. */
const NANOS = 1_000_000_000;

/** The sum of amounts in dollars, to a billionth; exact up to nine million. */
export function sumUsd(amounts: Iterable<number>): number {
  let nanos = 0;
  for (const amount of amounts) nanos += Math.round(amount * NANOS);
  return nanos / NANOS;
}
