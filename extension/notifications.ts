import * as vscode from 'vscode';
import type { ChildDocument, InstanceDocument, TaskDocument } from '../engine/contract/documents.ts';
import { MAX_CHILDREN } from '../engine/contract/engine.ts';
import { isFollowUp, isUnaccepted } from '../engine/contract/fan-out-documents.ts';
import { duration, oneLine, plural } from '../engine/contract/format.ts';
import type { EngineAccess } from './access.ts';
import { asCommand, execute } from './command-registry.ts';
import { setting } from './contributions.ts';
import { offer } from './messages.ts';
import { linkless, sentences } from './plain.ts';
import type { OpenSession } from './session/session.ts';
import type { AttemptRef, ChildRef } from './targets.ts';
import { verdictText } from './views/appearance.ts';
import type { Alarm, Attention } from './views/attention.ts';

/** Shows what needs a person, with the actions that are possible. Each kind can be turned off. */
export function notifications(attention: Attention, access: EngineAccess): vscode.Disposable {
  return attention.onDidRaise(alarm => void notify(alarm, access));
}

/** Shows why the coordinator of this window stopped. Without it, a person who ran no command would see no error. */
export function coordinatorStopped(session: OpenSession): vscode.Disposable {
  let wasHosting = session.isHosting;
  return session.onDidChange(() => {
    const { state, isHosting } = session;
    if (wasHosting && state.kind === 'down') void sayStopped(state.error);
    wasHosting = isHosting;
  });
}

async function sayStopped(error: Error): Promise<void> {
  const text = vscode.l10n.t('The coordinator in this window stopped: {0}', sentences(error));
  const again = asCommand('fleet.reconnect', vscode.l10n.t('Try Again'));
  await offer('error', text, again, asCommand('fleet.showLog', vscode.l10n.t('Show Log')));
}

async function notify(alarm: Alarm, access: EngineAccess): Promise<void> {
  if (!setting(`notifications.${alarm.kind}`)) return;
  const { text, actions } = await toldOf(alarm, access);
  const off: vscode.MessageItem = { title: vscode.l10n.t("Don't Show Again") };
  const chosen = await vscode.window.showWarningMessage<vscode.MessageItem>(linkless(text), ...actions, off);
  if (chosen === off) {
    const configuration = vscode.workspace.getConfiguration('fleet');
    await configuration.update(`notifications.${alarm.kind}`, false, vscode.ConfigurationTarget.Global);
    return;
  }
  const action = actions.find(each => each === chosen);
  if (action !== undefined) await execute(action);
}

async function toldOf(alarm: Alarm, access: EngineAccess): Promise<Told> {
  switch (alarm.kind) {
    case 'joinFailed':
      return joinFailed(alarm, await failedOf(alarm.task, access));
    case 'needsYou':
      return needsYou(alarm, await childOf(alarm.task.thread, alarm.subtask, access));
    case 'workerLost':
      return workerLost(alarm, await tasksOf(alarm.had, access));
    case 'stalled':
      return stalled(alarm, await childOf(alarm.task.thread, alarm.attempt.subtask, access));
  }
}

function joinFailed(
  { task }: Extract<Alarm, { kind: 'joinFailed' }>,
  failed: readonly ChildDocument[],
): Told {
  const target = { kind: 'task', thread: task.thread } as const;
  const report = asCommand('fleet.openReport', vscode.l10n.t('Open Report'), target);
  const retryAll = asCommand('fleet.retryFailed', vscode.l10n.t('Retry All Failed'), target);
  const retry = asCommand('fleet.retry', vscode.l10n.t('Retry Subtask…'), target);
  return {
    text: vscode.l10n.t(
      '“{0}” ({1}) failed: {2}',
      oneLine(task.goal, 80),
      task.alias,
      failed.length === 0 ? (task.fan_out?.progress ?? '') : failedText(failed),
    ),
    // Nothing is started from an untrusted folder. A notification truncates the labels of four buttons.
    actions: vscode.workspace.isTrusted ? [report, failed.length === 1 ? retry : retryAll] : [report],
  };
}

function needsYou(
  { task, subtask: index }: Extract<Alarm, { kind: 'needsYou' }>,
  child: ChildDocument | undefined,
): Told {
  const target = { kind: 'child', thread: task.thread, index } as const;
  const output = asCommand('fleet.showOutput', vscode.l10n.t('Show Output'), target);
  const answer = asCommand('fleet.retry', vscode.l10n.t('Answer…'), target);
  return {
    text: vscode.l10n.t(
      '{0} of “{1}” ({2}) needs you: {3}',
      child === undefined ? `[${index}]` : `“${labelOf(child)}”`,
      oneLine(task.goal, 80),
      task.alias,
      oneLine(child?.needs_you ?? '', 200),
    ),
    actions: vscode.workspace.isTrusted ? [answer, output] : [output],
  };
}

function workerLost({ worker, had }: Extract<Alarm, { kind: 'workerLost' }>, tasks: string): Told {
  const target = { kind: 'instance', did: worker.did } as const;
  const why = worker.note === null ? '' : ` (${worker.note})`;
  return {
    text:
      tasks === ''
        ? vscode.l10n.t(
            '{0} was lost{1} with {2} on it.',
            worker.alias,
            why,
            plural(had.active_dispatches, 'subtask'),
          )
        : vscode.l10n.t('{0} was lost{1} with {2}.', worker.alias, why, tasks),
    actions: [
      asCommand('fleet.openInstanceLog', vscode.l10n.t('Open Log'), target),
      asCommand('fleet.showInstance', vscode.l10n.t('Show'), target),
    ],
  };
}

function stalled(
  { task, attempt }: Extract<Alarm, { kind: 'stalled' }>,
  child: ChildDocument | undefined,
): Told {
  const { subtask, worker, stalled_secs: secs } = attempt;
  const at = { thread: task.thread, index: subtask };
  // The offer concerns this attempt only, not a later one.
  const target: ChildRef | AttemptRef =
    child === undefined || child.attempt === 0
      ? { kind: 'child', ...at }
      : { kind: 'attempt', ...at, attempt: child.attempt };
  return {
    text: vscode.l10n.t(
      '{0} of “{1}” ({2}) has shown no sign of life for {4}, on {3}.',
      child === undefined ? `[${subtask}]` : `“${labelOf(child)}”`,
      oneLine(task.goal, 80),
      task.alias,
      worker,
      duration(secs),
    ),
    actions: [
      asCommand('fleet.showOutput', vscode.l10n.t('Show Output'), target),
      asCommand('fleet.cancel', vscode.l10n.t('Cancel It'), target),
    ],
  };
}

/** Returns the subtasks that failed by themselves, the first one first; none if the engine cannot say now. */
async function failedOf(task: TaskDocument, { client }: EngineAccess): Promise<readonly ChildDocument[]> {
  const page = await client
    ?.report('children', { task: task.thread, offset: 0, limit: MAX_CHILDREN })
    .catch(() => undefined);
  return (page?.children ?? []).filter(
    child => isUnaccepted(child) && child.verdict !== 'cancelled' && !child.after_join && !isFollowUp(child),
  );
}

/** Describes the subtasks that a worker had by their tasks, and counts those that are not known. */
async function tasksOf(
  { active_dispatches: count, dispatches: subtasks = [] }: InstanceDocument,
  { client }: EngineAccess,
): Promise<string> {
  const threads = [...new Set(subtasks.map(({ thread }) => thread))];
  const told = await Promise.all(
    threads.map(async thread => {
      const own = subtasks.filter(each => each.thread === thread);
      const indices = own.map(({ subtask }) => subtask);
      const [task, page] = await Promise.all([
        client?.report('task', { task: thread }).catch(() => undefined),
        client
          ?.report('children', { task: thread, offset: 0, limit: MAX_CHILDREN, indices })
          .catch(() => undefined),
      ]);
      const label = (index: number): string => {
        const child = page?.children.find(each => each.index === index);
        return child === undefined ? `[${index}]` : `“${labelOf(child)}”`;
      };
      const alias = own[0]!.task;
      const goal = task === undefined ? alias : `“${oneLine(task.goal, 80)}” (${alias})`;
      return vscode.l10n.t('{0} of {1}', indices.map(label).join(', '), goal);
    }),
  );
  const others = count - subtasks.length;
  const text = told.join('; ');
  return others > 0 && text !== '' ? vscode.l10n.t('{0}; and {1} more', text, others) : text;
}

async function childOf(
  task: string,
  index: number,
  { client }: EngineAccess,
): Promise<ChildDocument | undefined> {
  const page = await client
    ?.report('children', { task, offset: 0, limit: 1, indices: [index] })
    .catch(() => undefined);
  return page?.children[0];
}

/** Names the first subtask with the reason of its failure, and counts the others. */
function failedText([first, ...others]: readonly ChildDocument[]): string {
  if (first === undefined) return '';
  const reason = first.reason === null ? [] : [oneLine(first.reason, 80)];
  // The message has already said that something failed.
  const verdict = first.verdict === 'failed' && reason.length > 0 ? [] : [verdictText(first.verdict ?? '')];
  const text = `${labelOf(first)}: ${[...verdict, ...reason].join(', ')}`;
  return others.length === 0 ? text : vscode.l10n.t('{0}; and {1} more', text, others.length);
}

const labelOf = ({ name, goal }: ChildDocument): string => oneLine(name ?? goal, 60);

interface Told {
  readonly text: string;
  readonly actions: readonly vscode.Command[];
}
