import * as path from 'node:path';
import * as vscode from 'vscode';
import { plural } from '../../engine/contract/format.ts';
import type { Outline } from '../../engine/language/protocol.ts';
import { asCommand } from '../command-registry.ts';
import { offer } from '../messages.ts';
import { iconless, linkless, sentences } from '../plain.ts';
import { isPlan, planFiles } from '../plans/plan-files.ts';
import { openUntitledPlan } from '../plans/untitled.ts';
import type { PlanPart } from '../plans/start.ts';
import type { PlanRef, PlanSubtaskRef } from '../targets.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { revealFannedOut } from './fan-out.ts';
import { firstFanOut } from './first-fan-out.ts';
import { notify } from './progress.ts';
import { FaultyPlan, startPlan } from './start-plan.ts';

/** Commands on a plan: the one that is named, else the one in the active editor. */

export const runPlan: Handler<'fleet.runPlan'> = async (context, target) => {
  const uri = planOf(target) ?? (await pickPlan());
  if (uri !== undefined) await run(context, uri);
};

export const runPlanSubtask: Handler<'fleet.runPlanSubtask'> = async (context, target) => {
  const uri = planOf(target);
  if (uri === undefined) return sayNoPlan();
  await vscode.workspace.openTextDocument(uri);
  const outline = await (await context.plans.client()).outline(uri.toString());
  const meant = target ?? (await pickSubtask(outline));
  if (meant === undefined) return;
  const indices = indicesOf(outline, meant);
  if (indices !== undefined) return run(context, uri, { subtasks: indices });
  const message = vscode.l10n.t('The plan has changed: {0} is not in it any more.', meant.name ?? '');
  void vscode.window.showInformationMessage(message);
};

/** Opens a first plan for a folder in an editor, unsaved, under a name that is free. */
export const newPlan: Handler<'fleet.newPlan'> = async (context, target) => {
  const folder = target === undefined ? await pickFolder() : vscode.Uri.parse(target.uri);
  if (folder === undefined) return;
  const { text } = await (await context.plans.client()).draft(folder.fsPath);
  await openUntitledPlan(draftStem(folder), text);
};

const draftStem = (folder: vscode.Uri): string => path.join(folder.fsPath, 'check');

/** Makes a plan from the scripts of a folder and runs it. Where nothing is found, a fan-out that only echoes runs. */
export const firstPlan: Handler<'fleet.firstPlan'> = async context => {
  const folder = await pickFolder();
  if (folder === undefined) return;
  const { text, subtasks } = await (await context.plans.client()).draft(folder.fsPath);
  if (subtasks === 0) return firstFanOut(context);
  await run(context, await openUntitledPlan(draftStem(folder), text));
};

async function pickFolder(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length > 1) {
    const items = folders.map(({ name, uri }) => ({ label: iconless(name), description: uri.fsPath, uri }));
    const placeHolder = vscode.l10n.t('For which folder?');
    return (await vscode.window.showQuickPick(items, { placeHolder }))?.uri;
  }
  if (folders[0] === undefined) {
    const open = vscode.l10n.t('Open Folder');
    const message = vscode.l10n.t('A plan is made from the scripts of a folder, and none is open.');
    if ((await vscode.window.showInformationMessage(message, open)) === open)
      await vscode.commands.executeCommand('workbench.action.files.openFolder');
  }
  return folders[0]?.uri;
}

export const runPlanSerially: Handler<'fleet.runPlanSerially'> = async (context, target) => {
  const uri = planOf(target);
  if (uri === undefined) return sayNoPlan();
  const task = context.plans.lastRun(uri);
  if (task?.fan_out?.complete === true) {
    const serial = await (
      await engine(context)
    ).submit('task.run-serial', { task: task.thread, worker: null });
    return notify(vscode.l10n.t('{0}: started, one subtask after another', serial.alias));
  }
  const runIt = vscode.l10n.t('Run');
  const message = vscode.l10n.t(
    'A serial run is measured against one in parallel, and this plan has none that has ended.',
  );
  if ((await vscode.window.showInformationMessage(message, runIt)) === runIt) await run(context, uri);
};

export const openPlanReport: Handler<'fleet.openPlanReport'> = (context, target) => {
  const uri = planOf(target);
  const task = uri && context.plans.lastRun(uri);
  if (task !== undefined) context.openReport(task.thread);
  else if (uri === undefined) sayNoPlan();
  else void vscode.window.showInformationMessage(vscode.l10n.t('This plan has not been run yet.'));
  return Promise.resolve();
};

export const previewPlan: Handler<'fleet.previewPlan'> = async (context, target) => {
  const uri = planOf(target);
  if (uri === undefined) return sayNoPlan();
  await vscode.workspace.openTextDocument(uri);
  context.previewPlan(uri);
};

/** Returns the plan that the target names, otherwise the plan in the active editor. */
function planOf(target: PlanRef | undefined): vscode.Uri | undefined {
  if (target !== undefined) return vscode.Uri.parse(target.uri);
  const document = vscode.window.activeTextEditor?.document;
  return document !== undefined && isPlan(document) ? document.uri : undefined;
}

function sayNoPlan(): void {
  const message = vscode.l10n.t('Open a plan first: a file whose name ends with .fanout.yaml.');
  void offer('info', message, asCommand('fleet.newPlan', vscode.l10n.t('New Plan…')));
}

/** Asks for one of the workspace's plans, unless there is only one. */
async function pickPlan(): Promise<vscode.Uri | undefined> {
  const plans = await planFiles();
  if (plans.length === 0) {
    const message = vscode.l10n.t('This workspace has no plan: a file whose name ends with .fanout.yaml.');
    await offer('info', message, asCommand('fleet.newPlan', vscode.l10n.t('New Plan…')));
  }
  if (plans.length < 2) return plans[0];
  const items = plans.map(uri => ({
    label: iconless(path.basename(uri.path)),
    description: vscode.workspace.asRelativePath(uri),
    uri,
  }));
  const placeHolder = vscode.l10n.t('Which plan?');
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true }))?.uri;
}

/** A subtask as the lens or the list showed it. */
type Meant = Pick<PlanSubtaskRef, 'subtask' | 'name'>;

/** Returns the indices of the shown subtask, wherever it stands now, found by its name; undefined if it is gone. */
function indicesOf(outline: Outline, { subtask, name }: Meant): readonly number[] | undefined {
  const written = outline?.subtasks ?? [];
  // A plan that cannot be read has errors, which are reported when it is run.
  if (outline === null) return [subtask];
  const isSame = name === undefined || written[subtask]?.name === name;
  return (isSame ? written[subtask] : written.find(each => name !== null && each.name === name))?.indices;
}

async function pickSubtask(outline: Outline): Promise<Meant | undefined> {
  const items = (outline?.subtasks ?? []).map(({ name, names, indices }, index) => ({
    label: iconless(name ?? names[0] ?? vscode.l10n.t('Subtask {0}', index + 1)),
    description: indices.length > 1 ? plural(indices.length, 'subtask') : '',
    subtask: index,
    name,
  }));
  return vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Which subtask?') });
}

async function run(context: CommandContext, uri: vscode.Uri, part: PlanPart = {}): Promise<void> {
  try {
    const task = await startPlan(context, uri, part);
    if (task === undefined) return;
    notify(vscode.l10n.t('{0}: started {1}', task.alias, plural(task.subtasks, 'subtask')));
    if (task.isSplit) await revealFannedOut(context, task.thread);
  } catch (thrown) {
    if (!(thrown instanceof FaultyPlan)) throw thrown;
    await sayFaulty(thrown);
  }
}

async function sayFaulty(fault: FaultyPlan): Promise<void> {
  const show = vscode.l10n.t('Show Problems');
  if ((await vscode.window.showErrorMessage(linkless(sentences(fault)), show)) === show)
    await vscode.commands.executeCommand('workbench.actions.view.problems');
}
