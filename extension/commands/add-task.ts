import * as vscode from 'vscode';
import * as v from 'valibot';
import { aliasSchema } from '../../engine/contract/commands.ts';
import type { TaskAdded } from '../../engine/contract/documents.ts';
import { workspaceNamespace } from '../model/workspace-namespace.ts';
import { engine, type Command, type CommandContext } from './context.ts';
import { tell } from './progress.ts';

export const addTask: Command = async context => {
  const added = await askForTask(context);
  if (added === undefined) return;
  tell(vscode.l10n.t('Added {0}', added.alias));
  await context.reveal({ kind: 'task', thread: added.thread });
};

/** Asks for a goal and an alias, and adds the task. @returns undefined when the user left. */
export async function askForTask(context: CommandContext): Promise<TaskAdded | undefined> {
  const title = vscode.l10n.t('Add Task');
  const goal = await vscode.window.showInputBox({
    title: `${title} (1/2)`,
    prompt: vscode.l10n.t('What is to be reached?'),
    placeHolder: vscode.l10n.t('Check the release'),
    ignoreFocusOut: true,
    validateInput: text => (text.trim() === '' ? vscode.l10n.t('A task has a goal.') : undefined),
  });
  if (goal === undefined) return undefined;
  const alias = await vscode.window.showInputBox({
    title: `${title} (2/2)`,
    prompt: vscode.l10n.t('A short name for it. Enter takes the next free one.'),
    placeHolder: 'REL-7',
    ignoreFocusOut: true,
    validateInput: text => aliasFault(text, context),
  });
  if (alias === undefined) return undefined;
  return submitTask(context, goal, alias === '' ? null : alias);
}

/** Adds a task whose subtasks run in this workspace's folder. */
export async function submitTask(
  context: CommandContext,
  goal: string,
  alias: string | null,
): Promise<TaskAdded> {
  return (await engine(context)).submit('task.add', {
    goal,
    alias,
    priority: 'medium',
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace: workspaceNamespace(),
    dir: workspaceFolder(),
  });
}

function aliasFault(text: string, { model }: CommandContext): string | undefined {
  if (text === '') return undefined;
  const result = v.safeParse(aliasSchema, text);
  if (!result.success) return result.issues[0].message;
  const holder = model.task(text);
  const isFree =
    holder === undefined || ['approved', 'rejected', 'failed', 'cancelled'].includes(holder.status);
  return isFree ? undefined : vscode.l10n.t('{0} is the name of a task that is not finished.', text);
}

/** The folder on this machine's disk that is open; null where there is none. */
function workspaceFolder(): string | null {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const active = vscode.window.activeTextEditor?.document.uri;
  const own = active && vscode.workspace.getWorkspaceFolder(active);
  const folder = own ?? folders.find(({ uri }) => uri.scheme === 'file');
  return folder?.uri.scheme === 'file' ? folder.uri.fsPath : null;
}
