import { timeAxis, type Domain } from './axis.ts';
import { fitName, fitText } from './format.ts';
import type { Bar, Lane } from './lanes.ts';
import { PATTERNS, SIGNS, type Look, type Pattern } from './looks.ts';
import { isSame } from './walk.ts';

/**
 * The timeline as shapes, in pixels, for the canvas and for exported pictures. Only visible parts become shapes. Bars
 * too narrow to distinguish are merged into one.
 */

export type Ink = 'text' | 'muted' | 'rule' | 'accent' | 'band' | Look;

export type Shape =
  | {
      readonly kind: 'bar';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly look: Look;
      readonly pattern: Pattern;
      /** True for an attempt that ended after the join, or was replaced by a later one. */
      readonly faint: boolean;
      /** True for a running attempt: its right end is open. */
      readonly open: boolean;
    }
  | {
      readonly kind: 'ring';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
    }
  | { readonly kind: 'band'; readonly y: number; readonly height: number }
  | {
      readonly kind: 'line';
      readonly x1: number;
      readonly y1: number;
      readonly x2: number;
      readonly y2: number;
      readonly ink: Ink;
      readonly thick: number;
      readonly dashed: boolean;
    }
  | { readonly kind: 'diamond'; readonly x: number; readonly y: number; readonly ink: Ink }
  | {
      readonly kind: 'text';
      readonly x: number;
      /** The vertical middle of the text. */
      readonly y: number;
      readonly text: string;
      readonly ink: Ink;
      readonly align: 'left' | 'center' | 'right';
      readonly bold: boolean;
    };

export interface Scene {
  readonly width: number;
  readonly height: number;
  /** The shapes below the axis. They scroll, and are cut at the top. */
  readonly body: readonly Shape[];
  /** The shapes that stay at the top, over the body. */
  readonly head: readonly Shape[];
}

export interface Sight {
  readonly width: number;
  readonly height: number;
  readonly scrollTop: number;
  readonly domain: Domain;
}

export interface Subject {
  readonly lanes: readonly Lane[];
  /** The zero of the axis, in unix seconds. */
  readonly originUnix: number;
  readonly nowUnix: number;
  readonly joinedUnix: number | null;
  /** The label at the moment of the join. */
  readonly joinLabel: string;
  readonly critical: readonly number[];
  /** The bar with the keyboard focus. */
  readonly active: Bar | null;
  /** The subtask whose detail is shown. */
  readonly selected: number | null;
}

export const AXIS_PX = 26;
const TRACK_PX = 20;
const BAR_PX = 14;
const LANE_PAD_PX = 5;
const CHAR_PX = 6.4;
/** The least width of a bar with a sign, and of one with a name. */
const SIGN_FROM_PX = 16;
const NAME_FROM_PX = 46;
/** The width of an attempt that was lost with its worker and whose start is unknown: its sign stands before its end. */
const LOST_PX = SIGN_FROM_PX;

export const gutterOf = (widthPx: number): number => Math.round(Math.min(132, Math.max(76, widthPx * 0.15)));

export const laneHeight = (lane: Lane): number => lane.tracks.length * TRACK_PX + 2 * LANE_PAD_PX;

/** Returns the height of all lanes, without the axis. */
export const lanesHeight = (lanes: readonly Lane[]): number =>
  lanes.reduce((sum, lane) => sum + laneHeight(lane), 0);

export function sceneOf(subject: Subject, sight: Sight): Scene {
  const gutter = gutterOf(sight.width);
  const axis = timeAxis(sight.domain, sight.width - gutter - 8);
  const x = (unix: number): number => gutter + axis.x(unix - subject.originUnix);
  const places = placesOf(subject.lanes, sight);
  const body: Shape[] = [];
  for (const [order, { lane, top }] of places.entries()) {
    if (order % 2 === 0) body.push({ kind: 'band', y: top, height: laneHeight(lane) });
  }
  for (const tick of axis.ticks) {
    body.push(line(gutter + tick.x, AXIS_PX, gutter + tick.x, sight.height, 'rule'));
  }
  const spots: Spot[] = [];
  for (const place of places) drawLane(place, { subject, sight, x, gutter, body, spots });
  drawCritical(subject, spots, body);
  for (const { lane, top } of places) {
    const text = fitName(lane.worker, gutter - 14, CHAR_PX);
    const y = top + LANE_PAD_PX + TRACK_PX / 2;
    body.push({ kind: 'text', x: 10, y, text, ink: 'text', align: 'left', bold: false });
  }
  return {
    width: sight.width,
    height: sight.height,
    body: [...body, ...joinLine(subject, sight, x, gutter)],
    head: headOf(subject, sight, axis.ticks, x, gutter),
  };
}

/** Returns true for an attempt of which only the moment is known at which it was lost with its worker. */
export const isLostMoment = ({ lost, start, end }: Bar): boolean => lost && start === end;

/** Returns the bar at a point, or the later of two that overlap; null if there is none. */
export function barAt(subject: Subject, sight: Sight, atX: number, atY: number): Bar | null {
  const gutter = gutterOf(sight.width);
  if (atX < gutter || atY < AXIS_PX) return null;
  const axis = timeAxis(sight.domain, sight.width - gutter - 8);
  for (const { lane, top } of placesOf(subject.lanes, sight)) {
    const track = lane.tracks[Math.floor((atY - top - LANE_PAD_PX) / TRACK_PX)];
    if (atY < top || atY >= top + laneHeight(lane) || track === undefined) continue;
    // For the pointer, a bar extends by two pixels on each side.
    const [left, right] = [axis.secsAt(atX - gutter - 2), axis.secsAt(atX - gutter + 2)];
    const signed = track[lastBefore(track, axis.secsAt(atX - gutter + LOST_PX) + subject.originUnix)];
    if (signed !== undefined && isLostMoment(signed) && signed.start >= left + subject.originUnix)
      return signed;
    for (let at = lastBefore(track, right + subject.originUnix); at >= 0; at -= 1) {
      const bar = track[at]!;
      return (bar.end ?? subject.nowUnix) >= left + subject.originUnix ? bar : null;
    }
  }
  return null;
}

/** Returns the place of a bar, in pixels of the unscrolled body; null if there is no such bar. */
export function topOf(lanes: readonly Lane[], bar: Bar): { top: number; height: number } | null {
  let top = 0;
  for (const lane of lanes) {
    if (lane.worker === bar.worker) {
      const track = lane.tracks.findIndex(bars => bars.some(other => isSame(other, bar)));
      return track < 0 ? null : { top: top + LANE_PAD_PX + track * TRACK_PX, height: TRACK_PX };
    }
    top += laneHeight(lane);
  }
  return null;
}

interface Place {
  readonly lane: Lane;
  /** The place in the picture: below the axis, moved by the scrolling. */
  readonly top: number;
}

function placesOf(lanes: readonly Lane[], sight: Sight): readonly Place[] {
  const places: Place[] = [];
  let top = AXIS_PX - sight.scrollTop;
  for (const lane of lanes) {
    const height = laneHeight(lane);
    if (top + height >= AXIS_PX && top <= sight.height) places.push({ lane, top });
    top += height;
  }
  return places;
}

interface Spot {
  readonly index: number;
  readonly x: number;
  readonly end: number;
  readonly y: number;
}

interface Drawing {
  readonly subject: Subject;
  readonly sight: Sight;
  readonly x: (unix: number) => number;
  readonly gutter: number;
  readonly body: Shape[];
  /** The places of the present attempts on the critical path. */
  readonly spots: Spot[];
}

function drawLane({ lane, top }: Place, drawing: Drawing): void {
  for (const [number, track] of lane.tracks.entries()) {
    const y = top + LANE_PAD_PX + number * TRACK_PX + (TRACK_PX - BAR_PX) / 2;
    if (y + BAR_PX < AXIS_PX || y > drawing.sight.height) continue;
    drawTrack(track, y, drawing);
  }
}

function drawTrack(track: readonly Bar[], y: number, drawing: Drawing): void {
  const { subject, sight, x, gutter, body, spots } = drawing;
  const right = sight.width - 8;
  const critical = new Set(subject.critical);
  const narrow: Narrow[] = [];
  const first = firstAfter(track, subject.originUnix + sight.domain.from, subject.nowUnix);
  for (let at = first; at < track.length; at += 1) {
    const bar = track[at]!;
    const isMoment = isLostMoment(bar);
    const from = x(bar.start) - (isMoment ? LOST_PX : 0);
    if (from > right) break;
    const to = x(bar.end ?? subject.nowUnix);
    const [left, end] = [Math.max(gutter, from), Math.min(right, to)];
    const isCritical = bar.present && critical.has(bar.index);
    if (isCritical) spots.push({ index: bar.index, x: left, end, y: y + BAR_PX + 1.5 });
    const marked = isMarked(bar, subject);
    if (end - left < 2 && !marked && !isMoment) {
      addNarrow(narrow, bar.look, left, Math.max(end, left + 1));
      continue;
    }
    drawBar(bar, { left, end: Math.max(end, left + 1.5), y, marked }, body);
  }
  for (const { from, to, look } of narrow) body.push(barShape(from, to, y, look, false, false));
}

/** Adjacent bars that are too narrow to distinguish. */
interface Narrow {
  readonly look: Look;
  readonly from: number;
  to: number;
}

/** Merges a bar with an adjacent one of the same look. */
function addNarrow(narrow: Narrow[], look: Look, from: number, to: number): void {
  const last = narrow.at(-1);
  if (last?.look === look && from - last.to < 1) last.to = Math.max(last.to, to);
  else narrow.push({ look, from, to });
}

function drawBar(
  bar: Bar,
  { left, end, y, marked }: { left: number; end: number; y: number; marked: boolean },
  body: Shape[],
): void {
  const width = end - left;
  const faint = bar.afterJoin || !bar.present;
  body.push(barShape(left, width > 4 ? end - 1 : end, y, bar.look, faint, bar.end === null));
  const middle = y + BAR_PX / 2;
  const sign = { kind: 'text', y: middle, ink: 'text', align: 'left', bold: true } as const;
  if (width >= SIGN_FROM_PX) body.push({ ...sign, x: left + 5, text: SIGNS[bar.look] });
  const name = width < NAME_FROM_PX ? '' : fitText(bar.label, width - 24, CHAR_PX);
  if (name !== '') body.push({ ...sign, x: left + 18, text: name, bold: false });
  if (marked) body.push({ kind: 'ring', x: left, y, width, height: BAR_PX });
}

function barShape(from: number, to: number, y: number, look: Look, faint: boolean, open: boolean): Shape {
  const pattern = PATTERNS[look];
  return {
    kind: 'bar',
    x: from,
    y,
    width: Math.max(1, to - from),
    height: BAR_PX,
    look,
    pattern,
    faint,
    open,
  };
}

/** Draws a thick line under the attempts of the critical path, and thin ones between them. */
function drawCritical({ critical }: Subject, spots: readonly Spot[], body: Shape[]): void {
  const spotOf = new Map(spots.map(spot => [spot.index, spot]));
  for (const spot of spots)
    body.push(line(spot.x, spot.y, Math.max(spot.end, spot.x + 2), spot.y, 'text', 2.5));
  for (const [at, index] of critical.entries()) {
    const [here, next] = [spotOf.get(index), spotOf.get(critical[at + 1] ?? -1)];
    if (here === undefined || next === undefined) continue;
    body.push(line(here.end, here.y, next.x, here.y, 'text', 1, true));
    body.push(line(next.x, here.y, next.x, next.y, 'text', 1, true));
  }
}

function joinLine(
  { joinedUnix }: Subject,
  sight: Sight,
  x: (unix: number) => number,
  gutter: number,
): readonly Shape[] {
  if (joinedUnix === null) return [];
  const at = x(joinedUnix);
  if (at < gutter - 1 || at > sight.width) return [];
  return [line(at, AXIS_PX - 4, at, sight.height, 'accent', 1.5)];
}

function headOf(
  { joinedUnix, joinLabel }: Subject,
  sight: Sight,
  ticks: readonly { x: number; label: string }[],
  x: (unix: number) => number,
  gutter: number,
): readonly Shape[] {
  const head: Shape[] = [line(0, AXIS_PX - 0.5, sight.width, AXIS_PX - 0.5, 'rule')];
  const joinX = joinedUnix === null ? null : x(joinedUnix);
  const labelWidth = joinLabel.length * CHAR_PX + 16;
  const onLeft = joinX !== null && joinX + labelWidth > sight.width;
  const [from, to] =
    joinX === null ? [-1, -1] : onLeft ? [joinX - labelWidth, joinX + 8] : [joinX - 8, joinX + labelWidth];
  for (const tick of ticks) {
    const at = gutter + tick.x;
    const half = (tick.label.length * CHAR_PX) / 2;
    if (at + half > sight.width || (joinX !== null && at + half > from && at - half < to)) continue;
    head.push({ kind: 'text', x: at, y: 12, text: tick.label, ink: 'muted', align: 'center', bold: false });
  }
  if (joinX !== null && joinX >= gutter - 1 && joinX <= sight.width) {
    const text = { kind: 'text', y: 12, text: joinLabel, ink: 'accent', bold: true } as const;
    head.push({ kind: 'diamond', x: joinX, y: 12, ink: 'accent' });
    head.push({ ...text, x: joinX + (onLeft ? -9 : 9), align: onLeft ? 'right' : 'left' });
  }
  return head;
}

const isMarked = (bar: Bar, { active, selected }: Subject): boolean =>
  (active !== null && isSame(bar, active)) || (active === null && bar.present && bar.index === selected);

const line = (
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  ink: Ink,
  thick = 1,
  dashed = false,
): Shape => ({
  kind: 'line',
  x1,
  y1,
  x2,
  y2,
  ink,
  thick,
  dashed,
});

/** Returns the index of the first bar of a track that ends at or after the moment. */
function firstAfter(track: readonly Bar[], moment: number, nowUnix: number): number {
  let [low, high] = [0, track.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((track[middle]!.end ?? nowUnix) < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the index of the last bar of a track that starts at or before the moment; -1 if none does. */
function lastBefore(track: readonly Bar[], moment: number): number {
  let [low, high] = [0, track.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (track[middle]!.start <= moment) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
