import type { FleetDocument, LiveDocument } from '../../contract/documents.ts';
import {
  childCost,
  duration,
  loadText,
  oneLine,
  printable,
  table,
  totalCost,
} from '../../contract/format.ts';
import type { Colours } from './colours.ts';
import { fleetFooter } from './fleet.ts';
import { countsText } from './join.ts';

const BAR_CELLS = 12;

export interface LiveView {
  /** The age of the document, which is added to running times. */
  readonly ageSecs: number;
  /** The width of the terminal, which no line exceeds. */
  readonly columns: number;
}

type Running = LiveDocument['running'][number];
type OpenFanOut = LiveDocument['fan_outs'][number];

/**
 * Returns the lines of a fleet for a terminal: instances with their running subtasks, freezes, and the progress of
 * fan-outs.
 */
export function liveLines(live: LiveDocument, view: LiveView, colours: Colours): readonly string[] {
  const width = Math.max(20, view.columns - 1);
  const fit = (line: string): string => oneLineKept(line, width);
  const head = `Fleet  ${live.coordinator_url}  ${fleetFooter(live)}`;
  return [
    colours.bold(fit(head)),
    colours.dim(fit('q or Ctrl-C quits; the fleet keeps running')),
    ...holdLines(live).map(line => colours.yellow(fit(line))),
    '',
    ...instanceLines(live, view, fit, colours),
    '',
    ...fanOutLines(live, view, fit, colours),
  ];
}

function instanceLines(
  live: LiveDocument,
  view: LiveView,
  fit: (line: string) => string,
  colours: Colours,
): readonly string[] {
  const [header = '', ...rows] = table(
    ['INSTANCE', 'STATUS', 'HEALTH', 'LOAD', 'HEARTBEAT', 'UPTIME'],
    live.instances.map(instance => [
      instance.alias,
      instance.status,
      instance.health,
      loadText(instance),
      heartbeat(instance, live.at_unix + view.ageSecs),
      duration(Math.floor(instance.uptime_secs + view.ageSecs)),
    ]),
  );
  const lines = [colours.dim(fit(header))];
  live.instances.forEach(({ did, status }, i) => {
    const paint = status === 'live' ? (text: string): string => text : colours.red;
    lines.push(paint(fit(rows[i] ?? '')));
    for (const each of live.running)
      if (each.worker_did === did) lines.push(fit(runningLine(each, view.ageSecs)));
  });
  const more = live.running_total - live.running.length;
  return more > 0 ? [...lines, fit(`  … and ${more} more that run`)] : lines;
}

function heartbeat(
  { role, last_heartbeat_unix: last }: LiveDocument['instances'][number],
  nowUnix: number,
): string {
  if (role === 'coordinator' || last === null) return '–';
  return `${duration(Math.floor(Math.max(0, nowUnix - last)))} ago`;
}

function runningLine(running: Running, ageSecs: number): string {
  const elapsed = duration(Math.floor(running.elapsed_secs + ageSecs));
  const attempt = running.attempt > 1 ? `  attempt ${running.attempt}` : '';
  const what = oneLine(running.name ?? running.goal, 40);
  return `  ${running.alias} [${running.index}]  ${elapsed}  ${costText(running)}${attempt}  ${what}`;
}

/** Returns the cost of a running subtask so far. */
function costText({ cost_usd: cost, unknown_costs: unknown = 0 }: Running): string {
  return unknown > 0 && cost > 0 ? `at least ${childCost(cost)}` : childCost(cost, unknown > 0);
}

function fanOutLines(
  live: LiveDocument,
  view: LiveView,
  fit: (line: string) => string,
  colours: Colours,
): readonly string[] {
  if (live.fan_outs.length === 0) return [colours.dim('no fan-out is under way')];
  const more = live.fan_outs_total - live.fan_outs.length;
  const nowUnix = live.at_unix + view.ageSecs;
  return [
    ...live.fan_outs.flatMap(fanOut => [
      fit(fanOutLine(fanOut, nowUnix)),
      // A separate line: at the end of another line, the note would be cut off first.
      ...(fanOut.echo == null ? [] : [colours.yellow(fit(`  ⚠ ${fanOut.echo}`))]),
    ]),
    ...(more > 0 ? [fit(`… and ${more} more fan-outs`)] : []),
  ];
}

function fanOutLine(fanOut: OpenFanOut, nowUnix: number): string {
  const { completed, subtasks, alias, progress, opened_unix: opened, cost_usd: cost } = fanOut;
  const full = Math.floor((completed / Math.max(1, subtasks)) * BAR_CELLS);
  const bar = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
  const elapsed = duration(Math.floor(Math.max(0, nowUnix - opened)));
  return `${bar} ${completed}/${subtasks}  ${alias}  ${elapsed}  ${totalCost(cost, fanOut.unknown_costs)}  ${progress}`;
}

/** Returns the freezes and the emergency stop that prevent starts, one line each. */
function holdLines({ freezes, emergency }: FleetDocument): readonly string[] {
  const why = (reason: string | null): string => (reason === null ? '' : ` — ${printable(reason)}`);
  return [
    ...(emergency === null ? [] : [`[emergency stop]${why(emergency.reason)}`]),
    ...freezes.map(({ level, namespace, reason }) => `[${level}] ${namespace}${why(reason)}`),
  ];
}

/** Cuts a line to the width, and keeps its leading spaces. */
function oneLineKept(line: string, width: number): string {
  const indent = line.length - line.trimStart().length;
  return `${' '.repeat(indent)}${oneLine(line, Math.max(1, width - indent))}`;
}

/** Returns the changes from one document to the next, one line each, for output that is not a terminal. */
export function liveChangeLines(
  before: LiveDocument | undefined,
  now: LiveDocument,
  colours: Colours,
): readonly string[] {
  return [
    ...news(before?.instances ?? [], now.instances, ({ did }) => did, {
      key: ({ status, health }) => `${status} ${health}`,
      describe: ({ alias, status, health }) =>
        `· ${alias} is ${status}${health === 'healthy' ? '' : `, ${health}`}`,
      gone: ({ alias }) => `· ${alias} is gone`,
    }),
    ...changedHolds(before, now).map(line => colours.yellow(line)),
    ...news(before?.running ?? [], now.running, ({ thread, index }) => `${thread} ${index}`, {
      key: ({ attempt, worker }) => `${attempt} ${worker}`,
      describe: each =>
        `→ ${nameOf(each)} runs on ${each.worker}${each.attempt > 1 ? `, attempt ${each.attempt}` : ''}`,
      gone: each => `· ${nameOf(each)} has ended on ${each.worker}`,
    }),
    ...news(before?.fan_outs ?? [], now.fan_outs, ({ thread }) => thread, {
      key: ({ counts, complete }) => `${countsText(counts)} ${complete}`,
      describe: ({ alias, completed, subtasks, counts, echo }) =>
        `· ${alias} ${completed} / ${subtasks} completed: ${countsText(counts)}${echo == null ? '' : `; ${printable(echo)}`}`,
      gone: ({ alias }) => `· ${alias} is over; spl task join-status ${alias} tells how`,
    }),
  ];
}

const nameOf = ({ alias, index, name, goal }: Running): string =>
  `${alias} [${index}] ${oneLine(name ?? goal, 60)}`;

interface LineSource<T> {
  /** Returns a key that changes only with a change worth a line. */
  readonly key: (item: T) => string;
  readonly describe: (item: T) => string;
  readonly gone: (item: T) => string;
}

function news<T>(
  before: readonly T[],
  now: readonly T[],
  id: (item: T) => string,
  { key, describe, gone }: LineSource<T>,
): readonly string[] {
  const known = new Map(before.map(item => [id(item), item]));
  const lines: string[] = [];
  for (const item of now) {
    const previous = known.get(id(item));
    known.delete(id(item));
    if (previous === undefined || key(previous) !== key(item)) lines.push(describe(item));
  }
  return [...[...known.values()].map(gone), ...lines];
}

function changedHolds(before: LiveDocument | undefined, now: LiveDocument): readonly string[] {
  const [was, is] = [before === undefined ? [] : holdLines(before), holdLines(now)];
  return [
    ...was.filter(line => !is.includes(line)).map(line => `· undone: ${line}`),
    // In the first document, they are part of the status above.
    ...(before === undefined ? [] : is.filter(line => !was.includes(line)).map(line => `⚠ ${line}`)),
  ];
}
