import * as path from 'node:path';
import * as v from 'valibot';
import * as vscode from 'vscode';
import { TASK_TYPE } from '../contributions.ts';
import { planFiles } from '../plans/plan-files.ts';
import type { StartPlan } from '../plans/start.ts';
import { PlanTerminal } from './plan-terminal.ts';

const definitionSchema = v.looseObject({
  type: v.literal(TASK_TYPE),
  /** The path of the plan, from the folder of the workspace. */
  plan: v.pipe(v.string(), v.nonEmpty()),
  /** The names and patterns of the subtasks to run. */
  subtasks: v.optional(v.array(v.string()), []),
  params: v.optional(v.record(v.string(), v.string()), {}),
});

/** Provides a task for each plan of the workspace, and runs those of `tasks.json`. */
export class PlanTasks implements vscode.TaskProvider {
  readonly #start: StartPlan;

  constructor(start: StartPlan) {
    this.#start = start;
  }

  async provideTasks(): Promise<vscode.Task[]> {
    return (await planFiles()).map(uri => {
      const scope = vscode.workspace.getWorkspaceFolder(uri) ?? vscode.TaskScope.Workspace;
      const plan = vscode.workspace.asRelativePath(uri, false);
      return this.#task({ type: TASK_TYPE, plan }, scope, plan);
    });
  }

  /** Completes a task of `tasks.json`; undefined for one that names no plan. */
  resolveTask({ definition, scope, name }: vscode.Task): vscode.Task | undefined {
    if (!v.is(definitionSchema, definition)) return undefined;
    return this.#task(definition, scope ?? vscode.TaskScope.Workspace, name);
  }

  #task(
    definition: vscode.TaskDefinition,
    scope: NonNullable<vscode.Task['scope']>,
    name: string,
  ): vscode.Task {
    const execution = new vscode.CustomExecution(resolved =>
      Promise.resolve(this.#terminal(v.parse(definitionSchema, resolved), scope)),
    );
    const task = new vscode.Task(definition, scope, name, TASK_TYPE, execution, []);
    task.group = vscode.TaskGroup.Test;
    return task;
  }

  /** @param definition in which the editor has filled in the variables, such as `${input:part}` */
  #terminal(
    { plan, subtasks, params }: v.InferOutput<typeof definitionSchema>,
    scope: NonNullable<vscode.Task['scope']>,
  ): PlanTerminal {
    const part = { ...(subtasks.length > 0 && { subtasks }), params };
    return new PlanTerminal(() => this.#start(uriOf(plan, scope), part));
  }
}

function uriOf(plan: string, scope: NonNullable<vscode.Task['scope']>): vscode.Uri {
  if (path.isAbsolute(plan)) return vscode.Uri.file(plan);
  const folder = typeof scope === 'object' ? scope : vscode.workspace.workspaceFolders?.[0];
  return folder === undefined ? vscode.Uri.file(plan) : vscode.Uri.joinPath(folder.uri, plan);
}
