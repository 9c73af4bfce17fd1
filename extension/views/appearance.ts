import * as vscode from 'vscode';
import type {
  ChildDocument,
  ChildVerdict,
  InstanceDocument,
  TaskDocument,
} from '../../engine/contract/documents.ts';
import { isEcho } from '../../engine/contract/echo.ts';
import { isFollowUp, isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import { childCost, oneLine } from '../../engine/contract/format.ts';
import { runText } from '../../engine/contract/run-name.ts';
import { ROOT_NAMESPACE } from '../../engine/contract/namespaces.ts';
import { isHeld, type Hold } from '../model/holds.ts';
import {
  ago,
  localTime,
  reasonText,
  span,
  statusText,
  unpassedTexts,
  userText,
  verdictText,
} from './words.ts';

export { statusText, verdictText };

/** The look of the rows of both trees: an icon with a shape of its own for each state, and the words beside it. */

export const themed = (icon: string, colour?: string): vscode.ThemeIcon =>
  new vscode.ThemeIcon(icon, colour === undefined ? undefined : new vscode.ThemeColor(colour));

const VERDICT_ICONS: Readonly<Record<ChildVerdict, vscode.ThemeIcon>> = {
  accept: themed('pass', 'testing.iconPassed'),
  reject: themed('thumbsdown', 'testing.iconFailed'),
  failed: themed('error', 'testing.iconFailed'),
  timeout: themed('watch', 'charts.orange'),
  cancelled: themed('circle-slash', 'testing.iconSkipped'),
  skipped: themed('debug-step-over', 'testing.iconSkipped'),
};
const RUNNING = themed('sync~spin', 'charts.blue');
const WAITING = themed('clock', 'descriptionForeground');
const STALLED = themed('warning', 'charts.blue');
const NEEDS_YOU = themed('question', 'charts.yellow');
const FROZEN = themed('lock', 'descriptionForeground');

export const verdictIcon = (verdict: string): vscode.ThemeIcon =>
  (VERDICT_ICONS as Readonly<Record<string, vscode.ThemeIcon>>)[verdict] ?? themed('question');

/** The state of a task: one word and one colour each. */
export type TaskState = 'needsYou' | 'failed' | 'timedOut' | 'running' | 'waiting' | 'passed' | 'cancelled';

const STATUS_STATES: Readonly<Record<TaskDocument['status'], TaskState>> = {
  inbox: 'waiting',
  active: 'running',
  blocked: 'waiting',
  deferred: 'waiting',
  review: 'waiting',
  approved: 'passed',
  rejected: 'failed',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** Returns the state of a task. A fan-out that failed because somebody cancelled its subtasks counts as cancelled. */
export function taskState({ status, fan_out: fanOut }: TaskDocument): TaskState {
  if (fanOut === null) return STATUS_STATES[status];
  const { needs_you: asking = [], complete, outcome, counts } = fanOut;
  if (asking.length > 0) return 'needsYou';
  if (!complete) return counts.running > 0 ? 'running' : 'waiting';
  if (outcome === 'satisfied') return 'passed';
  if (outcome === 'timed_out') return 'timedOut';
  const failed = counts.failed + counts.rejected + counts.timed_out;
  return outcome === 'cancelled' || (failed === 0 && counts.cancelled > 0) ? 'cancelled' : 'failed';
}

/** Returns the word for the state of a task. */
export function stateText(state: TaskState): string {
  const words: Readonly<Record<TaskState, string>> = {
    needsYou: vscode.l10n.t('needs you'),
    failed: vscode.l10n.t('failed'),
    timedOut: vscode.l10n.t('timed out'),
    running: vscode.l10n.t('running'),
    waiting: vscode.l10n.t('waiting'),
    passed: vscode.l10n.t('passed'),
    cancelled: vscode.l10n.t('cancelled'),
  };
  return words[state];
}

const STATE_ICONS: Readonly<Record<TaskState, vscode.ThemeIcon>> = {
  needsYou: NEEDS_YOU,
  failed: VERDICT_ICONS.failed,
  timedOut: VERDICT_ICONS.timeout,
  running: RUNNING,
  waiting: WAITING,
  passed: VERDICT_ICONS.accept,
  cancelled: VERDICT_ICONS.cancelled,
};
/** The icons of tasks without a fan-out that differ from those of runs. */
const BARE_ICONS: Partial<Readonly<Record<TaskDocument['status'], vscode.ThemeIcon>>> = {
  inbox: themed('circle-outline'),
  active: themed('circle-filled', 'charts.blue'),
  blocked: themed('stop-circle', 'descriptionForeground'),
  deferred: themed('calendar', 'descriptionForeground'),
  review: themed('eye', 'descriptionForeground'),
  rejected: VERDICT_ICONS.reject,
};

/** Returns the icon of a task. @param frozen whether the kill switch holds it; running work may still end */
export function taskIcon(task: TaskDocument, frozen = false): vscode.ThemeIcon {
  if (frozen && task.fan_out?.counts.running === 0) return FROZEN;
  const bare = task.fan_out === null ? BARE_ICONS[task.status] : undefined;
  return bare ?? STATE_ICONS[taskState(task)];
}

/** Returns the name of a task for people: its numbered run, such as `release #4`, or its goal. */
export const taskLabel = ({ run, goal }: TaskDocument): string =>
  run == null ? oneLine(goal, 80) : runText(run);

/**
 * Returns the text beside a task's label: `18/20 · 1 failed · 19 s · 3 min ago`.
 * @param frozen whether the kill switch holds it
 * @param now seconds since 1970
 */
export function taskDescription(task: TaskDocument, frozen: boolean, now: number): string {
  const { fan_out: fanOut } = task;
  if (fanOut === null) return bareDescription(task);
  const { counts, needs_you: asking = [], round, serial, echo } = fanOut;
  const isOver = fanOut.complete && !fanOut.under_way;
  return [
    ...(frozen ? [vscode.l10n.t('frozen')] : []),
    `${counts.accepted}/${fanOut.subtasks - fanOut.follow_ups}`,
    ...(asking.length > 0 ? [vscode.l10n.t('{0} needs you', asking.length)] : []),
    ...unpassedTexts(counts),
    ...(!isOver && counts.running > 0 ? [vscode.l10n.t('{0} running', counts.running)] : []),
    ...(echo === null ? [] : [vscode.l10n.t('nothing was run')]),
    ...(round > 1 ? [vscode.l10n.t('retry {0}', round - 1)] : []),
    ...(serial ? [vscode.l10n.t('one after another')] : []),
    ...timeTexts(task, fanOut, now),
  ].join(' · ');
}

type FanOut = NonNullable<TaskDocument['fan_out']>;

/** Returns the time that a run took and its age; the time so far while it is not over. */
function timeTexts({ created_unix: created }: TaskDocument, fanOut: FanOut, now: number): readonly string[] {
  const { opened_unix: opened = created, joined_unix: joined = null, complete } = fanOut;
  if (complete && joined === null) return [ago(Math.max(0, now - opened))];
  if (joined !== null) return [span(Math.max(0, joined - opened)), ago(Math.max(0, now - joined))];
  return [span(Math.floor(Math.max(0, now - opened)))];
}

/** Returns true for a fan-out with a subtask that did not pass and can be retried. */
export const hasFailed = ({ counts }: FanOut): boolean =>
  counts.rejected + counts.failed + counts.timed_out + counts.cancelled > 0;

/** Returns true for a fan-out that can be cancelled: not joined, or with subtasks that run or may still start. */
export const isOpen = ({ complete, under_way: isUnderWay }: FanOut): boolean => !complete || isUnderWay;

/** Returns true for a task that is over, so that it can be archived. */
export const isFinished = ({ status, fan_out: fanOut }: TaskDocument): boolean =>
  FINISHED.has(status) && (fanOut === null || !isOpen(fanOut));
const FINISHED: ReadonlySet<TaskDocument['status']> = new Set([
  'approved',
  'rejected',
  'failed',
  'cancelled',
]);

/** Describes a task without a fan-out: its status, and the reason or the end of its wait. */
function bareDescription({ status, reason, deferred_until_unix: until }: TaskDocument): string {
  const why =
    status === 'blocked' && reason !== null
      ? ` (${oneLine(reason, 60)})`
      : until === null
        ? ''
        : ` (${vscode.l10n.t('until {0}', localTime(until))})`;
  return `${statusText(status)}${why}`;
}

/** Returns the words of a task that menus test. */
export function taskContext(task: TaskDocument): string {
  const { fan_out: fanOut } = task;
  const finished = isFinished(task) ? ['finished'] : [];
  if (fanOut === null) return ['task', ...(finished.length > 0 ? finished : ['open', 'bare'])].join(' ');
  const words = [
    ...(fanOut.complete ? ['joined'] : []),
    ...(isOpen(fanOut) ? ['open'] : []),
    ...(hasFailed(fanOut) ? ['failed'] : []),
    ...finished,
  ];
  return ['task', 'fanned', ...words].join(' ');
}

export function childIcon(child: ChildDocument): vscode.ThemeIcon {
  if (child.state === 'done') return verdictIcon(child.verdict ?? '');
  if (child.needs_you != null) return NEEDS_YOU;
  if (child.stalled_secs !== null) return STALLED;
  return child.state === 'running' ? RUNNING : WAITING;
}

/** Returns the name of a subtask, or its number if it has none, where its goal is not known. */
export const subtaskName = ({ name, index }: Pick<ChildDocument, 'name' | 'index'>): string =>
  name === null ? `[${index}]` : oneLine(name, 60);

/** Returns the name of a subtask, or its goal if it has none. */
export const childLabel = ({ name, goal }: Pick<ChildDocument, 'name' | 'goal'>): string =>
  oneLine(name ?? goal, 80);

/** Describes a subtask. @param now seconds since 1970, for a running subtask */
export function childDescription(child: ChildDocument, now: number): string {
  const text = presentText(child, now);
  return isFollowUp(child) ? vscode.l10n.t('afterwards: {0}', text) : text;
}

function presentText(child: ChildDocument, now: number): string {
  switch (child.state) {
    case 'pending':
      if (child.needs_you != null) return vscode.l10n.t('needs you: {0}', oneLine(child.needs_you, 80));
      return child.reason === null ? vscode.l10n.t('waiting') : reasonText(child.reason);
    case 'running':
      return child.started_unix === null
        ? (child.reason ?? vscode.l10n.t('starting'))
        : [
            vscode.l10n.t('running'),
            span(Math.floor(Math.max(0, now - child.started_unix))),
            child.worker ?? child.target,
            ...attemptWords(child),
            ...stalledWords(child),
          ].join(' · ');
    case 'done':
      return doneWords(child).join(' · ');
  }
}

function doneWords(child: ChildDocument): readonly string[] {
  return [
    child.reused == null ? verdictText(child.verdict ?? '') : vscode.l10n.t('passed: reused'),
    ...(isEcho(child) ? [vscode.l10n.t('nothing was run')] : []),
    ...(child.verdict !== 'accept' && child.reason !== null ? [oneLine(reasonText(child.reason), 80)] : []),
    ...(child.attempt > 0 ? [tookText(child)] : []),
    ...(child.worker === null ? [] : [child.worker]),
    ...(child.cost_usd > 0 ? [childCost(child.cost_usd)] : []),
    ...(child.cost_unknown === true ? [vscode.l10n.t('cost unknown')] : []),
    ...attemptWords(child),
    ...(child.after_join && !isFollowUp(child) ? [vscode.l10n.t('after the end of the run')] : []),
  ];
}

/** Returns the time that an attempt took; unknown for an attempt that was lost with its worker. */
export const tookText = ({
  wall_time_secs: secs,
  lost,
}: Pick<ChildDocument, 'wall_time_secs' | 'lost'>): string =>
  lost === true && secs === 0 ? vscode.l10n.t('time unknown') : span(secs);

const attemptWords = ({ attempt }: ChildDocument): readonly string[] =>
  attempt > 1 ? [vscode.l10n.t('attempt {0}', attempt)] : [];

const stalledWords = ({ stalled_secs: secs }: ChildDocument): readonly string[] =>
  secs === null ? [] : [vscode.l10n.t('no sign of life for {0}', span(secs))];

export function childContext(child: ChildDocument): string {
  const started = child.attempt > 0 ? ' started' : '';
  const changed = [child, ...child.earlier_attempts].some(({ work }) => work !== null) ? ' changed' : '';
  if (child.needs_you != null) return `child pending${started}${changed} retriable`;
  if (child.state !== 'done') return `child ${child.state}${started}${changed}`;
  return `child done${started}${changed}${isUnaccepted(child) ? ' retriable' : ''}`;
}

export function attemptContext(attempt: number, child: ChildDocument | undefined): string {
  const all = child === undefined ? [] : [child, ...child.earlier_attempts];
  const isChanged = all.some(each => each.attempt === attempt && each.work !== null);
  return `attempt started${isChanged ? ' changed' : ''}`;
}

const INSTANCE_ICONS: Readonly<Record<InstanceDocument['status'], vscode.ThemeIcon>> = {
  starting: themed('loading~spin'),
  live: themed('vm-running', 'testing.iconPassed'),
  stale: themed('vm-connect', 'testing.iconErrored'),
  archived: themed('vm-outline', 'testing.iconFailed'),
  stopped: themed('vm-outline'),
};

export function instanceIcon({ status, role, health }: InstanceDocument): vscode.ThemeIcon {
  if (status !== 'live') return INSTANCE_ICONS[status];
  if (health === 'draining') return themed('debug-disconnect', 'testing.iconErrored');
  return role === 'coordinator' ? themed('server-process', 'testing.iconPassed') : INSTANCE_ICONS.live;
}

/**
 * Describes an instance.
 * @param here whether it is the coordinator and runs in this window
 * @param holds the holds of the kill switch; a worker is frozen by the emergency stop
 */
export function instanceDescription(
  instance: InstanceDocument,
  here: boolean,
  holds: readonly Hold[] = [],
): string {
  const { role, status, active_dispatches: load, slots, health, note } = instance;
  if (status !== 'live') return note === null ? status : `${status} · ${note}`;
  const isFrozen = isHeld(holds, ROOT_NAMESPACE);
  const frozen = isFrozen ? ` · ${vscode.l10n.t('frozen')}` : '';
  const state = health === 'healthy' ? status : `${status} · ${health}`;
  if (role === 'coordinator') {
    const some = holds.length > 0 ? ` · ${vscode.l10n.t('frozen: {0}', namesOf(holds))}` : '';
    return `${state}${here ? ` · ${vscode.l10n.t('in this window')}` : ''}${isFrozen ? frozen : some}`;
  }
  return `${state}${frozen} · ${vscode.l10n.t('load {0} of {1}', Math.min(load, slots), slots)}${load > slots ? ` (+${load - slots})` : ''}`;
}

const namesOf = (holds: readonly Hold[]): string =>
  oneLine(holds.map(({ namespace }) => namespace ?? ROOT_NAMESPACE).join(', '), 60);

/** Describes a hold: its reach and its reason. */
export function holdText({ namespace, level, reason }: Hold): string {
  const why = reason === null ? '' : ` — ${oneLine(reason, 80)}`;
  if (namespace === null) return `${vscode.l10n.t('emergency stop')}${why}`;
  const what =
    level === 'hard'
      ? vscode.l10n.t('hard freeze of {0}', namespace)
      : vscode.l10n.t('soft freeze of {0}', namespace);
  return `${what}${why}`;
}

/** Returns the time of a hold, and its author. */
export const holdDetail = ({ issued_at_unix: since, issued_by: issuer }: Hold): string =>
  vscode.l10n.t('since {0}, by {1}', localTime(since), userText(issuer));

export function instanceContext({ role, status }: InstanceDocument): string {
  return `instance ${role} ${status}`;
}
