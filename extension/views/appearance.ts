import * as vscode from 'vscode';
import type {
  ChildDocument,
  ChildVerdict,
  InstanceDocument,
  TaskDocument,
} from '../../engine/contract/documents.ts';
import { isEcho, NOTHING_WAS_RUN } from '../../engine/contract/echo.ts';
import { isFollowUp, isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import { attemptTime, childCost, duration, moment, oneLine } from '../../engine/contract/format.ts';
import { ROOT_NAMESPACE } from '../../engine/contract/namespaces.ts';
import { isHeld, type Hold } from '../model/holds.ts';

/** The look of the rows of both trees: an icon with a shape of its own for each state, and the words beside it. */

export const themed = (icon: string, colour?: string): vscode.ThemeIcon =>
  new vscode.ThemeIcon(icon, colour === undefined ? undefined : new vscode.ThemeColor(colour));

const VERDICT_ICONS: Readonly<Record<ChildVerdict, vscode.ThemeIcon>> = {
  accept: themed('pass', 'testing.iconPassed'),
  reject: themed('thumbsdown', 'testing.iconFailed'),
  failed: themed('error', 'testing.iconFailed'),
  timeout: themed('watch', 'testing.iconErrored'),
  cancelled: themed('circle-slash', 'testing.iconSkipped'),
  skipped: themed('debug-step-over', 'testing.iconSkipped'),
};
const RUNNING = themed('sync~spin', 'testing.runAction');
const PENDING = themed('clock', 'testing.iconQueued');
const STALLED = themed('warning', 'testing.iconErrored');
const NEEDS_YOU = themed('question', 'charts.yellow');
const FROZEN = themed('lock', 'testing.iconErrored');

export const verdictIcon = (verdict: string): vscode.ThemeIcon =>
  (VERDICT_ICONS as Readonly<Record<string, vscode.ThemeIcon>>)[verdict] ?? themed('question');

/** Returns the words for a verdict. */
export function verdictText(verdict: string): string {
  const words: Readonly<Record<string, string>> = {
    accept: vscode.l10n.t('accepted'),
    reject: vscode.l10n.t('rejected'),
    failed: vscode.l10n.t('failed'),
    timeout: vscode.l10n.t('timed out'),
    cancelled: vscode.l10n.t('cancelled'),
    skipped: vscode.l10n.t('skipped: not needed'),
  };
  return words[verdict] ?? verdict;
}

/** Returns the icon of a task. @param frozen whether the kill switch holds it; running work may still end */
export function taskIcon({ status, fan_out: fanOut }: TaskDocument, frozen = false): vscode.ThemeIcon {
  if (frozen && fanOut?.counts.running === 0) return FROZEN;
  if (fanOut !== null && !fanOut.complete && status === 'active') return RUNNING;
  switch (status) {
    case 'approved':
      return VERDICT_ICONS.accept;
    case 'failed':
      return VERDICT_ICONS.failed;
    case 'rejected':
      return VERDICT_ICONS.reject;
    case 'cancelled':
      return VERDICT_ICONS.cancelled;
    case 'active':
      return themed('circle-filled', 'testing.runAction');
    case 'blocked':
      return themed('stop-circle', 'testing.iconErrored');
    case 'deferred':
      return themed('calendar', 'testing.iconQueued');
    case 'review':
      return themed('eye', 'testing.iconQueued');
    case 'inbox':
      return themed('circle-outline');
  }
}

/** Returns the words for a task's status. */
export function statusText(status: TaskDocument['status']): string {
  const words: Readonly<Record<TaskDocument['status'], string>> = {
    inbox: vscode.l10n.t('inbox'),
    active: vscode.l10n.t('active'),
    blocked: vscode.l10n.t('blocked'),
    deferred: vscode.l10n.t('deferred'),
    review: vscode.l10n.t('in review'),
    approved: vscode.l10n.t('approved'),
    rejected: vscode.l10n.t('rejected'),
    failed: vscode.l10n.t('failed'),
    cancelled: vscode.l10n.t('cancelled'),
  };
  return words[status];
}

/**
 * Returns the text beside a task's alias: the progress of its fan-out, and what the join still needs.
 * @param frozen whether the kill switch holds it
 */
export function taskDescription(task: TaskDocument, frozen = false): string {
  const { goal, fan_out: fanOut } = task;
  if (fanOut === null) return bareDescription(task);
  const round = fanOut.round > 1 ? ` · ${vscode.l10n.t('round {0}', fanOut.round)}` : '';
  const serial = fanOut.serial ? ` · ${vscode.l10n.t('serial')}` : '';
  const held = frozen ? `${vscode.l10n.t('frozen')} · ` : '';
  const echo = fanOut.echo === null ? '' : ` · ${oneLine(fanOut.echo, 120)}`;
  return `${held}${progressText(task, fanOut)}${echo}${round}${serial} · ${oneLine(goal, 60)}`;
}

type FanOut = NonNullable<TaskDocument['fan_out']>;

/**
 * Explains a join: what it needs, or once it is there, its reason. Adds the present counts of the members if they went
 * on.
 */
export function progressText({ evaluation }: TaskDocument, { complete, counts, progress }: FanOut): string {
  const census = evaluation.join?.census;
  if (!complete || census === undefined || countsText(census) === countsText(counts)) return progress;
  return vscode.l10n.t('{0} (at the join) · now {1}', progress, countsText(counts));
}

function countsText(counts: FanOut['counts']): string {
  const words = [
    [counts.accepted, vscode.l10n.t('accepted')],
    [counts.rejected, vscode.l10n.t('rejected')],
    [counts.failed, vscode.l10n.t('failed')],
    [counts.timed_out, vscode.l10n.t('timed out')],
    [counts.cancelled, vscode.l10n.t('cancelled')],
    [counts.running, vscode.l10n.t('running')],
    [counts.pending, vscode.l10n.t('pending')],
  ] as const;
  return words
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

/** Returns true for a fan-out with a subtask that did not accept and can be retried. */
export const hasFailed = ({ counts }: FanOut): boolean =>
  counts.rejected + counts.failed + counts.timed_out + counts.cancelled > 0;

/** Returns true for a fan-out that can be cancelled: not joined, or with subtasks that run or may still start. */
export const isOpen = ({ complete, under_way: isUnderWay }: FanOut): boolean => !complete || isUnderWay;

/** Describes a task without a fan-out: its status, and the reason or the end of its wait. */
function bareDescription({ goal, status, reason, deferred_until_unix: until }: TaskDocument): string {
  if (status === 'inbox') return goal;
  const why =
    status === 'blocked' && reason !== null
      ? ` (${oneLine(reason, 60)})`
      : until === null
        ? ''
        : ` (${vscode.l10n.t('until {0}', moment(until))})`;
  return `${statusText(status)}${why} · ${goal}`;
}

/** Returns the words of a task that menus test. */
export function taskContext({ fan_out: fanOut, status }: TaskDocument): string {
  const finished = ['approved', 'rejected', 'failed', 'cancelled'].includes(status);
  if (fanOut === null) return finished ? 'task' : 'task open bare';
  const words = [
    ...(fanOut.complete ? ['joined'] : []),
    ...(isOpen(fanOut) ? ['open'] : []),
    ...(hasFailed(fanOut) ? ['failed'] : []),
  ];
  return ['task', 'fanned', ...words].join(' ');
}

export function childIcon(child: ChildDocument): vscode.ThemeIcon {
  if (child.state === 'done') return verdictIcon(child.verdict ?? '');
  if (child.needs_you != null) return NEEDS_YOU;
  if (child.stalled_secs !== null) return STALLED;
  return child.state === 'running' ? RUNNING : PENDING;
}

/** Returns the name of a subtask, or its index if it has none. */
export const subtaskName = ({ name, index }: Pick<ChildDocument, 'name' | 'index'>): string =>
  name === null ? `[${index}]` : oneLine(name, 60);

export const childLabel = (child: ChildDocument): string => oneLine(child.name ?? child.goal, 80);

/** Describes a subtask. @param now seconds since 1970, for a running subtask */
export function childDescription(child: ChildDocument, now: number): string {
  const text = presentText(child, now);
  return isFollowUp(child) ? vscode.l10n.t('after the join: {0}', text) : text;
}

function presentText(child: ChildDocument, now: number): string {
  const on = child.worker ?? child.target;
  switch (child.state) {
    case 'pending':
      if (child.needs_you != null) return vscode.l10n.t('needs you: {0}', oneLine(child.needs_you, 80));
      return child.reason ?? vscode.l10n.t('waiting');
    case 'running':
      return child.started_unix === null
        ? (child.reason ?? on)
        : [
            on,
            duration(Math.max(0, now - child.started_unix)),
            ...attemptWords(child),
            ...stalledWords(child),
          ].join(' · ');
    case 'done':
      return doneWords(child).join(' · ');
  }
}

function doneWords(child: ChildDocument): readonly string[] {
  return [
    verdictText(child.verdict ?? ''),
    ...(isEcho(child) ? [NOTHING_WAS_RUN] : []),
    ...(child.worker === null ? [] : [child.worker]),
    attemptTime(child),
    ...(child.cost_usd > 0 ? [childCost(child.cost_usd)] : []),
    ...(child.cost_unknown === true ? [vscode.l10n.t('cost unknown')] : []),
    ...attemptWords(child),
    ...(child.after_join && !isFollowUp(child) ? [vscode.l10n.t('after the join')] : []),
    ...(child.verdict !== 'accept' && child.reason !== null ? [oneLine(child.reason, 80)] : []),
  ];
}

const attemptWords = ({ attempt }: ChildDocument): readonly string[] =>
  attempt > 1 ? [vscode.l10n.t('attempt {0}', attempt)] : [];

const stalledWords = ({ stalled_secs: secs }: ChildDocument): readonly string[] =>
  secs === null ? [] : [vscode.l10n.t('no sign of life for {0}', duration(secs))];

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
  vscode.l10n.t('since {0}, by {1}', moment(since), issuer);

export function instanceContext({ role, status }: InstanceDocument): string {
  return `instance ${role} ${status}`;
}
