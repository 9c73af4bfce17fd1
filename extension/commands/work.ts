import { access } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { ChildDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { changesOf, type ChangedFile, type Changes } from '../changes/git-changes.ts';
import { revisionUri } from '../changes/revisions.ts';
import type { Subject } from '../contributions.ts';
import type { Command, CommandContext } from './context.ts';
import { tell } from './fleet.ts';
import { pickChild } from './pick.ts';

/** What an attempt did in a worktree of its own: its changes, and the folder that they lie in. */

type Work = NonNullable<ChildDocument['work']>;

/** The work of one attempt, and whose it is. */
interface Picked {
  readonly task: TaskDocument;
  readonly title: string;
  readonly work: Work;
}

export const openChanges: Command = async (context, subject) => {
  const picked = await pickWork(context, subject, vscode.l10n.t('Whose changes?'));
  if (picked === undefined) return;
  const { task, title, work } = picked;
  const dir = (await isThere(work.dir)) ? work.dir : task.dir;
  if (dir === null) throw gone(work);
  const changes = await changesOf(dir, work.base, work.branch);
  if (changes.files.length === 0) return tell(vscode.l10n.t('{0} changed nothing', title));
  const resources = changes.files.map(file => resourceOf(dir, changes, file));
  await vscode.commands.executeCommand('vscode.changes', `${title} — ${work.branch}`, resources);
};

/** What the editor's list of changes takes for one file: its name, what it was, and what it is. */
function resourceOf(
  dir: string,
  { base, tip }: Changes,
  { before, after }: ChangedFile,
): [vscode.Uri, vscode.Uri | undefined, vscode.Uri | undefined] {
  const at = (commit: string, path: string | null): vscode.Uri | undefined =>
    path === null ? undefined : revisionUri({ dir, commit }, path);
  return [vscode.Uri.file(`${dir}/${after ?? before}`), at(base, before), at(tip, after)];
}

export const openWorktree: Command = async (context, subject) => {
  const dir = await pickFolder(context, subject, vscode.l10n.t('Whose folder?'));
  if (dir === undefined) return;
  await vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(dir), { forceNewWindow: true });
};

export const openWorktreeTerminal: Command = async (context, subject) => {
  const picked = await pickWork(context, subject, vscode.l10n.t('In whose folder?'));
  if (picked === undefined) return;
  const { title, work } = picked;
  await requireFolder(work);
  vscode.window
    .createTerminal({ name: title, cwd: work.dir, iconPath: new vscode.ThemeIcon('git-branch') })
    .show();
};

async function pickFolder(
  context: CommandContext,
  subject: Subject | undefined,
  placeHolder: string,
): Promise<string | undefined> {
  const picked = await pickWork(context, subject, placeHolder);
  if (picked === undefined) return undefined;
  await requireFolder(picked.work);
  return picked.work.dir;
}

/** @returns undefined when the user left, or there is none. */
async function pickWork(
  context: CommandContext,
  subject: Subject | undefined,
  placeHolder: string,
): Promise<Picked | undefined> {
  const attempt = subject?.kind === 'attempt' ? subject.attempt : undefined;
  const picked = await pickChild(context, subject, placeHolder, child => workOf(child, attempt) !== null);
  if (picked === undefined) return undefined;
  const { task, child } = picked;
  const work = workOf(child, attempt);
  const title = `${task.alias} [${child.index}]`;
  if (work !== null) return { task, title, work };
  void vscode.window.showInformationMessage(
    vscode.l10n.t('{0} has left no changes in a worktree of its own.', title),
  );
  return undefined;
}

/** Of an attempt, or of the last one that has any. */
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
