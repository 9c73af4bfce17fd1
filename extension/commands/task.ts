import * as vscode from 'vscode';
import type { ChildDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import { moment, plural } from '../../engine/contract/format.ts';
import { confirm } from '../messages.ts';
import { iconless } from '../plain.ts';
import type { AttemptRef, ChildRef, WorkRef } from '../targets.ts';
import { OutputTerminal, titleOf } from '../terminal/output.ts';
import { hasFailed, isOpen, subtaskName } from '../views/appearance.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { notify } from './progress.ts';
import { copy } from './instance.ts';
import { pickChild, pickTask } from './pick.ts';

/** Commands on a task, its subtasks and their threads. */

const isFanned = ({ fan_out: fanOut }: TaskDocument): boolean => fanOut !== null;
const isRetriable = (child: ChildDocument): boolean => child.needs_you != null || isUnaccepted(child);

export const openReport: Handler<'fleet.openReport'> = async (context, target) => {
  const task = await pickTask(context, target, vscode.l10n.t('Whose report?'), isFanned);
  if (task !== undefined) context.openReport(task.thread);
};

export const showOutput: Handler<'fleet.showOutput'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Whose output?');
  const picked = await pickChild(context, target, placeHolder, ({ attempt }) => attempt > 0);
  if (picked === undefined) return;
  const { task, child } = picked;
  const attempt = target?.kind === 'attempt' ? { attempt: target.attempt } : {};
  const of = { task: task.thread, alias: task.alias, index: child.index, name: child.name, ...attempt };
  const pty = new OutputTerminal(await engine(context), of);
  const options = { name: titleOf(of, attempt.attempt), pty, iconPath: new vscode.ThemeIcon('output') };
  vscode.window.createTerminal(options).show();
};

export const retry: Handler<'fleet.retry'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Which subtask is to run again?');
  const picked = await pickChild(context, target, placeHolder, isRetriable);
  if (picked === undefined) return;
  const hint = await vscode.window.showInputBox({
    title: vscode.l10n.t('Retry {0} {1}', picked.task.alias, subtaskName(picked.child)),
    prompt: picked.child.executor.startsWith('agent:')
      ? vscode.l10n.t('A hint for the next attempt, which stands in its prompt. Enter for none.')
      : vscode.l10n.t('A hint for the next attempt, which its command finds as SPL_HINT. Enter for none.'),
    ignoreFocusOut: true,
  });
  if (hint === undefined) return;
  const { thread } = picked.task;
  await (
    await engine(context)
  ).submit('task.retry', { task: thread, subtask: picked.child.index, hint: hint === '' ? null : hint });
};

/** Retries every subtask that did not accept, in one round. */
export const retryFailed: Handler<'fleet.retryFailed'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('What failed of which task is to run again?');
  const task = await pickTask(context, target, placeHolder, ({ fan_out: fanOut }) =>
    fanOut === null ? false : hasFailed(fanOut),
  );
  if (task === undefined) return;
  const client = await engine(context);
  await client.submit('task.retry', { task: task.thread, failed: true, hint: null });
  notify(vscode.l10n.t('{0}: started again what failed', task.alias));
};

export const cancel: Handler<'fleet.cancel'> = async (context, target) => {
  if (target !== undefined && target.kind !== 'task') return cancelChild(context, target);
  const isFit = ({ status, fan_out: fanOut }: TaskDocument): boolean =>
    fanOut === null ? ['inbox', 'active', 'blocked', 'deferred', 'review'].includes(status) : isOpen(fanOut);
  const task = await pickTask(context, target, vscode.l10n.t('Which task is to be cancelled?'), isFit);
  if (task === undefined) return;
  const client = await engine(context);
  // Asks the engine, because the view lags behind.
  if (!(await confirmCancel(await client.report('task', { task: task.thread })))) return;
  await client.submit('task.cancel', { task: task.thread, subtask: null, reason: null });
};

/** Cancels a subtask without confirmation: Retry runs it again, together with all that its end cancelled. */
async function cancelChild(context: CommandContext, target: ChildRef | AttemptRef): Promise<void> {
  const { thread, index } = target;
  const picked = await pickChild(context, target, '', () => true);
  if (picked === undefined) return;
  if (target.kind === 'attempt' && picked.child.attempt !== target.attempt) return sayEnded(target.attempt);
  await (await engine(context)).submit('task.cancel', { task: thread, subtask: index, reason: null });
  notify(vscode.l10n.t('Cancelled {0}. Retry runs it again.', subtaskName(picked.child)));
}

/** Shows that the attempt has ended. A later attempt is not cancelled in its place. */
function sayEnded(attempt: number): void {
  void vscode.window.showInformationMessage(
    vscode.l10n.t('Attempt {0} has ended by itself; nothing is cancelled.', attempt),
  );
}

async function confirmCancel({ alias, fan_out: fanOut }: TaskDocument): Promise<boolean> {
  if (fanOut === null) return true;
  const detail = fanOut.complete
    ? vscode.l10n.t('What still runs is ended. The join is over, and stays as it came out.')
    : vscode.l10n.t('What runs is ended, and the join comes out as cancelled.');
  return confirm(vscode.l10n.t('Cancel {0}?', alias), detail, vscode.l10n.t('Cancel the Task'));
}

export const runSerial: Handler<'fleet.runSerial'> = async (context, target) => {
  const isJoined = ({ fan_out: fanOut }: TaskDocument): boolean =>
    fanOut?.complete === true && !fanOut.serial;
  const placeHolder = vscode.l10n.t('Which fan-out is to be measured against a serial run?');
  const task = await pickTask(context, target, placeHolder, isJoined);
  if (task === undefined) return undefined;
  const client = await engine(context);
  const serial = await client.submit('task.run-serial', { task: task.thread, worker: null });
  context.openReport(task.thread);
  return serial.thread;
};

export const showTask: Handler<'fleet.showTask'> = async (context, target) => {
  const task = await pickTask(context, target, vscode.l10n.t('Which task?'));
  if (task !== undefined) await context.documents.show(`${task.alias}.json`, JSON.stringify(task, null, 2));
};

export const replay: Handler<'fleet.replay'> = async (context, target) => {
  const thread = await threadOf(context, target, vscode.l10n.t('Whose history?'));
  if (thread === undefined) return;
  const { steps, final_status: status, count } = await (await engine(context)).report('replay', { thread });
  const lines = steps.map(
    step =>
      `${step.changed ? '→' : ' '} ${moment(step.at_unix)}  ${String(step.clock).padStart(5)}  ${step.act.padEnd(6)}  ` +
      `${step.status.padEnd(10)}  ${step.actor}\n    ${step.body}`,
  );
  const end = vscode.l10n.t('{0} after {1} records', status, count);
  await context.documents.show(`${thread}.replay.txt`, `${lines.join('\n')}\n\n${end}\n`);
};

export const showThread: Handler<'fleet.showThread'> = async (context, target) => {
  const thread =
    target === undefined
      ? await pickThread(context)
      : await threadOf(context, target, vscode.l10n.t('Whose records?'));
  if (thread === undefined) return;
  const document = await (await engine(context)).report('thread.records', { thread });
  await context.documents.show(`${thread}.json`, JSON.stringify(document.records, null, 2));
};

const MAX_THREADS = 500;

/** Asks for a thread of the log, including the fleet's own threads. */
async function pickThread(context: CommandContext): Promise<string | undefined> {
  const { threads } = await (await engine(context)).report('threads', { limit: MAX_THREADS });
  const items = threads.map(({ thread, title, kind, records, last_unix: last }) => ({
    label: iconless(title ?? thread),
    description: `${kind} · ${plural(records, 'record')} · ${moment(last)}`,
    detail: thread,
    thread,
  }));
  const placeHolder = vscode.l10n.t('Whose records?');
  const options = { placeHolder, matchOnDescription: true, matchOnDetail: true };
  return (await vscode.window.showQuickPick(items, options))?.thread;
}

/** Returns the thread of a row. Without a row, asks for a task and returns its thread. */
async function threadOf(
  context: CommandContext,
  target: WorkRef | undefined,
  placeHolder: string,
): Promise<string | undefined> {
  if (target !== undefined && target.kind !== 'task') {
    const picked = await pickChild(context, target, placeHolder, () => true);
    return picked?.child.thread;
  }
  return (await pickTask(context, target, placeHolder))?.thread;
}

export const copyThread: Handler<'fleet.copyThread'> = async (context, target) => {
  const thread = await threadOf(context, target, vscode.l10n.t('Whose thread?'));
  if (thread !== undefined) await copy(thread);
};

export const copyAlias: Handler<'fleet.copyAlias'> = async (context, target) => {
  const task = await pickTask(context, target, vscode.l10n.t('Whose alias?'));
  if (task !== undefined) await copy(task.alias);
};
