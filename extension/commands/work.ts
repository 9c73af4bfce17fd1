import { access } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/client/client.ts';
import type { ChildDocument, TaskDocument, WorktreeDocument } from '../../engine/contract/documents.ts';
import { plural } from '../../engine/contract/format.ts';
import { FleetError } from '../../engine/errors.ts';
import { changesOf, type ChangedFile, type Changes } from '../changes/git-changes.ts';
import { requireTrust, revisionUri } from '../changes/revisions.ts';
import { asCommand } from '../command-registry.ts';
import { offer } from '../messages.ts';
import type { WorkRef } from '../targets.ts';
import { childLabel, subtaskName, taskLabel } from '../views/appearance.ts';
import { localTime } from '../views/words.ts';
import { engine, type CommandContext, type Handler } from './context.ts';
import { notify } from './progress.ts';
import { pickChild } from './pick.ts';

/** Commands on the work of an attempt in its own worktree: its changes, and the folder with them. */

type Work = Pick<NonNullable<ChildDocument['work']>, 'branch' | 'base' | 'dir'>;

/** The work of one attempt, with its task. */
interface Picked {
  readonly task: TaskDocument;
  readonly title: string;
  readonly work: Work;
}

export const openChanges: Handler<'fleet.openChanges'> = async (context, target) => {
  const picked = await pickWork(context, target, vscode.l10n.t('Whose changes?'));
  if (picked !== undefined) await openChangesOf(picked.title, picked.work, picked.task.dir);
};

/**
 * Opens the changes of an attempt. @param repository has the branch when the worktree is gone; null if it is unknown
 */
async function openChangesOf(title: string, work: Work, repository: string | null): Promise<void> {
  requireTrust();
  const dir = (await isThere(work.dir)) ? work.dir : repository;
  if (dir === null) throw gone(work);
  const changes = await changesOf(dir, work.base, work.branch);
  if (changes.files.length === 0) return notify(vscode.l10n.t('{0} changed nothing', title));
  const resources = changes.files.map(file => resourceOf(dir, changes, file));
  await vscode.commands.executeCommand('vscode.changes', `${title} — ${work.branch}`, resources);
}

/** Returns the entry of a file in the editor's list of changes: its URI, and the URIs of its text before and after. */
function resourceOf(
  dir: string,
  { base, tip }: Changes,
  { before, after }: ChangedFile,
): [vscode.Uri, vscode.Uri | undefined, vscode.Uri | undefined] {
  const at = (commit: string, path: string | null): vscode.Uri | undefined =>
    path === null ? undefined : revisionUri({ dir, commit }, path);
  return [vscode.Uri.file(`${dir}/${after ?? before}`), at(base, before), at(tip, after)];
}

export const openWorktree: Handler<'fleet.openWorktree'> = async (context, target) => {
  const picked = await pickWork(context, target, vscode.l10n.t('Whose folder?'));
  if (picked !== undefined) await openFolderOf(picked.work);
};

async function openFolderOf(work: Work): Promise<void> {
  await requireFolder(work);
  const folder = vscode.Uri.file(work.dir);
  await vscode.commands.executeCommand('vscode.openFolder', folder, { forceNewWindow: true });
}

export const openWorktreeTerminal: Handler<'fleet.openWorktreeTerminal'> = async (context, target) => {
  const picked = await pickWork(context, target, vscode.l10n.t('In whose folder?'));
  if (picked !== undefined) await openTerminalOf(picked.title, picked.work);
};

async function openTerminalOf(name: string, work: Work): Promise<void> {
  await requireFolder(work);
  vscode.window.createTerminal({ name, cwd: work.dir, iconPath: new vscode.ThemeIcon('git-branch') }).show();
}

/** Lists the worktrees, including those of crashed attempts, and offers actions on one. */
export const showWorktrees: Handler<'fleet.showWorktrees'> = async context => {
  const client = await engine(context);
  const { worktrees } = await client.report('worktrees', {});
  if (worktrees.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('There are no worktrees.'));
    return;
  }
  const items = worktrees.map(worktree => ({
    label: worktree.branch,
    description: `${STATE_TEXTS()[worktree.state]} · ${titleOf(worktree)} · ${localTime(worktree.made_unix)}`,
    detail: worktree.dir,
    worktree,
  }));
  const placeHolder = vscode.l10n.t('Which worktree?');
  const options = { placeHolder, matchOnDescription: true, matchOnDetail: true };
  const picked = await vscode.window.showQuickPick(items, options);
  if (picked !== undefined) await actOn(context, picked.worktree);
};

async function actOn(context: CommandContext, worktree: WorktreeDocument): Promise<void> {
  const title = titleOf(worktree);
  const remove = async (): Promise<void> => {
    const { branch, branch_kept: isKept } = await (
      await engine(context)
    ).submit('worktree.remove', { worktree: worktree.name, force: false });
    notify(isKept ? vscode.l10n.t('Removed; its branch {0} stays', branch) : vscode.l10n.t('Removed'));
  };
  const actions = [
    {
      label: `$(diff-multiple) ${vscode.l10n.t('Open Changes')}`,
      act: () => openChangesOf(title, worktree, worktree.repository),
    },
    { label: `$(folder-opened) ${vscode.l10n.t('Open in New Window')}`, act: () => openFolderOf(worktree) },
    { label: `$(terminal) ${vscode.l10n.t('Open Terminal')}`, act: () => openTerminalOf(title, worktree) },
    {
      label: `$(trash) ${vscode.l10n.t('Remove')}`,
      description: vscode.l10n.t('its branch stays, where no other one has what is on it'),
      act: remove,
    },
  ];
  await (await vscode.window.showQuickPick(actions, { title: worktree.branch }))?.act();
}

const STATE_TEXTS = (): Readonly<Record<WorktreeDocument['state'], string>> => ({
  making: vscode.l10n.t('is being made'),
  used: vscode.l10n.t('in use'),
  kept: vscode.l10n.t('done'),
  left: vscode.l10n.t('left by an interrupted attempt'),
});

const titleOf = ({ task, subtask, subtask_name: name = null }: WorktreeDocument): string =>
  `${task} · ${subtaskName({ index: subtask, name })}`;

/** Offers to show the worktrees of crashed attempts, if there are any. */
export async function offerLeftWorktrees(client: EngineClient): Promise<void> {
  const { worktrees } = await client.report('worktrees', {});
  const left = worktrees.filter(({ state }) => state === 'left').length;
  if (left === 0) return;
  const message = vscode.l10n.t('Interrupted attempts left {0} behind.', plural(left, 'worktree'));
  await offer('warning', message, asCommand('fleet.showWorktrees', vscode.l10n.t('Show Worktrees')));
}

/** Asks for the work of an attempt. @returns undefined if the user cancelled, or if there is none */
async function pickWork(
  context: CommandContext,
  target: WorkRef | undefined,
  placeHolder: string,
): Promise<Picked | undefined> {
  const attempt = target?.kind === 'attempt' ? target.attempt : undefined;
  const picked = await pickChild(context, target, placeHolder, child => workOf(child, attempt) !== null);
  if (picked === undefined) return undefined;
  const { task, child } = picked;
  const work = workOf(child, attempt);
  const title = `${taskLabel(task)} · ${childLabel(child)}`;
  if (work !== null) return { task, title, work };
  void vscode.window.showInformationMessage(
    vscode.l10n.t('“{0}” has no changes in a worktree of its own.', title),
  );
  return undefined;
}

/** Returns the work of an attempt. Without an attempt, returns that of the last attempt that has any. */
function workOf(
  { attempt: present, work, earlier_attempts: earlier }: ChildDocument,
  attempt?: number,
): Work | null {
  if (attempt === present) return work;
  if (attempt !== undefined) return earlier.find(each => each.attempt === attempt)?.work ?? null;
  return work ?? earlier.findLast(each => each.work !== null)?.work ?? null;
}

async function requireFolder(work: Work): Promise<void> {
  if (!(await isThere(work.dir))) throw gone(work);
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

function gone({ dir, branch }: Work): FleetError {
  return new FleetError('NOT_FOUND', `the worktree '${dir}' is gone`, {
    details: { dir, branch },
    hint: `What was done in it is on the branch ${branch}: git worktree add FOLDER ${branch}`,
  });
}
