import * as vscode from 'vscode';
import type { ChildDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import { oneLine, plural } from '../../engine/contract/format.ts';
import { MAX_ARCHIVED } from '../../engine/contract/commands.ts';
import { confirm } from '../messages.ts';
import { historyPage } from '../pages/history-page.ts';
import { taskPage } from '../pages/task-page.ts';
import { iconless, linkless } from '../plain.ts';
import type { AttemptRef, ChildRef, OwnTaskRef, TaskRef, WorkRef } from '../targets.ts';
import { OutputTerminal, titleOf } from '../terminal/output.ts';
import { childLabel, hasFailed, isFinished, isOpen, taskLabel } from '../views/appearance.ts';
import { localTime } from '../views/words.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { notify } from './progress.ts';
import { sayNotes } from './start-task.ts';
import { copy } from './instance.ts';
import { pickChild, pickTask } from './pick.ts';

/** Commands on a task, its subtasks and their threads. */

const isFanned = ({ fan_out: fanOut }: TaskDocument): boolean => fanOut !== null;
const isRetriable = (child: ChildDocument): boolean => child.needs_you != null || isUnaccepted(child);
const isRetriableTask = ({ fan_out: fanOut }: TaskDocument): boolean =>
  fanOut !== null && (hasFailed(fanOut) || (fanOut.needs_you ?? []).length > 0);

/** Returns the shown documents of the selected tasks, each once; of the only target, if nothing else is selected. */
function selectedTasks(
  { model }: CommandContext,
  target: OwnTaskRef,
  selected: readonly OwnTaskRef[] = [target],
): readonly TaskDocument[] {
  const threads = new Set(selected.map(({ thread }) => thread));
  return [...threads].flatMap(thread => model.tasks.get(thread) ?? []);
}

export const openReport: Handler<'fleet.openReport'> = async (context, target) => {
  const task = await pickTask(context, target, vscode.l10n.t('Whose report?'), isFanned);
  if (task === undefined) return;
  // A stopped fleet is opened again, to read its history.
  await engine(context);
  context.openReport(task.thread);
};

export const showOutput: Handler<'fleet.showOutput'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Whose output?');
  const picked = await pickChild(context, target, placeHolder, ({ attempt }) => attempt > 0);
  if (picked === undefined) return;
  const { task, child } = picked;
  const attempt = target?.kind === 'attempt' ? { attempt: target.attempt } : {};
  const { index, name, goal } = child;
  const of = { task: task.thread, alias: task.alias, index, name, goal, ...attempt };
  const pty = new OutputTerminal(await engine(context), of);
  const options = { name: titleOf(of, attempt.attempt), pty, iconPath: new vscode.ThemeIcon('output') };
  vscode.window.createTerminal(options).show();
};

export const retry: Handler<'fleet.retry'> = async (context, target, selected) => {
  if (target !== undefined && selected !== undefined) return retryAll(context, selected);
  const placeHolder = vscode.l10n.t('Which subtask is to run again?');
  const picked = await pickChild(context, target, placeHolder, isRetriable, isRetriableTask);
  if (picked === undefined) return;
  const { needs_you: question, executor, index } = picked.child;
  const prompt =
    question ??
    (executor.startsWith('agent:')
      ? vscode.l10n.t('A hint for the agent, which is added to its prompt. Press Enter for none.')
      : vscode.l10n.t('A hint for the command, which finds it as SPL_HINT. Press Enter for none.'));
  const title =
    question == null
      ? vscode.l10n.t('Retry “{0}”', childLabel(picked.child))
      : vscode.l10n.t('Answer “{0}”', childLabel(picked.child));
  const hint = await vscode.window.showInputBox({ title, prompt, ignoreFocusOut: true });
  if (hint === undefined) return;
  const { thread } = picked.task;
  const client = await engine(context);
  await client.submit('task.retry', { task: thread, subtask: index, hint: hint === '' ? null : hint });
};

/** Retries the selected subtasks without a hint, those of a task in one round. */
async function retryAll(context: CommandContext, selected: readonly WorkRef[]): Promise<void> {
  const client = await engine(context);
  for (const thread of new Set(selected.map(each => each.thread))) {
    const indices = selected.flatMap(each =>
      each.kind !== 'task' && each.thread === thread ? [each.index] : [],
    );
    if (indices.length === 0) continue;
    const page = { task: thread, offset: 0, limit: indices.length, indices: [...new Set(indices)] };
    const { children } = await client.report('children', page);
    const subtasks = children.filter(isRetriable).map(({ index }) => index);
    if (subtasks.length > 0) await client.submit('task.retry', { task: thread, subtasks, hint: null });
  }
}

/** Retries every subtask that did not pass, in one round. */
export const retryFailed: Handler<'fleet.retryFailed'> = async (context, target, selected) => {
  const isFit = ({ fan_out: fanOut }: TaskDocument): boolean => fanOut !== null && hasFailed(fanOut);
  const placeHolder = vscode.l10n.t('Which run? Its subtasks that did not pass run again.');
  const tasks =
    target === undefined || selected === undefined
      ? [(await pickTask(context, target, placeHolder, isFit)) ?? []].flat()
      : selectedTasks(context, target, selected).filter(isFit);
  const client = await engine(context);
  for (const task of tasks) {
    await client.submit('task.retry', { task: task.thread, failed: true, hint: null });
    notify(vscode.l10n.t('Started again what failed of “{0}”', taskLabel(task)));
  }
};

/** Runs all subtasks again, as a new task. @returns the thread of the last new task */
export const rerun: Handler<'fleet.rerun'> = async (context, target, selected) => {
  const placeHolder = vscode.l10n.t('Which run is to run again?');
  const tasks =
    target === undefined || selected === undefined
      ? [(await pickTask(context, target, placeHolder, isFanned)) ?? []].flat()
      : selectedTasks(context, target, selected).filter(isFanned);
  const client = await engine(context);
  let last: string | undefined;
  for (const task of tasks) {
    const opened = await client.submit('task.rerun', { task: task.thread });
    last = opened.thread;
    sayNotes(opened.fan_out);
    await context.model.known(opened.thread);
    await context.reveal({ kind: 'task', thread: opened.thread });
  }
  return last;
};

export const cancel: Handler<'fleet.cancel'> = async (context, target, selected) => {
  if (target !== undefined && selected !== undefined) return cancelAll(context, selected);
  if (target !== undefined && target.kind !== 'task') return cancelChild(context, target);
  const task = await pickTask(
    context,
    target,
    vscode.l10n.t('Which task is to be cancelled?'),
    isCancellable,
  );
  if (task === undefined) return;
  const client = await engine(context);
  // Asks the engine, because the view lags behind.
  if (!(await confirmCancel(await client.report('task', { task: task.thread })))) return;
  await client.submit('task.cancel', { task: task.thread, subtask: null, reason: null });
};

const isCancellable = ({ status, fan_out: fanOut }: TaskDocument): boolean =>
  fanOut === null ? ['inbox', 'active', 'blocked', 'deferred', 'review'].includes(status) : isOpen(fanOut);

/** Cancels the selected tasks that are open, after one question, and the selected subtasks of other tasks. */
async function cancelAll(context: CommandContext, selected: readonly WorkRef[]): Promise<void> {
  const client = await engine(context);
  const whole = selected.filter((each): each is TaskRef => each.kind === 'task');
  const threads = new Set(whole.map(({ thread }) => thread));
  const tasks = [...threads].flatMap(thread => context.model.tasks.get(thread) ?? []).filter(isCancellable);
  const question = vscode.l10n.t('Cancel {0}?', plural(tasks.length, 'task'));
  const detail = tasks.map(task => taskLabel(task)).join('\n');
  if (tasks.length > 0 && !(await confirm(question, detail, vscode.l10n.t('Cancel the Tasks')))) return;
  for (const { thread } of tasks)
    await client.submit('task.cancel', { task: thread, subtask: null, reason: null });
  for (const each of selected)
    if (each.kind === 'child' && !threads.has(each.thread))
      await client.submit('task.cancel', { task: each.thread, subtask: each.index, reason: null });
}

/** Cancels a subtask without confirmation: Retry runs it again, together with all that its end cancelled. */
async function cancelChild(context: CommandContext, target: ChildRef | AttemptRef): Promise<void> {
  const { thread, index } = target;
  const picked = await pickChild(context, target, '', () => true);
  if (picked === undefined) return;
  if (target.kind === 'attempt' && picked.child.attempt !== target.attempt) return sayEnded(target.attempt);
  await (await engine(context)).submit('task.cancel', { task: thread, subtask: index, reason: null });
  notify(vscode.l10n.t('Cancelled “{0}”. Retry runs it again.', childLabel(picked.child)));
}

/** Shows that the attempt has ended. A later attempt is not cancelled in its place. */
function sayEnded(attempt: number): void {
  void vscode.window.showInformationMessage(
    vscode.l10n.t('Attempt {0} has ended by itself; nothing is cancelled.', attempt),
  );
}

async function confirmCancel(task: TaskDocument): Promise<boolean> {
  const { fan_out: fanOut } = task;
  if (fanOut === null) return true;
  const detail = fanOut.complete
    ? vscode.l10n.t('Running subtasks end. The result of the run stays.')
    : vscode.l10n.t('Running subtasks end, and no others start.');
  return confirm(vscode.l10n.t('Cancel “{0}”?', taskLabel(task)), detail, vscode.l10n.t('Cancel the Task'));
}

/** Takes finished tasks out of the lists, and offers to show them again. */
export const archive: Handler<'fleet.archive'> = async (context, target, selected) => {
  const placeHolder = vscode.l10n.t('Which finished task is to be archived?');
  const tasks =
    target === undefined
      ? [(await pickTask(context, undefined, placeHolder, isFinished)) ?? []].flat()
      : selectedTasks(context, target, selected).filter(isFinished);
  await archiveTasks(context, tasks);
};

/** Archives the finished tasks that the tree shows. */
export const archiveFinished: Handler<'fleet.archiveFinished'> = context =>
  archiveTasks(context, context.scope.tasks().filter(isFinished));

async function archiveTasks(context: CommandContext, tasks: readonly TaskDocument[]): Promise<void> {
  const [only] = tasks;
  if (only === undefined) {
    void vscode.window.showInformationMessage(vscode.l10n.t('No finished task is shown.'));
    return;
  }
  const threads = tasks.slice(0, MAX_ARCHIVED).map(({ thread }) => thread);
  await setArchived(context, threads, true);
  const undo = vscode.l10n.t('Undo');
  const text =
    tasks.length === 1
      ? vscode.l10n.t('“{0}” is archived.', taskLabel(only))
      : vscode.l10n.t('{0} tasks are archived.', threads.length);
  // Not awaited: the command is over, whether the message is closed or not.
  void vscode.window.showInformationMessage(linkless(text), undo).then(async pressed => {
    if (pressed === undo) await setArchived(context, threads, false);
  });
}

async function setArchived(context: CommandContext, tasks: string[], archived: boolean): Promise<void> {
  await (await engine(context)).submit('archive', { tasks, namespace: null, undo: !archived });
}

/** Lists the archived tasks, and shows the picked ones in the lists again. */
export const showArchived: Handler<'fleet.showArchived'> = async context => {
  const { tasks } = await (
    await engine(context)
  ).report('tasks', { all: true, archived: true, limit: MAX_ARCHIVED });
  const items = tasks.toReversed().map(task => ({
    label: iconless(taskLabel(task)),
    description: localTime(task.created_unix),
    detail: iconless(oneLine(task.goal, 120)),
    thread: task.thread,
  }));
  if (items.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('No task is archived.'));
    return;
  }
  const placeHolder = vscode.l10n.t('Archived tasks. The chosen ones are listed again.');
  const options = { placeHolder, canPickMany: true, matchOnDetail: true } as const;
  const picked = (await vscode.window.showQuickPick(items, options)) ?? [];
  const threads = picked.map(({ thread }) => thread);
  if (threads.length > 0) await setArchived(context, threads, false);
};

export const runSerial: Handler<'fleet.runSerial'> = async (context, target) => {
  const isJoined = ({ fan_out: fanOut }: TaskDocument): boolean =>
    fanOut?.complete === true && !fanOut.serial;
  const placeHolder = vscode.l10n.t('Which run is to be measured, one subtask after another?');
  const task = await pickTask(context, target, placeHolder, isJoined);
  if (task === undefined) return undefined;
  const client = await engine(context);
  const serial = await client.submit('task.run-serial', { task: task.thread, worker: null });
  context.openReport(task.thread);
  return serial.thread;
};

/** The most subtasks that the page of a task lists. */
const MAX_LISTED = 500;

export const showTask: Handler<'fleet.showTask'> = async (context, target) => {
  const task = await pickTask(context, target, vscode.l10n.t('Which task?'));
  if (task === undefined) return;
  const asked = { task: task.thread, offset: 0, limit: MAX_LISTED };
  const children =
    task.fan_out === null ? [] : (await (await engine(context)).report('children', asked)).children;
  await context.documents.showPage(task.alias, taskPage(task, children, Date.now() / 1000));
};

export const replay: Handler<'fleet.replay'> = async (context, target) => {
  const thread = await threadOf(context, target, vscode.l10n.t('Whose history?'));
  if (thread === undefined) return;
  const history = await (await engine(context)).report('replay', { thread });
  const task = context.model.tasks.get(thread);
  await context.documents.showPage(
    vscode.l10n.t('History of {0}', task?.alias ?? thread),
    historyPage(task === undefined ? thread : taskLabel(task), history),
  );
};

/** Shows a task as the engine reports it, as JSON. */
export const showJson: Handler<'fleet.showJson'> = async (context, target) => {
  const task = await pickTask(context, target, vscode.l10n.t('Which task?'));
  if (task !== undefined) await context.documents.show(`${task.alias}.json`, JSON.stringify(task, null, 2));
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
    description: `${kind} · ${plural(records, 'record')} · ${localTime(last)}`,
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
