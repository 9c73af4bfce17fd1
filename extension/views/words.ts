import * as vscode from 'vscode';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import type { Counts } from '../../engine/contract/fan-out-documents.ts';
import { adviceless } from '../plain.ts';

/** The words that people read for verdicts, counts, times and reasons. */

/** Returns the word for a verdict. */
export function verdictText(verdict: string): string {
  const words: Readonly<Record<string, string>> = {
    accept: vscode.l10n.t('passed'),
    reject: vscode.l10n.t('rejected'),
    failed: vscode.l10n.t('failed'),
    timeout: vscode.l10n.t('timed out'),
    cancelled: vscode.l10n.t('cancelled'),
    skipped: vscode.l10n.t('not needed'),
  };
  return words[verdict] ?? verdict;
}

/** Returns the word for a task's status. */
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

/** Returns the counts of the subtasks that did not pass: `1 failed`, `2 timed out`. */
export function unpassedTexts(counts: Counts): readonly string[] {
  const { rejected, failed, timed_out: timedOut, cancelled } = counts;
  return [
    ...(failed > 0 ? [vscode.l10n.t('{0} failed', failed)] : []),
    ...(rejected > 0 ? [vscode.l10n.t('{0} rejected', rejected)] : []),
    ...(timedOut > 0 ? [vscode.l10n.t('{0} timed out', timedOut)] : []),
    ...(cancelled > 0 ? [vscode.l10n.t('{0} cancelled', cancelled)] : []),
  ];
}

/** Formats a span of time: `0.4 s`, `19 s`, `2 min 5 s`, `1 h 2 min`, `3 d 4 h`. */
export function span(secs: number): string {
  if (secs < 9.95) return vscode.l10n.t('{0} s', Number(secs.toFixed(1)));
  const whole = Math.round(secs);
  if (whole < 60) return vscode.l10n.t('{0} s', whole);
  if (whole < 3_600) return joined(minutes(whole / 60), whole % 60, vscode.l10n.t('{0} s', whole % 60));
  if (whole < 86_400) return joined(hours(whole / 3_600), minutesOf(whole), minutes(minutesOf(whole)));
  const left = Math.floor((whole % 86_400) / 3_600);
  return joined(vscode.l10n.t('{0} d', Math.floor(whole / 86_400)), left, hours(left));
}

/** Formats the age of an event: `just now`, `3 min ago`, `2 h ago`, `5 d ago`. */
export function ago(secs: number): string {
  if (secs < 60) return vscode.l10n.t('just now');
  if (secs < 3_600) return vscode.l10n.t('{0} min ago', Math.floor(secs / 60));
  if (secs < 86_400) return vscode.l10n.t('{0} h ago', Math.floor(secs / 3_600));
  return vscode.l10n.t('{0} d ago', Math.floor(secs / 86_400));
}

/** Formats a point in time in the time zone and the language of the window. */
export function localTime(unixSecs: number): string {
  const format = { dateStyle: 'medium', timeStyle: 'short' } as const;
  return new Date(unixSecs * 1000).toLocaleString(vscode.env.language, format);
}

/** Returns the name in a user's id: `ada` for `did:sync:user:ada`. */
export const userText = (did: string): string => did.replace(/^did:[a-z]+:[a-z]+:/, '');

/** Returns the reason of a subtask without the engine's words and without advice for a command line. */
export function reasonText(reason: string): string {
  const ended: Readonly<Record<string, string>> = {
    satisfied: vscode.l10n.t('no longer needed'),
    unsatisfiable: vscode.l10n.t('another subtask had failed'),
    timed_out: vscode.l10n.t('the time of the run was over'),
    cancelled: vscode.l10n.t('the run was cancelled'),
  };
  const [, outcome = ''] = /^the join was (\w+)/.exec(reason) ?? [];
  return ended[outcome] ?? adviceless(reason);
}

const minutesOf = (secs: number): number => Math.floor((secs % 3_600) / 60);
const minutes = (count: number): string => vscode.l10n.t('{0} min', Math.floor(count));
const hours = (count: number): string => vscode.l10n.t('{0} h', Math.floor(count));
const joined = (large: string, rest: number, small: string): string =>
  rest === 0 ? large : `${large} ${small}`;
