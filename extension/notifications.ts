import * as vscode from 'vscode';
import type { ChildDocument, InstanceDocument, TaskDocument } from '../engine/contract/documents.ts';
import { MAX_CHILDREN } from '../engine/contract/engine.ts';
import { isFollowUp, isUnaccepted } from '../engine/contract/fan-out-documents.ts';
import { oneLine, plural } from '../engine/contract/format.ts';
import type { EngineAccess } from './access.ts';
import { asCommand, execute } from './command-registry.ts';
import { setting } from './contributions.ts';
import { wayOut } from './failures.ts';
import { offer } from './messages.ts';
import { linkless, sentences } from './plain.ts';
import type { OpenSession } from './session/session.ts';
import type { AttemptRef, ChildRef } from './targets.ts';
import { childLabel, taskLabel } from './views/appearance.ts';
import type { Alarm, Attention } from './views/attention.ts';
import { reasonText, span, verdictText } from './views/words.ts';

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
  const text = vscode.l10n.t('The fleet in this window stopped. {0}', sentences(error));
  const again = asCommand('fleet.reconnect', vscode.l10n.t('Try Again'));
  const out = wayOut(error);
  const log = asCommand('fleet.showLog', vscode.l10n.t('Show Log'));
  await offer('error', text, again, ...(out === undefined ? [] : [out]), log);
}

async function notify(alarm: Alarm, access: EngineAccess): Promise<void> {
  if (!setting(`notifications.${alarm.kind}`)) return;
  const told = await toldOf(alarm, access);
  if (told === undefined) return;
  const { text, actions } = told;
  const off: vscode.MessageItem = { title: vscode.l10n.t("Don't Show Again") };
  const show =
    alarm.kind === 'passed' ? vscode.window.showInformationMessage : vscode.window.showWarningMessage;
  const chosen = await show<vscode.MessageItem>(linkless(text), ...actions, off);
  if (chosen === off) {
    const configuration = vscode.workspace.getConfiguration('fleet');
    await configuration.update(`notifications.${alarm.kind}`, false, vscode.ConfigurationTarget.Global);
    return;
  }
  const action = actions.find(each => each === chosen);
  if (action !== undefined) await execute(action);
}

/** Returns the message about an alarm; undefined for one that a person caused. */
async function toldOf(alarm: Alarm, access: EngineAccess): Promise<Told | undefined> {
  switch (alarm.kind) {
    case 'joinFailed': {
      const unpassed = await unpassedOf(alarm.task, access);
      const failed = unpassed.filter(({ verdict }) => verdict !== 'cancelled');
      const isOnRequest = failed.length === 0 && unpassed.some(({ reason }) => reason === BY_REQUEST);
      return isOnRequest ? undefined : joinFailed(alarm, failed.length > 0 ? failed : unpassed);
    }
    case 'passed':
      return passed(alarm);
    case 'needsYou':
      return needsYou(alarm, await childOf(alarm.task.thread, alarm.subtask, access));
    case 'workerLost':
      return workerLost(alarm, await tasksOf(alarm.had, access));
    case 'stalled':
      return stalled(alarm, await childOf(alarm.task.thread, alarm.attempt.subtask, access));
  }
}

/** The engine's reason for a subtask that somebody cancelled. */
const BY_REQUEST = 'cancelled by request';

function joinFailed(
  { task }: Extract<Alarm, { kind: 'joinFailed' }>,
  failed: readonly ChildDocument[],
): Told {
  const { thread } = task;
  const target = { kind: 'task', thread } as const;
  const [only, ...others] = failed;
  const show =
    only !== undefined && others.length === 0
      ? asCommand('fleet.showOutput', vscode.l10n.t('Open Output'), {
          kind: 'child',
          thread,
          index: only.index,
        })
      : asCommand('fleet.openReport', vscode.l10n.t('Open Report'), target);
  const retry = asCommand('fleet.retryFailed', vscode.l10n.t('Retry Failed'), target);
  const word = task.fan_out?.outcome === 'timed_out' ? vscode.l10n.t('timed out') : vscode.l10n.t('failed');
  const what = `${nameOf(task)} ${word}`;
  return {
    text: failed.length === 0 ? `${what}.` : vscode.l10n.t('{0}. {1}', what, failedText(failed)),
    // Nothing is started from an untrusted folder.
    actions: vscode.workspace.isTrusted ? [show, retry] : [show],
  };
}

function passed({ task, secs }: Extract<Alarm, { kind: 'passed' }>): Told {
  const report = asCommand('fleet.openReport', vscode.l10n.t('Open Report'), {
    kind: 'task',
    thread: task.thread,
  });
  return { text: vscode.l10n.t('{0} passed in {1}.', nameOf(task), span(secs)), actions: [report] };
}

function needsYou(
  { task, subtask: index }: Extract<Alarm, { kind: 'needsYou' }>,
  child: ChildDocument | undefined,
): Told {
  const target = { kind: 'child', thread: task.thread, index } as const;
  const output = asCommand('fleet.showOutput', vscode.l10n.t('Open Output'), target);
  const answer = asCommand('fleet.retry', vscode.l10n.t('Answer…'), target);
  return {
    text: vscode.l10n.t(
      '{0} of {1} needs you: {2}',
      subtaskText(index, child),
      nameOf(task),
      oneLine(child?.needs_you ?? '', 200),
    ),
    actions: vscode.workspace.isTrusted ? [answer, output] : [output],
  };
}

function workerLost({ worker, had }: Extract<Alarm, { kind: 'workerLost' }>, tasks: string): Told {
  const target = { kind: 'instance', did: worker.did } as const;
  const why = worker.note === null ? '' : ` (${worker.note})`;
  const restart = asCommand('fleet.restartInstance', vscode.l10n.t('Restart Worker'), target);
  const log = asCommand('fleet.openInstanceLog', vscode.l10n.t('Open Log'), target);
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
    actions: vscode.workspace.isTrusted ? [restart, log] : [log],
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
      '{0} of {1} has shown no sign of life for {2}, on {3}.',
      subtaskText(subtask, child),
      nameOf(task),
      span(secs),
      worker,
    ),
    actions: [
      asCommand('fleet.showOutput', vscode.l10n.t('Open Output'), target),
      asCommand('fleet.cancel', vscode.l10n.t('Cancel It'), target),
    ],
  };
}

/** Returns the subtasks that did not pass before the end of their run; none if the engine cannot say now. */
async function unpassedOf(task: TaskDocument, { client }: EngineAccess): Promise<readonly ChildDocument[]> {
  const page = await client
    ?.report('children', { task: task.thread, offset: 0, limit: MAX_CHILDREN })
    .catch(() => undefined);
  return (page?.children ?? []).filter(
    child => isUnaccepted(child) && !child.after_join && !isFollowUp(child),
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
        return subtaskText(index, child);
      };
      const name = task === undefined ? own[0]!.task : nameOf(task);
      return vscode.l10n.t('{0} of {1}', indices.map(label).join(', '), name);
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
  const reason = first.reason === null ? '' : `: ${oneLine(reasonText(first.reason), 80)}`;
  const text = `${subtaskText(first.index, first)} ${verdictText(first.verdict ?? '')}${reason}`;
  return others.length === 0 ? `${text}.` : vscode.l10n.t('{0}; and {1} more.', text, others.length);
}

/** Names a task by its run or its goal. */
const nameOf = (task: TaskDocument): string => `“${taskLabel(task)}”`;

const subtaskText = (index: number, child: ChildDocument | undefined): string =>
  child === undefined ? vscode.l10n.t('subtask {0}', index) : `“${childLabel(child)}”`;

interface Told {
  readonly text: string;
  readonly actions: readonly vscode.Command[];
}
