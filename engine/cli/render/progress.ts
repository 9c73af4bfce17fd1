import type { ChildDocument, JoinStatus } from '../../contract/documents.ts';
import type { Colours } from './colours.ts';
import { duration, oneLine, printable } from '../../contract/format.ts';
import { childState, countsText } from './join.ts';

/** The number of running subtasks that are listed below the bar. */
const LISTED = 8;
const BAR_CELLS = 24;

export interface ProgressView {
  /** The time since the watching began. */
  readonly elapsedSecs: number;
  /** The age of the document, which is added to running times. */
  readonly ageSecs: number;
  /** The width of the terminal, which no line exceeds. */
  readonly columns: number;
}

/** Returns a progress bar and the running subtasks, for a terminal that is redrawn in place. */
export function progressLines(join: JoinStatus, view: ProgressView, colours: Colours): readonly string[] {
  const running = join.children.filter(({ state }) => state === 'running');
  const more = running.length - LISTED;
  const width = Math.max(20, view.columns - 1);
  const head = `${bar(join)} ${join.completed}/${join.subtasks - join.follow_ups}`;
  const rest = ` ${join.alias} · ${countsText(join.counts)} · ${duration(Math.floor(view.elapsedSecs))}`;
  return [
    `${colours.cyan(head)}${oneLine(rest, Math.max(1, width - head.length)).replace(/^/, ' ')}`,
    ...running.slice(0, LISTED).map(child => runningLine(child, view.ageSecs, width)),
    ...(more > 0 ? [oneLine(`  … and ${more} more`, width)] : []),
    ...Array.from(waits(join).values(), text => `  ${oneLine(`· ${text}`, width - 2)}`).slice(0, TOLD_WAITS),
    ...(join.echo === null ? [] : [`  ${colours.yellow(oneLine(`⚠ ${join.echo}`, width - 2))}`]),
  ];
}

function bar({ completed, subtasks, follow_ups: followUps }: JoinStatus): string {
  const full = subtasks === 0 ? 0 : Math.floor((completed / (subtasks - followUps)) * BAR_CELLS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
}

function runningLine(child: ChildDocument, ageSecs: number, width: number): string {
  const silent = child.stalled_secs === null ? '' : `, ${silence(child.stalled_secs)}`;
  const tail = `  ${child.worker ?? '–'}  ${duration(Math.floor(child.wall_time_secs + ageSecs))}${silent}`;
  const head = `  [${child.index}] `;
  const room = Math.max(8, width - head.length - tail.length);
  return `${head}${oneLine(child.name ?? child.goal, room)}${tail}`;
}

const silence = (secs: number): string => `no sign of life for ${duration(secs)}`;

/** Returns a line for each attempt without a sign of life, keyed by the attempt. */
export function silences({ children }: JoinStatus): ReadonlyMap<string, string> {
  return new Map(
    children.flatMap(({ index, attempt, name, goal, stalled_secs: secs }) =>
      secs === null
        ? []
        : [[`silent ${index}/${attempt}`, `[${index}] ${oneLine(name ?? goal, 80)}: ${silence(secs)}`]],
    ),
  );
}

/** The most reasons to wait that are shown below the bar. */
const TOLD_WAITS = 3;

/**
 * Returns the reasons why subtasks without unfinished dependencies wait, keyed by the reason without its numbers.
 * @param isMeant false for subtasks that are shown elsewhere
 */
export function waits(
  { children }: JoinStatus,
  isMeant: (child: ChildDocument) => boolean = () => true,
): ReadonlyMap<string, string> {
  const reasons = new Map<string, { readonly reason: string; count: number }>();
  for (const { state, reason, needs_you: asks, depends_on: dependsOn } of children.filter(isMeant)) {
    if (state !== 'pending' || reason === null || asks != null) continue;
    if (dependsOn.some(index => children[index]?.state !== 'done')) continue;
    const key = reason.replace(/\d+/g, '#');
    const known = reasons.get(key);
    if (known === undefined) reasons.set(key, { reason, count: 1 });
    else known.count++;
  }
  return new Map(
    Array.from(reasons, ([key, { reason, count }]) => [key, `${count} pending: ${printable(reason)}`]),
  );
}

/**
 * Returns the changes from one document to the next, one line each, for output that is not a terminal. For documents
 * without children, returns one line of counts.
 */
export function changeLines(
  before: JoinStatus | undefined,
  now: JoinStatus,
  colours: Colours,
): readonly string[] {
  if (now.children.length === 0) {
    const same = before !== undefined && countsText(before.counts) === countsText(now.counts);
    return same
      ? []
      : [`· ${now.completed} / ${now.subtasks - now.follow_ups} completed: ${countsText(now.counts)}`];
  }
  return now.children.flatMap((child, i) => {
    const previous = before?.children[i];
    return stateKey(previous) === stateKey(child) ? [] : [changeLine(child, colours)];
  });
}

/** Returns a key that changes only with a change worth a line. */
function stateKey(child: ChildDocument | undefined): string {
  if (child === undefined) return 'pending';
  // A wait before the first attempt is no change; a wait before a later one is.
  if (child.state === 'pending') return child.attempt > 1 ? `pending again ${child.attempt}` : 'pending';
  return `${child.state} ${child.attempt} ${child.verdict ?? ''} ${child.worker ?? ''}`;
}

function changeLine(child: ChildDocument, colours: Colours): string {
  const symbol = { pending: '·', running: '→', done: child.verdict === 'accept' ? '✓' : '✗' }[child.state];
  const paint =
    child.state !== 'done' ? colours.dim : child.verdict === 'accept' ? colours.green : colours.red;
  return `${paint(symbol)} [${child.index}] ${oneLine(child.name ?? child.goal, 80)}: ${childState(child, colours)}`;
}
