import { scaleUtc } from 'd3-scale';
import { duration } from '../../engine/contract/format.ts';

/** The visible part of the time, in seconds since the fan-out was opened. */
export interface Domain {
  readonly from: number;
  readonly to: number;
}

export interface Tick {
  readonly x: number;
  readonly label: string;
}

export interface TimeAxis {
  readonly x: (secs: number) => number;
  readonly secsAt: (x: number) => number;
  readonly ticks: readonly Tick[];
}

/** Places elapsed time like the time of a day, so that ticks fall on seconds, minutes and hours. */
export function timeAxis(domain: Domain, widthPx: number): TimeAxis {
  const scale = scaleUtc([domain.from * 1000, domain.to * 1000], [0, widthPx]);
  const count = Math.max(2, Math.floor(widthPx / 90));
  const ticks = scale.ticks(count).map(date => ({ x: scale(date), label: tickLabel(date.getTime() / 1000) }));
  return { x: secs => scale(secs * 1000), secsAt: x => scale.invert(x).getTime() / 1000, ticks };
}

function tickLabel(secs: number): string {
  return duration(secs).replace(/ 0+[smh]$/, '');
}

/** The shortest visible time, in seconds. */
const LEAST_SECS = 0.02;

/** Zooms by the factor around `anchor`, within the whole. A factor below 1 zooms in. */
export function zoom(domain: Domain, factor: number, anchor: number, whole: Domain): Domain {
  const least = Math.min(LEAST_SECS, whole.to - whole.from);
  const length = Math.min(whole.to - whole.from, Math.max(least, (domain.to - domain.from) * factor));
  const share = (anchor - domain.from) / (domain.to - domain.from || 1);
  return within(anchor - share * length, length, whole);
}

/** Moves by a share of the visible part. */
export function pan(domain: Domain, share: number, whole: Domain): Domain {
  const length = domain.to - domain.from;
  return within(domain.from + share * length, length, whole);
}

function within(from: number, length: number, whole: Domain): Domain {
  const start = Math.min(Math.max(whole.from, from), Math.max(whole.from, whole.to - length));
  return { from: start, to: start + length };
}
