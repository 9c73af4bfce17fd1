import * as vscode from 'vscode';
import { missingPrograms } from '../../engine/home/installed.ts';
import { oneLine } from '../../engine/contract/format.ts';
import { iconless } from '../plain.ts';
import { instanceDescription, instanceIcon } from '../views/appearance.ts';
import type { CommandContext } from './context.ts';
import type { DraftSubtask, FanOutDraft } from './fan-out-draft.ts';

/**
 * Asks for one subtask, step by step: goal, executor, worker, and the dependencies if there are other subtasks.
 * @param index the subtask to change; left out for a new one
 * @returns undefined if the user cancelled
 */
export async function askForSubtask(
  context: CommandContext,
  draft: FanOutDraft,
  index?: number,
): Promise<DraftSubtask | undefined> {
  const now = index === undefined ? undefined : draft.subtasks[index];
  const others = draft.subtasks.map((subtask, i) => ({ subtask, i })).filter(({ i }) => i !== index);
  const steps = others.length === 0 ? 3 : 4;
  const title = (step: number): string =>
    vscode.l10n.t('Subtask {0} ({1}/{2})', index ?? draft.subtasks.length, step, steps);

  const goal = await askForGoal(title(1), now?.goal);
  if (goal === undefined) return undefined;
  const doing = await askForDoing(context, title(2), now);
  if (doing === undefined) return undefined;
  const target = await askForTarget(context, title(3), now?.target);
  if (target === undefined) return undefined;
  const dependsOn =
    others.length === 0 ? [] : await askForDependencies(title(4), others, now?.depends_on ?? []);
  return dependsOn && { goal, ...doing, target, depends_on: dependsOn };
}

function askForGoal(title: string, value: string | undefined): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title,
    ...(value === undefined ? {} : { value }),
    prompt: vscode.l10n.t('What is this subtask to reach?'),
    ignoreFocusOut: true,
    validateInput: text => (text.trim() === '' ? vscode.l10n.t('A subtask has a goal.') : undefined),
  });
}

/** Asks what the subtask runs: a command line, an agent of the fleet, or an echo. */
async function askForDoing(
  context: CommandContext,
  title: string,
  now: DraftSubtask | undefined,
): Promise<Pick<DraftSubtask, 'executor' | 'run'> | undefined> {
  const { executors = ['shell', 'echo'], programs } = context.model.fleet ?? {};
  const missing = await missingPrograms({ programs }, process.env);
  const items = executors.map(executor => {
    const program = missing[executor];
    return {
      ...executorTexts(executor),
      ...(program === undefined ? {} : { detail: notInstalled(program) }),
      executor,
    };
  });
  const rank = ({ executor }: { executor: string }): number =>
    // The present value comes first, so that Enter takes it.
    executor === now?.executor ? 0 : executor === 'shell' ? 1 : 2;
  items.sort((a, b) => rank(a) - rank(b));
  const placeHolder = vscode.l10n.t('Who does it?');
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder,
    ignoreFocusOut: true,
    matchOnDescription: true,
  });
  if (picked === undefined) return undefined;
  const { executor } = picked;
  if (executor !== 'shell') return { executor, run: null };
  const run = await askForCommand(title, now?.run ?? null);
  return run === undefined ? undefined : { executor, run };
}

const notInstalled = (program: string): string =>
  `$(warning) ${vscode.l10n.t("'{0}' is not installed, or not on the PATH of this window", program)}`;

function executorTexts(executor: string): { readonly label: string; readonly description: string } {
  if (executor === 'shell')
    return { label: vscode.l10n.t('Command'), description: vscode.l10n.t('a command line for /bin/sh') };
  if (executor === 'echo')
    return {
      label: vscode.l10n.t('Echo'),
      description: vscode.l10n.t('only says its goal, to try things out'),
    };
  return {
    label: executor.replace(/^agent:/, ''),
    description: vscode.l10n.t('a coding agent, with its goal as the prompt, in a worktree of its own'),
  };
}

function askForCommand(title: string, value: string | null): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title,
    ...(value === null ? {} : { value }),
    prompt: vscode.l10n.t('The command line that does it, for /bin/sh.'),
    placeHolder: 'npm run lint',
    ignoreFocusOut: true,
    validateInput: text =>
      text.trim() === '' ? vscode.l10n.t('A command line says what to run.') : undefined,
  });
}

async function askForTarget(
  context: CommandContext,
  title: string,
  value: string | undefined,
): Promise<string | undefined> {
  const workers = (context.model.fleet?.instances ?? []).filter(({ role }) => role === 'worker');
  const items = [
    {
      label: 'least-loaded-worker',
      description: vscode.l10n.t('the one with the least to do'),
      target: 'least-loaded-worker',
    },
    { label: 'round-robin', description: vscode.l10n.t('spread evenly'), target: 'round-robin' },
    ...workers.map(worker => ({
      label: worker.alias,
      description: iconless(instanceDescription(worker, false)),
      iconPath: instanceIcon(worker),
      target: worker.alias,
    })),
  ];
  // The present value comes first, so that Enter takes it.
  items.sort((a, b) => Number(b.target === value) - Number(a.target === value));
  const placeHolder = vscode.l10n.t('On which worker?');
  return (await vscode.window.showQuickPick(items, { title, placeHolder, ignoreFocusOut: true }))?.target;
}

async function askForDependencies(
  title: string,
  others: readonly { readonly subtask: DraftSubtask; readonly i: number }[],
  value: readonly number[],
): Promise<readonly number[] | undefined> {
  const items = others.map(({ subtask, i }) => ({
    label: iconless(`[${i}] ${oneLine(subtask.goal, 60)}`),
    picked: value.includes(i),
    i,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title,
    placeHolder: vscode.l10n.t('After which others? Enter for none'),
    canPickMany: true,
    ignoreFocusOut: true,
  });
  return picked?.map(({ i }) => i);
}
