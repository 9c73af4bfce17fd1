import { access } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { engine, type Handler } from './context.ts';
import { pickTask } from './pick.ts';

/** Opens a fan-out as a new plan, which is not saved yet. */
export const savePlan: Handler<'fleet.savePlan'> = async (context, target) => {
  const placeHolder = vscode.l10n.t('Which task is to become a plan?');
  const task = await pickTask(context, target, placeHolder, ({ fan_out: fanOut }) => fanOut !== null);
  if (!task?.fan_out) return;
  const client = await engine(context);
  const { body } = await client.report('record', { id: task.fan_out.record });
  const folder = folderOf(task);
  const { planOfFanOut } = await import('../../engine/plan/draft/from-fan-out.ts');
  const text = planOfFanOut({ ...task, namespace: task.fan_out.namespace, body }, folder);
  const uri = vscode.Uri.file(await freePath(folder, nameOf(task))).with({ scheme: 'untitled' });
  const shown = await vscode.window.showTextDocument(uri);
  await shown.edit(change => change.insert(new vscode.Position(0, 0), text));
};

/** Returns the folder of the new plan: the first one of the window that holds the task's, otherwise the task's. */
function folderOf({ dir }: TaskDocument): string {
  const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
  const around = folders.find(folder => dir === folder || dir?.startsWith(`${folder}${path.sep}`));
  return around ?? folders[0] ?? dir ?? process.cwd();
}

/** Returns the name of the run, or a short form of the goal, as the start of a file name. */
function nameOf({ run, goal }: TaskDocument): string {
  const words = (run?.name ?? goal).toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.join('-').slice(0, 40).replace(/-+$/, '') || 'plan';
}

/** Returns the path of a plan that neither exists nor is open. */
async function freePath(folder: string, name: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const file = path.join(folder, `${name}${number === 1 ? '' : `-${number}`}.fanout.yaml`);
    const isOpen = vscode.workspace.textDocuments.some(({ uri }) => uri.path === vscode.Uri.file(file).path);
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (!isOpen && !isThere) return file;
  }
}
