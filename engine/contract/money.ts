/** Amounts are added as whole billionths of a dollar, so that three times $0.10 is exactly $0.30. */
const NANOS = 1_000_000_000;

/** Returns the sum of amounts in dollars, to a billionth. Exact up to nine million dollars. */
export function sumUsd(amounts: Iterable<number>): number {
  let nanos = 0;
  for (const amount of amounts) nanos += Math.round(amount * NANOS);
  return nanos / NANOS;
}
