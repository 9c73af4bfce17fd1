import * as vscode from 'vscode';
import type { CommandContext } from './context.ts';
import type { FanOutDraft } from './fan-out-draft.ts';

/** Asks for the join predicate; checks an expression while it is typed. @returns undefined if the user cancelled */
export async function askForJoin(context: CommandContext, draft: FanOutDraft): Promise<string | undefined> {
  const total = draft.subtasks.length;
  const k = Math.max(1, Math.ceil(total / 2));
  const own = {
    label: `$(edit) ${vscode.l10n.t('Type one…')}`,
    join: undefined,
    description: 'k_of_n:K, CEL',
  };
  const items = [
    { label: 'all', join: 'all', description: vscode.l10n.t('every subtask accepts') },
    { label: 'any', join: 'any', description: vscode.l10n.t('one of them does') },
    {
      label: `k_of_n:${k}`,
      join: `k_of_n:${k}`,
      description: vscode.l10n.t('at least {0} of {1} do', k, total),
    },
    own,
  ];
  const picked = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t('The join is satisfied when …'),
    ignoreFocusOut: true,
  });
  if (picked === undefined) return undefined;
  return picked.join ?? askForPredicate(context, draft);
}

function askForPredicate(
  context: CommandContext,
  { join, subtasks }: FanOutDraft,
): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: vscode.l10n.t('Join predicate'),
    prompt: 'total, accepted, failed, cost_usd, wall_time_secs, children, parent, now',
    value: ['all', 'any'].includes(join) ? 'accepted >= 1 && cost_usd < 5.0' : join,
    ignoreFocusOut: true,
    validateInput: async text => (await context.checkJoin(text, subtasks.length))?.message,
  });
}
