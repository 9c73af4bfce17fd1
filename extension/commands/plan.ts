import { homedir } from 'node:os';
import * as path from 'node:path';
import * as v from 'valibot';
import * as vscode from 'vscode';
import { fanOutSchema } from '../../engine/contract/commands.ts';
import { plural } from '../../engine/contract/format.ts';
import { planRunName } from '../../engine/contract/run-name.ts';
import type { Requested } from '../../engine/language/protocol.ts';
import { withDefaultBudget } from '../session/fleet-settings.ts';
import { workspaceNamespace } from '../model/workspace-namespace.ts';
import { iconless } from '../plain.ts';
import { isPlan } from '../plans/plan-files.ts';
import type { PlanRef, PlanSubtaskRef } from '../targets.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { revealFannedOut } from './fan-out.ts';
import { startFleet } from './fleet.ts';
import { notify } from './progress.ts';
import { splitTask, startTask } from './start-task.ts';

/** Commands on a plan that is open in an editor. */

export const runPlan: Handler<'fleet.runPlan'> = (context, target) => run(context, target, null);

export const runPlanSubtask: Handler<'fleet.runPlanSubtask'> = async (context, target) => {
  const uri = planOf(target);
  if (uri === undefined) return sayNoPlan();
  const meant = target ?? (await pickSubtask(context, uri));
  if (meant === undefined) return;
  const place = placeOf(context, uri, meant);
  if (place !== undefined) return run(context, target, place);
  const message = vscode.l10n.t('The plan has changed: {0} is not in it any more.', meant.name ?? '');
  void vscode.window.showInformationMessage(message);
};

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
  if ((await vscode.window.showInformationMessage(message, runIt)) === runIt)
    await run(context, target, null);
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
  const message = vscode.l10n.t(
    'Open a plan first: a file whose name ends with .fanout.yaml. `spl plan init` writes one.',
  );
  void vscode.window.showInformationMessage(message);
}

/** A subtask as the lens or the list showed it. */
type Meant = Pick<PlanSubtaskRef, 'subtask' | 'name'>;

/** Returns the subtask's present place in the plan, found by the name that was shown; undefined if it is gone. */
function placeOf({ plans }: CommandContext, uri: vscode.Uri, { subtask, name }: Meant): number | undefined {
  const written = plans.outline(uri)?.subtasks;
  if (written === undefined || name === undefined || written[subtask]?.name === name) return subtask;
  const place = name === null ? -1 : written.findIndex(each => each.name === name);
  return place === -1 ? undefined : place;
}

async function pickSubtask({ plans }: CommandContext, uri: vscode.Uri): Promise<Meant | undefined> {
  const items = (plans.outline(uri)?.subtasks ?? []).map(({ name, indices }, index) => ({
    label: iconless(name ?? `[${index}]`),
    description: indices.length > 1 ? plural(indices.length, 'subtask') : '',
    subtask: index,
    name,
  }));
  return vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t('Which subtask?') });
}

async function run(
  context: CommandContext,
  target: PlanRef | undefined,
  subtask: number | null,
): Promise<void> {
  const uri = planOf(target);
  if (uri === undefined) return sayNoPlan();
  await vscode.workspace.openTextDocument(uri);
  const plans = await context.plans.client();
  let asked = await plans.requested(uri.toString(), subtask);
  if ('params' in asked) {
    const params = await askParams(asked.params);
    if (params === undefined) return;
    asked = await plans.requested(uri.toString(), subtask, params);
  }
  if (!('request' in asked)) return sayFaulty('errors' in asked ? asked.errors : 1);
  const client = await engine(context);
  const { live } = await client.report('fleet', {});
  // The coordinator counts as live.
  if (live < 2) await startFleet(context);
  const { goal, fanOut } = fanOutOf(asked, path.dirname(uri.fsPath));
  const folder = path.dirname(uri.fsPath);
  const split = context.drafts.get(uri.toString());
  const task = await (split === undefined
    ? startTask(
        client,
        {
          ...{
            goal,
            alias: null,
            priority: 'medium',
            labels: [],
            domain: null,
            hypothesis: null,
            criteria: [],
          },
          namespace: fanOut.namespace ?? workspaceNamespace(),
          dir: fanOut.dir ?? folder,
        },
        { ...fanOut, run: planRunName(uri.fsPath) },
      )
    : splitTask(client, split, { ...fanOut, dir: fanOut.dir ?? folder }));
  // The next run of the same plan is a task of its own.
  context.drafts.delete(uri.toString());
  await context.notePlanRun(uri, task.thread);
  notify(vscode.l10n.t('{0}: started {1}', task.alias, plural(fanOut.subtasks.length, 'subtask')));
  if (split !== undefined) await revealFannedOut(context, split);
}

/** Asks for the value of each param that has no default; undefined once one is dismissed. */
async function askParams(
  params: Extract<Requested, { params: unknown }>['params'],
): Promise<Readonly<Record<string, string>> | undefined> {
  const values: Record<string, string> = {};
  for (const { name, description } of params) {
    const value = await vscode.window.showInputBox({
      title: vscode.l10n.t('Value of {0}', name),
      ...(description !== null && { prompt: description }),
    });
    if (value === undefined) return undefined;
    values[name] = value;
  }
  return values;
}

async function sayFaulty(errors: number): Promise<void> {
  const show = vscode.l10n.t('Show Problems');
  const message = vscode.l10n.t('The plan has {0}, and is not run.', plural(errors, 'error'));
  if ((await vscode.window.showErrorMessage(message, show)) === show)
    await vscode.commands.executeCommand('workbench.actions.view.problems');
}

/** Returns the request of a fan-out, with its folders resolved from the plan's. */
function fanOutOf(
  { request }: Extract<Requested, { request: unknown }>,
  folder: string,
): { readonly goal: string; readonly fanOut: v.InferOutput<typeof fanOutSchema> } {
  const { goal, dir, subtasks, ...rest } = request;
  const absolute = (given: unknown): string | null =>
    typeof given === 'string' ? path.resolve(folder, given.replace(/^~(?=\/|$)/, homedir())) : null;
  const placed = withDefaultBudget(subtasks as readonly Record<string, unknown>[]).map(subtask =>
    typeof subtask['dir'] === 'string' ? { ...subtask, dir: absolute(subtask['dir']) } : subtask,
  );
  return {
    goal: String(goal),
    fanOut: v.parse(fanOutSchema, { ...rest, subtasks: placed, dir: absolute(dir) }),
  };
}
