import * as vscode from 'vscode';
import type { ChildDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { childDescription, childLabel, stateText, taskDescription, taskState } from '../views/appearance.ts';
import { localTime, statusText, userText } from '../views/words.ts';
import { code, factTable, literal, page, table, type Fact } from './markdown.ts';

/** The fate of the subtasks that are left when a run is decided, by the word of the engine. */
const REST = (): Readonly<Record<string, string>> => ({
  keep: vscode.l10n.t('runs on, and is not counted'),
  drain: vscode.l10n.t('finishes if it runs; no more starts'),
  cancel: vscode.l10n.t('is ended'),
});

/**
 * Returns the page of a task: what it is about, how it stands, and its subtasks.
 * @param now seconds since 1970
 */
export function taskPage(task: TaskDocument, children: readonly ChildDocument[], now: number): string {
  const t = vscode.l10n.t;
  const { fan_out: fanOut } = task;
  const state = fanOut === null ? statusText(task.status) : stateText(taskState(task));
  const facts: readonly Fact[] = [
    [t('State'), literal([state, taskDescription(task, false, now)].join(' · '))],
    [t('Why'), task.reason === null ? null : literal(task.reason)],
    [t('Done when'), fanOut && code(fanOut.predicate)],
    [t('The rest then'), fanOut && literal(REST()[fanOut.losers] ?? fanOut.losers)],
    [t('Folder'), task.dir === null ? null : code(task.dir)],
    [t('Namespace'), literal(task.namespace)],
    [t('Priority'), literal(task.priority)],
    [t('Labels'), task.labels.length === 0 ? null : literal(task.labels.join(', '))],
    [t('Hypothesis'), task.hypothesis === null ? null : literal(task.hypothesis)],
    [t('Criteria'), task.criteria.length === 0 ? null : literal(task.criteria.join('; '))],
    [t('Added'), literal(t('{0}, by {1}', localTime(task.created_unix), userText(task.actor)))],
    [t('Name for spl'), code(task.alias)],
  ];
  return page(
    `# ${literal(task.goal)}`,
    factTable(facts),
    children.length === 0 ? '' : `## ${t('Subtasks')}`,
    table(
      [t('Subtask'), t('State'), t('Done by')],
      children.map(child => [
        literal(childLabel(child)),
        literal(childDescription(child, now)),
        literal(child.executor),
      ]),
    ),
  );
}
