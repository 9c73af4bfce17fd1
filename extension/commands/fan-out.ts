import * as path from 'node:path';
import * as vscode from 'vscode';
import { oneLine } from '../../engine/contract/format.ts';
import { openUntitledPlan } from '../plans/untitled.ts';
import { taskOf } from './add-task.ts';
import type { CommandContext, Handler } from './context.ts';
import { pickTask } from './pick.ts';

/**
 * Opens an unsaved plan whose blanks are filled in with Tab. Its lens runs it; with a task as the target, that run
 * splits the task.
 */
export const fanOut: Handler<'fleet.fanOut'> = async (context, target) => {
  const task = target && (await pickTask(context, target, ''));
  if (target !== undefined && task === undefined) return;
  const folder = task?.dir ?? taskOf('', null).dir;
  if (folder == null) return sayNoFolder();
  const uri = await openUntitledPlan(path.join(folder, 'fan-out'), blankPlan(task?.goal));
  if (task !== undefined) context.drafts.set(uri.toString(), task.thread);
};

function sayNoFolder(): void {
  const message = vscode.l10n.t('Open a folder first: subtasks run in it.');
  void vscode.window.showInformationMessage(message);
}

/** Returns a plan of two commands, with a tab stop at each value that a person chooses. */
function blankPlan(goal: string | undefined): vscode.SnippetString {
  const t = vscode.l10n.t;
  const plan = new vscode.SnippetString();
  const line = (text: string): void => void plan.appendText(`${text}\n`);
  const blank = (key: string, value: string): void => {
    plan.appendText(key).appendPlaceholder(value).appendText('\n');
  };
  line(`# ${t('Tab goes to the next blank. Run, above the plan, starts it.')}`);
  if (goal === undefined) blank('goal: ', t('What is to be reached?'));
  else line(`goal: ${JSON.stringify(oneLine(goal, 500))}`);
  line('subtasks:');
  for (const [name, run] of [
    [t('first'), t('a command line')],
    [t('second'), t('another command line')],
  ] as const) {
    blank('  - name: ', name);
    blank('    run: ', run);
  }
  line(`  # ${t('An agent does its goal:')} { goal: …, executor: agent:claude }`);
  line(`  # ${t('One that waits for another:')} { run: …, depends: [${t('first')}] }`);
  plan.appendText('join: ').appendChoice(['all', 'any', 'k_of_n:1']);
  line(` # ${t('when it is done')}`);
  plan.appendText('losers: ').appendChoice(['drain', 'cancel', 'keep']);
  line(` # ${t('what becomes of the rest then')}`);
  return plan;
}

/** Reveals a task and its new subtasks, once the model knows them. */
export async function revealFannedOut(context: CommandContext, thread: string): Promise<void> {
  await context.model.known(thread, ({ fan_out: fanOut }) => fanOut !== null);
  await context.reveal({ kind: 'task', thread });
}
