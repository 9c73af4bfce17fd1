import * as vscode from 'vscode';
import type { TaskAction } from '../../engine/contract/commands.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { iconless } from '../plain.ts';
import { statusText } from '../views/appearance.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { notify } from './progress.ts';
import { pickTask } from './pick.ts';

/** Asks for the new status of a task without a fan-out, and submits it. */
export const setTaskStatus: Handler<'fleet.setTaskStatus'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('How which task stands?');
  const task = await pickTask(context, target, placeHolder, ({ verbs }) => verbs.length > 0);
  if (task === undefined) return;
  if (task.verbs.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('How {0} stands, its join decides.', task.alias));
    return;
  }
  const action = await askForAction(task);
  if (action === undefined) return;
  const after = await APPLY[action](context, task);
  if (after !== undefined) notify(vscode.l10n.t('{0} is {1}', task.alias, statusText(after.status)));
};

const ACTION_TEXTS = (): Readonly<
  Record<TaskAction, readonly [icon: string, label: string, detail: string]>
> => ({
  start: ['play', vscode.l10n.t('Start'), vscode.l10n.t('work on it begins, or goes on')],
  done: ['check', vscode.l10n.t('Done'), vscode.l10n.t('it waits for a verdict by somebody else')],
  approve: ['pass', vscode.l10n.t('Approve'), vscode.l10n.t('what waits for it may begin')],
  reject: ['thumbsdown', vscode.l10n.t('Reject'), vscode.l10n.t('its goal was not reached')],
  block: ['stop-circle', vscode.l10n.t('Block'), vscode.l10n.t('something keeps it from going on')],
  defer: ['calendar', vscode.l10n.t('Defer'), vscode.l10n.t('until a date, or until somebody starts it')],
  fail: ['error', vscode.l10n.t('Fail'), vscode.l10n.t('it is given up')],
  reopen: ['discard', vscode.l10n.t('Reopen'), vscode.l10n.t('it is taken up again')],
});

async function askForAction({ alias, status, verbs }: TaskDocument): Promise<TaskAction | undefined> {
  const texts = ACTION_TEXTS();
  const offered = (Object.keys(texts) as TaskAction[]).filter(action => verbs.includes(action));
  const items = offered.map(action => {
    const [icon, label, description] = texts[action];
    return { label, description, iconPath: new vscode.ThemeIcon(icon), action };
  });
  const title = vscode.l10n.t('{0} is {1}', alias, statusText(status));
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.action;
}

type Apply = (context: CommandContext, task: TaskDocument) => Promise<TaskDocument | undefined>;

/** The action of each action: asks for its input, if it takes any, and submits its command to the engine. */
const APPLY: Readonly<Record<TaskAction, Apply>> = {
  start: async (context, { thread: task }) =>
    (await engine(context)).submit('task.start', { task, reason: null }),
  reopen: async (context, { thread: task }) =>
    (await engine(context)).submit('task.reopen', { task, reason: null }),
  done: async (context, { thread: task }) => {
    const summary = await askFor(vscode.l10n.t('What was done? For whoever judges it. Enter for nothing.'));
    return summary && (await engine(context)).submit('task.done', { task, summary: summary.text });
  },
  approve: withReason('task.approve'),
  reject: withReason('task.reject'),
  fail: withReason('task.fail'),
  block: blocked,
  defer: deferred,
};

function withReason(command: 'task.approve' | 'task.reject' | 'task.fail'): Apply {
  return async (context, { thread: task }) => {
    const reason = await askFor(vscode.l10n.t('Why? For the record. Enter for no reason.'));
    return reason && (await engine(context)).submit(command, { task, reason: reason.text });
  };
}

/**
 * Asks for a text; null if it was left empty.
 * @param needed the fault of an empty text, if a text is required
 * @returns undefined if the user cancelled
 */
async function askFor(
  prompt: string,
  needed?: string,
): Promise<{ readonly text: string | null } | undefined> {
  const text = await vscode.window.showInputBox({
    prompt,
    ignoreFocusOut: true,
    validateInput: given => (given.trim() === '' ? needed : undefined),
  });
  return text === undefined ? undefined : { text: text.trim() === '' ? null : text.trim() };
}

/** Blocks a task on another task, whose approval unblocks it, or for a reason in words. */
async function blocked(
  context: CommandContext,
  { thread: task }: TaskDocument,
): Promise<TaskDocument | undefined> {
  const others = [...context.model.tasks.values()].filter(
    ({ thread, status }) => thread !== task && !['approved', 'cancelled'].includes(status),
  );
  const words = { label: vscode.l10n.t('Something else…'), on: null };
  const items = [
    words,
    ...others.map(({ alias, goal, thread }) => ({ label: alias, description: iconless(goal), on: thread })),
  ];
  const placeHolder = vscode.l10n.t('What does it wait for?');
  const picked = others.length === 0 ? words : await vscode.window.showQuickPick(items, { placeHolder });
  if (picked === undefined) return undefined;
  const reason =
    picked.on === null
      ? await askFor(
          vscode.l10n.t('What keeps it from going on?'),
          vscode.l10n.t('A block says what it waits for.'),
        )
      : { text: null };
  return reason && (await engine(context)).submit('task.block', { task, reason: reason.text, on: picked.on });
}

async function deferred(
  context: CommandContext,
  { thread: task }: TaskDocument,
): Promise<TaskDocument | undefined> {
  const day = 86_400;
  const items = [
    { label: vscode.l10n.t('Until tomorrow'), secs: day },
    { label: vscode.l10n.t('For three days'), secs: 3 * day },
    { label: vscode.l10n.t('For a week'), secs: 7 * day },
    { label: vscode.l10n.t('Until somebody starts it'), secs: null },
  ];
  const picked = await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Until when?') });
  if (picked === undefined) return undefined;
  const until = picked.secs === null ? null : Math.floor(Date.now() / 1000) + picked.secs;
  return (await engine(context)).submit('task.defer', { task, reason: null, until_unix: until });
}
