import * as vscode from 'vscode';
import type {
  ChildDocument,
  InstanceDocument,
  NamespaceDocument,
  TaskDocument,
} from '../../engine/contract/documents.ts';
import { isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import { oneLine } from '../../engine/contract/format.ts';
import { iconless } from '../plain.ts';
import type { InstanceRef, NamespaceRef, OwnTaskRef, WorkRef } from '../targets.ts';
import {
  childDescription,
  childIcon,
  childLabel,
  instanceDescription,
  instanceIcon,
  taskDescription,
  taskIcon,
  taskLabel,
} from '../views/appearance.ts';
import { namespaceDescription, namespaceIcon, surroundingsOf } from '../views/namespace-appearance.ts';
import { engine, type CommandContext } from './context.ts';

/**
 * Questions for the target of a command that was called without one. If only one target fits, it is taken without
 * asking.
 */

/** Asks for a task. @returns undefined if the user cancelled */
export async function pickTask(
  context: CommandContext,
  target: OwnTaskRef | undefined,
  placeHolder: string,
  isFit: (task: TaskDocument) => boolean = () => true,
): Promise<TaskDocument | undefined> {
  if (target !== undefined) return taskOf(context, target.thread);
  // The tasks of this folder come first.
  const here = context.scope.tasks().filter(isFit);
  const others = [...context.model.tasks.values()].filter(task => isFit(task) && !here.includes(task));
  const tasks = [...here, ...others];
  const now = Date.now() / 1000;
  const items = tasks.map(task => ({
    label: iconless(taskLabel(task)),
    description: iconless(taskDescription(task, false, now)),
    detail: iconless(task.run == null ? task.alias : oneLine(task.goal, 120)),
    iconPath: taskIcon(task),
    task,
  }));
  if (items.length === 0) return nothing(vscode.l10n.t('There is no task that fits.'));
  if (items.length === 1) return items[0]!.task;
  const options = { placeHolder, matchOnDescription: true, matchOnDetail: true };
  return (await vscode.window.showQuickPick(items, options))?.task;
}

async function taskOf(context: CommandContext, thread: string): Promise<TaskDocument> {
  return context.model.tasks.get(thread) ?? (await engine(context)).report('task', { task: thread });
}

/** The most subtasks that a list offers. */
const MAX_OFFERED = 500;

/** Asks for a subtask. @returns undefined if the user cancelled */
export async function pickChild(
  context: CommandContext,
  target: WorkRef | undefined,
  placeHolder: string,
  isFit: (child: ChildDocument) => boolean,
  isFitTask: (task: TaskDocument) => boolean = ({ fan_out: fanOut }) => fanOut !== null,
): Promise<{ readonly task: TaskDocument; readonly child: ChildDocument } | undefined> {
  const task = await pickTask(context, target, placeHolder, isFitTask);
  if (task === undefined) return undefined;
  const index = target === undefined || target.kind === 'task' ? undefined : target.index;
  const { children } = await (
    await engine(context)
  ).report('children', {
    task: task.thread,
    offset: 0,
    limit: MAX_OFFERED,
    ...(index === undefined ? {} : { indices: [index] }),
  });
  if (index !== undefined) return children[0] && { task, child: children[0] };
  // People ask most often for a subtask that did not pass.
  const fit = children.filter(isFit).sort((a, b) => Number(isUnaccepted(b)) - Number(isUnaccepted(a)));
  if (fit.length === 0) return nothing(vscode.l10n.t('“{0}” has no subtask that fits.', taskLabel(task)));
  if (fit.length === 1) return { task, child: fit[0]! };
  const now = Date.now() / 1000;
  const items = fit.map(child => ({
    label: iconless(childLabel(child)),
    description: iconless(childDescription(child, now)),
    iconPath: childIcon(child),
    child,
  }));
  const picked = await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true });
  return picked && { task, child: picked.child };
}

/** Asks for an instance. @returns undefined if the user cancelled */
export async function pickInstance(
  context: CommandContext,
  target: InstanceRef | undefined,
  placeHolder: string,
  isFit: (instance: InstanceDocument) => boolean = () => true,
): Promise<InstanceDocument | undefined> {
  const instances = context.model.fleet?.instances ?? [];
  if (target !== undefined) {
    // The views lag behind: an instance that is being restarted has no row.
    const shown = instances.find(({ did }) => did === target.did);
    return shown ?? (await engine(context)).report('instance', { instance: target.did });
  }
  const fit = instances.filter(isFit);
  if (fit.length === 0) return nothing(vscode.l10n.t('There is no worker that fits.'));
  const items = fit.map(instance => ({
    label: instance.alias,
    description: iconless(instanceDescription(instance, context.session.isHosting)),
    detail: oneLine(instance.did, 80),
    iconPath: instanceIcon(instance),
    instance,
  }));
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDetail: true }))?.instance;
}

/** Asks for a namespace. @returns undefined if the user cancelled */
export async function pickNamespace(
  context: CommandContext,
  target: NamespaceRef | undefined,
  placeHolder: string,
  isFit: (namespace: NamespaceDocument) => boolean = () => true,
): Promise<NamespaceDocument | undefined> {
  const client = await engine(context);
  if (target !== undefined) return client.report('namespace', { namespace: target.id });
  const { namespaces } = await client.report('namespaces', {});
  const around = surroundingsOf(context.model);
  const items = namespaces.filter(isFit).map(namespace => ({
    label: namespace.id,
    description: iconless(namespaceDescription(namespace, around)),
    iconPath: namespaceIcon(namespace, around),
    namespace,
  }));
  if (items.length === 0) return nothing(vscode.l10n.t('There is no namespace that fits.'));
  const options = { placeHolder, matchOnDescription: true, ignoreFocusOut: true };
  return (await vscode.window.showQuickPick(items, options))?.namespace;
}

function nothing(message: string): undefined {
  void vscode.window.showInformationMessage(message);
}
