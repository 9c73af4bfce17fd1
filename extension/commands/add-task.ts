import * as vscode from 'vscode';
import * as v from 'valibot';
import { aliasSchema, type TaskAdd } from '../../engine/contract/commands.ts';
import { workspaceNamespace } from '../model/workspace-namespace.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { notify } from './progress.ts';

export const addTask: Handler<'fleet.addTask'> = async context => {
  const asked = await askForTask(context);
  if (asked === undefined) return;
  const added = await (await engine(context)).submit('task.add', asked);
  notify(vscode.l10n.t('Added {0}', added.alias));
  await context.reveal({ kind: 'task', thread: added.thread });
};

/** Asks for the goal and the alias of a new task. @returns undefined if the user cancelled */
export async function askForTask(context: CommandContext): Promise<TaskAdd | undefined> {
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
  return taskOf(goal, alias === '' ? null : alias);
}

/**
 * Returns a task whose subtasks run in this workspace's folder. @throws if the workspace's setting is not a namespace
 */
export function taskOf(goal: string, alias: string | null): TaskAdd {
  return {
    goal,
    alias,
    priority: 'medium',
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace: workspaceNamespace(),
    dir: workspaceFolder(),
  };
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

/** Returns the open folder on this machine's disk; null if there is none. */
function workspaceFolder(): string | null {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const active = vscode.window.activeTextEditor?.document.uri;
  const own = active && vscode.workspace.getWorkspaceFolder(active);
  const folder = own ?? folders.find(({ uri }) => uri.scheme === 'file');
  return folder?.uri.scheme === 'file' ? folder.uri.fsPath : null;
}
