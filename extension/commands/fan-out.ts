import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { FanOutRequest, Losers, TaskAdd } from '../../engine/contract/commands.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { duration, oneLine, plural } from '../../engine/contract/format.ts';
import { iconless, linkless, sentences } from '../plain.ts';
import type { OwnTaskRef } from '../targets.ts';
import { askForTask } from './add-task.ts';
import { askForSubtask } from './ask-subtask.ts';
import { askForJoin } from './ask-join.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import {
  EMPTY_DRAFT,
  requestOf,
  withoutSubtask,
  withSubtask,
  type DraftSubtask,
  type FanOutDraft,
} from './fan-out-draft.ts';
import { pickTask } from './pick.ts';
import { sayNotes, startTask } from './start-task.ts';

/**
 * Asks for a first subtask, then shows the draft of the fan-out. The user can change everything in the draft, then
 * starts it. If the engine refuses the draft, it is shown again.
 */
export const fanOut: Handler<'fleet.fanOut'> = async (context, target) => {
  const split = await askWhatToSplit(context, target);
  if (split === undefined) return;
  const first = await askForSubtask(context, EMPTY_DRAFT);
  if (first === undefined) return;
  let draft: FanOutDraft | undefined = withSubtask(EMPTY_DRAFT, first);
  while (draft !== undefined) {
    draft = await edit(context, split.name, draft);
    if (draft === undefined) return;
    if (await started(context, split, draft)) return;
  }
};

/** The task to fan out: an existing task, or a new one that is added together with its subtasks. */
interface Split {
  /** The name in titles. */
  readonly name: string;
  /** Starts the fan-out. @returns the thread of the task */
  start(client: EngineClient, fanOut: FanOutRequest): Promise<string>;
}

const existing = ({ thread, alias }: TaskDocument): Split => ({
  name: alias,
  start: async (client, fanOut) => {
    const fannedOut = await client.submit('task.fan-out', { task: thread, ...fanOut });
    sayNotes(fannedOut);
    return fannedOut.thread;
  },
});

const added = (task: TaskAdd): Split => ({
  name: task.alias ?? oneLine(task.goal, 60),
  start: async (client, fanOut) => (await startTask(client, task, fanOut)).thread,
});

async function askWhatToSplit(
  context: CommandContext,
  target: OwnTaskRef | undefined,
): Promise<Split | undefined> {
  const isBare = ({ fan_out: fanned, status }: TaskDocument): boolean =>
    fanned === null && ['inbox', 'active'].includes(status);
  const askForNew = async (): Promise<Split | undefined> => {
    const task = await askForTask(context);
    return task && added(task);
  };
  if (target !== undefined) {
    const task = await pickTask(context, target, '');
    return task && existing(task);
  }
  const bare = [...context.model.tasks.values()].filter(isBare);
  if (bare.length === 0) return askForNew();
  const add = { label: `$(add) ${vscode.l10n.t('New task…')}`, task: undefined };
  const items = [...bare.map(task => ({ label: task.alias, description: iconless(task.goal), task })), add];
  const placeHolder = vscode.l10n.t('Which task is to be split?');
  const picked = await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true });
  if (picked === undefined) return undefined;
  return picked.task === undefined ? askForNew() : existing(picked.task);
}

/** Starts the draft. @returns false if the draft is to be changed and started again */
async function started(context: CommandContext, split: Split, draft: FanOutDraft): Promise<boolean> {
  let thread: string;
  try {
    thread = await split.start(await engine(context), requestOf(draft));
  } catch (thrown) {
    const change = vscode.l10n.t('Change It');
    return (await vscode.window.showErrorMessage(linkless(sentences(thrown)), change)) !== change;
  }
  await revealFannedOut(context, thread);
  return true;
}

/** Reveals a task and its new subtasks, once the model knows them. */
export async function revealFannedOut(context: CommandContext, thread: string): Promise<void> {
  await context.model.known(thread, ({ fan_out: fanOut }) => fanOut !== null);
  await context.reveal({ kind: 'task', thread });
}

type Row = vscode.QuickPickItem & { readonly act?: (draft: FanOutDraft) => Promise<FanOutDraft> };

/** Shows the draft until the user starts it. @returns undefined if the user cancelled */
async function edit(
  context: CommandContext,
  alias: string,
  begun: FanOutDraft,
): Promise<FanOutDraft | undefined> {
  let draft = begun;
  for (;;) {
    const picked = await vscode.window.showQuickPick(rows(context, draft), {
      title: vscode.l10n.t('Fan Out {0}', alias),
      placeHolder: vscode.l10n.t('Start it, or choose what to change'),
      ignoreFocusOut: true,
    });
    if (picked === undefined) return undefined;
    if (picked.act === undefined) return draft;
    draft = await picked.act(draft);
  }
}

function rows(context: CommandContext, draft: FanOutDraft): Row[] {
  const { subtasks, join, losers, timeoutSecs } = draft;
  const start: Row = {
    label: `$(play) ${vscode.l10n.t('Start {0}', plural(subtasks.length, 'subtask'))}`,
    alwaysShow: true,
  };
  const add: Row = {
    label: `$(add) ${vscode.l10n.t('Add a subtask…')}`,
    act: async from => withAsked(from, await askForSubtask(context, from)),
  };
  return [
    ...(subtasks.length > 0 ? [start] : []),
    add,
    separator(vscode.l10n.t('Subtasks')),
    ...subtasks.map((subtask, index) => subtaskRow(context, subtask, index)),
    separator(vscode.l10n.t('Join')),
    {
      label: `$(git-merge) ${vscode.l10n.t('Satisfied when')}`,
      description: iconless(join),
      act: async from => ({ ...from, join: (await askForJoin(context, from)) ?? from.join }),
    },
    {
      label: `$(debug-step-over) ${vscode.l10n.t('Subtasks left over at the join')}`,
      description: LOSERS_TEXT()[losers],
      act: async from => ({ ...from, losers: (await askForLosers()) ?? from.losers }),
    },
    {
      label: `$(watch) ${vscode.l10n.t('Time-out of the join')}`,
      description: timeoutSecs === null ? vscode.l10n.t('none') : duration(timeoutSecs),
      act: async from => ({ ...from, timeoutSecs: await askForTimeout(from.timeoutSecs) }),
    },
  ];
}

const separator = (label: string): Row => ({ label, kind: vscode.QuickPickItemKind.Separator });

function subtaskRow(context: CommandContext, subtask: DraftSubtask, index: number): Row {
  const after = subtask.depends_on.map(on => `[${on}]`).join(' ');
  return {
    label: iconless(`[${index}] ${oneLine(subtask.goal, 60)}`),
    description: [
      `→ ${subtask.target}`,
      ...(after === '' ? [] : [vscode.l10n.t('after {0}', after)]),
      subtask.run === null ? subtask.executor : `$ ${iconless(oneLine(subtask.run, 60))}`,
    ].join(' · '),
    act: async draft => changed(context, draft, index),
  };
}

async function changed(context: CommandContext, draft: FanOutDraft, index: number): Promise<FanOutDraft> {
  const change = { label: `$(edit) ${vscode.l10n.t('Change it…')}`, remove: false };
  const remove = { label: `$(trash) ${vscode.l10n.t('Remove it')}`, remove: true };
  const title = `[${index}] ${draft.subtasks[index]?.goal ?? ''}`;
  const picked = await vscode.window.showQuickPick([change, remove], { title });
  if (picked === undefined) return draft;
  if (picked.remove) return withoutSubtask(draft, index);
  return withAsked(draft, await askForSubtask(context, draft, index), index);
}

function withAsked(draft: FanOutDraft, asked: DraftSubtask | undefined, index?: number): FanOutDraft {
  return asked === undefined ? draft : withSubtask(draft, asked, index);
}

const LOSERS_TEXT = (): Readonly<Record<Losers, string>> => ({
  keep: vscode.l10n.t('run on, and are not counted'),
  drain: vscode.l10n.t('finish if they run, and start no more'),
  cancel: vscode.l10n.t('are ended'),
});

async function askForLosers(): Promise<Losers | undefined> {
  const items = (Object.entries(LOSERS_TEXT()) as [Losers, string][]).map(([label, description]) => ({
    label,
    description,
  }));
  const placeHolder = vscode.l10n.t('The join may be decided before all have ended. Then the others …');
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.label;
}

async function askForTimeout(now: number | null): Promise<number | null> {
  const text = await vscode.window.showInputBox({
    prompt: vscode.l10n.t('Seconds that the join may take; nothing for no bound'),
    value: now === null ? '' : String(now),
    ignoreFocusOut: true,
    validateInput: given =>
      given === '' || (Number(given) > 0 && Number(given) <= 31_536_000)
        ? undefined
        : vscode.l10n.t('A number of seconds above 0, at most a year.'),
  });
  if (text === undefined) return now;
  return text === '' ? null : Number(text);
}
