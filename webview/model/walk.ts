import type { Bar, Lane } from './lanes.ts';

export type Step = 'next' | 'previous' | 'up' | 'down' | 'first' | 'last';

/**
 * Returns the bar that the keyboard moves to: along its lane by start, or in the lane above or below, at about the same
 * moment.
 */
export function walk(lanes: readonly Lane[], from: Bar | null, step: Step): Bar | null {
  if (lanes.length === 0) return null;
  const at = from === null ? -1 : lanes.findIndex(lane => lane.worker === from.worker);
  const lane = lanes[at];
  if (lane === undefined || from === null) return lanes[0]!.bars[0] ?? null;
  const place = lane.bars.findIndex(bar => isSame(bar, from));
  switch (step) {
    case 'first':
      return lane.bars[0]!;
    case 'last':
      return lane.bars.at(-1)!;
    case 'next':
      return lane.bars[place + 1] ?? from;
    case 'previous':
      return lane.bars[Math.max(0, place - 1)] ?? from;
    case 'up':
      return at === 0 ? from : nearest(lanes[at - 1]!, from.start);
    case 'down':
      return at === lanes.length - 1 ? from : nearest(lanes[at + 1]!, from.start);
  }
}

/** Returns true for two bars of the same attempt, read at different times. */
export const isSame = (a: Bar, b: Bar): boolean =>
  a.index === b.index && a.attempt === b.attempt && a.worker === b.worker;

function nearest(lane: Lane, moment: number): Bar {
  return lane.bars.reduce((best, bar) =>
    Math.abs(bar.start - moment) < Math.abs(best.start - moment) ? bar : best,
  );
}
