import * as v from 'valibot';
import * as vscode from 'vscode';
import { fanOutSchema } from '../../engine/contract/commands.ts';
import { WALKTHROUGH } from '../contributions.ts';
import { taskOf } from './add-task.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { revealFannedOut } from './fan-out.ts';
import { startFleet } from './fleet.ts';
import { startTask } from './start-task.ts';

/** Runs a task with two subtasks that only echo, one for each worker: the first run in a folder without scripts. */
export const firstFanOut: Handler<'fleet.firstFanOut'> = async context => {
  if (workers(context).length < 2) await startFleet(context);
  const task = taskOf(vscode.l10n.t('See a first fan-out'), freeAlias(context));
  const echo = { executor: 'echo' };
  const subtasks = [
    { ...echo, goal: vscode.l10n.t('Say hello'), target: 'worker-a' },
    { ...echo, goal: vscode.l10n.t('Say goodbye'), target: 'worker-b' },
  ];
  const fanOut = v.parse(fanOutSchema, { subtasks, join: 'all', losers: 'drain' });
  const { thread } = await startTask(await engine(context), task, fanOut);
  await revealFannedOut(context, thread);
};

function workers({ model }: CommandContext): readonly unknown[] {
  const instances = model.fleet?.instances ?? [];
  return instances.filter(({ role, status }) => role === 'worker' && status === 'live');
}

/** Returns the tutorial's FIRST-001, or the next alias that no task of this fleet has. */
function freeAlias({ model }: CommandContext): string {
  for (let i = 1; ; i++) {
    const alias = `FIRST-${String(i).padStart(3, '0')}`;
    if (model.task(alias) === undefined) return alias;
  }
}

export const openWalkthrough: Handler<'fleet.openWalkthrough'> = async () => {
  const id = `spl-fleet.spl-fleet#${WALKTHROUGH}`;
  await vscode.commands.executeCommand('workbench.action.openWalkthrough', id, false);
};
