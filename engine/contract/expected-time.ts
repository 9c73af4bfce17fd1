import type { RunsDocument } from './documents.ts';

/** Returns the median time of the runs that passed at once; null without one. */
export function expectedSecs(runs: RunsDocument['runs']): number | null {
  const walls = runs.flatMap(each =>
    each.outcome === 'satisfied' && each.round === 1 ? [each.wall_secs] : [],
  );
  return walls.sort((a, b) => a - b)[walls.length >> 1] ?? null;
}
