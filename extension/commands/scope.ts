import * as vscode from 'vscode';
import type { Handler } from './context.ts';

/** Commands that choose the tasks in the tree. */

export const showAllFolders: Handler<'fleet.showAllFolders'> = ({ scope }) => scope.showEverywhere(true);
export const showThisFolder: Handler<'fleet.showThisFolder'> = ({ scope }) => scope.showEverywhere(false);

/** Asks for a text, and filters the tree while it is typed. Escape restores the filter of before. */
export const filterTasks: Handler<'fleet.filterTasks'> = async ({ scope }) => {
  const before = scope.text;
  const text = await vscode.window.showInputBox({
    title: vscode.l10n.t('Filter Tasks'),
    prompt: vscode.l10n.t('A part of a name, a goal, a label or a state, such as “failed”. Empty for all.'),
    value: before,
    validateInput: typed => {
      scope.search(typed);
      return undefined;
    },
  });
  scope.search(text ?? before);
};

export const clearFilter: Handler<'fleet.clearFilter'> = ({ scope }) => {
  scope.search('');
  return Promise.resolve();
};
