import * as v from 'valibot';

/** A line of the file with mocha's progress inside an extension host. */
const toldSchema = v.variant('event', [
  v.object({ event: v.literal('begun'), title: v.string() }),
  v.object({ event: v.literal('passed'), title: v.string(), ms: v.number() }),
  v.object({ event: v.literal('failed'), title: v.string(), error: v.string() }),
  v.object({ event: v.literal('skipped'), title: v.string() }),
  v.object({ event: v.literal('finished') }),
]);

export type Told = v.InferOutput<typeof toldSchema>;

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Reads the reports of a run. Skips a line that was cut off when its process ended. */
export function readTold(text: string): readonly Told[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => v.parse(toldSchema, JSON.parse(line)));
}

/**
 * Counts the results of a run. A run is good only if it ended in order, was complete, and passed a test. A bad run
 * without a failed test counts as one failure.
 */
export function countOf(
  told: readonly Told[],
  exitCode: number,
): { readonly counts: Counts; readonly fault?: string } {
  const count = (event: Told['event']): number => told.filter(each => each.event === event).length;
  const counts = { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
  const fault = faultOf(told, counts, exitCode);
  return fault === undefined || counts.failed > 0 ? { counts } : { counts: { ...counts, failed: 1 }, fault };
}

function faultOf(told: readonly Told[], counts: Counts, exitCode: number): string | undefined {
  const last = told.at(-1);
  if (last === undefined) return 'no test has begun';
  if (last.event === 'begun') return `it ended in the midst of: ${last.title}`;
  if (last.event !== 'finished') return 'it ended before mocha had finished';
  if (counts.passed === 0 && counts.failed === 0) return 'no test has passed';
  if (exitCode !== 0 && counts.failed === 0) return `the editor ended with ${exitCode}`;
  return undefined;
}
