import { homedir } from 'node:os';
import * as path from 'node:path';
import * as v from 'valibot';
import * as vscode from 'vscode';
import { fanOutSchema } from '../../engine/contract/commands.ts';
import { plural } from '../../engine/contract/format.ts';
import { planRunName } from '../../engine/contract/run-name.ts';
import type { Requested } from '../../engine/language/protocol.ts';
import { workspaceNamespace } from '../model/workspace-namespace.ts';
import { withDefaultBudget } from '../session/fleet-settings.ts';
import type { PlanPart } from '../plans/start.ts';
import { engine, type CommandContext } from './context.ts';
import { startFleet } from './fleet.ts';
import { splitTask, startTask } from './start-task.ts';

/** The run of a plan. */
export interface StartedPlan {
  readonly thread: string;
  readonly alias: string;
  readonly subtasks: number;
  /** True if it split a task that existed. */
  readonly isSplit: boolean;
}

/** A plan that is not run because of its errors. */
export class FaultyPlan extends Error {}

/**
 * Runs a plan as one task, on a fleet that is started first if no worker runs: as the task that it was made to split, or as
 * a new one. Remembers the run as the plan's last one.
 * @returns undefined if a person was asked for a value and gave none
 * @throws FaultyPlan; the engine's errors
 */
export async function startPlan(
  context: CommandContext,
  uri: vscode.Uri,
  part: PlanPart = {},
): Promise<StartedPlan | undefined> {
  const asked = await requestOf(context, uri, part);
  if (asked === undefined) return undefined;
  const client = await engine(context);
  const { live } = await client.report('fleet', {});
  // The coordinator counts as live.
  if (live < 2) await startFleet(context);
  const folder = path.dirname(uri.fsPath);
  const { goal, fanOut } = fanOutOf(asked, folder);
  const dir = fanOut.dir ?? folder;
  const split = context.drafts.get(uri.toString());
  const { thread, alias } = await (split === undefined
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
          dir,
        },
        { ...fanOut, run: planRunName(uri.fsPath) },
      )
    : splitTask(client, split, { ...fanOut, dir }));
  // The next run of the same plan is a task of its own.
  context.drafts.delete(uri.toString());
  await context.notePlanRun(uri, thread);
  return { thread, alias, subtasks: fanOut.subtasks.length, isSplit: split !== undefined };
}

type Request = Extract<Requested, { request: unknown }>;

async function requestOf(
  context: CommandContext,
  uri: vscode.Uri,
  { subtasks, params = {} }: PlanPart,
): Promise<Request | undefined> {
  await vscode.workspace.openTextDocument(uri);
  const plans = await context.plans.client();
  const ask = (values?: PlanPart['params']): Promise<Requested> =>
    plans.requested(uri.toString(), subtasks ?? null, values);
  let asked = await ask();
  if ('params' in asked) {
    const values = await askParams(asked.params, params);
    if (values === undefined) return undefined;
    asked = await ask(values);
  } else if ('request' in asked && Object.keys(params).length > 0) {
    asked = await ask(params);
  }
  if ('request' in asked) return asked;
  const name = path.basename(uri.path);
  if ('unknown' in asked) throw new FaultyPlan(vscode.l10n.t('{0} has no subtask {1}', name, asked.unknown));
  const errors = 'errors' in asked ? asked.errors : 1;
  throw new FaultyPlan(vscode.l10n.t('{0} has {1}, and is not run', name, plural(errors, 'error')));
}

/** Asks for the value of each param that has none yet; undefined once one is dismissed. */
async function askParams(
  params: Extract<Requested, { params: unknown }>['params'],
  given: NonNullable<PlanPart['params']>,
): Promise<PlanPart['params']> {
  const values: Record<string, string> = { ...given };
  for (const { name, description } of params.filter(each => !Object.hasOwn(given, each.name))) {
    const value = await vscode.window.showInputBox({
      title: vscode.l10n.t('Value of {0}', name),
      ...(description !== null && { prompt: description }),
      ignoreFocusOut: true,
    });
    if (value === undefined) return undefined;
    values[name] = value;
  }
  return values;
}

/** Returns the request of a fan-out, with its folders resolved from the plan's. */
function fanOutOf(
  { request }: Request,
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
