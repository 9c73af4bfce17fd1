import * as vscode from 'vscode';
import { VIEWS } from '../contributions.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import type { Session } from '../session/session.ts';

/** The one item in the status bar: `3 live · 5/8`, the latter being the subtasks of all fan-outs under way. */
export function statusBar(session: Session, model: FleetModel): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('fleet', vscode.StatusBarAlignment.Left, 10);
  item.name = vscode.l10n.t('Fleet');
  item.command = `${VIEWS.fanOuts}.focus`;
  const update = (): void => show(item, session, model);
  update();
  return vscode.Disposable.from(item, session.onDidChange(update), model.onDidChange(update));
}

function show(item: vscode.StatusBarItem, { state }: Session, model: FleetModel): void {
  switch (state.kind) {
    case 'none':
    case 'opening':
      return item.hide();
    case 'down':
      item.text = `$(warning) ${vscode.l10n.t('Fleet')}`;
      item.tooltip = vscode.l10n.t('The engine is down: {0}', state.error.message);
      item.backgroundColor = new vscode.ThemeColor('statusBarItem.warningBackground');
      return item.show();
    case 'live': {
      const live = model.fleet?.live ?? 0;
      const { done, total } = progress(model);
      item.text = `$(server-process) ${vscode.l10n.t('{0} live', live)}${total > 0 ? ` · ${done}/${total}` : ''}`;
      item.tooltip =
        total > 0
          ? vscode.l10n.t('{0} instances live; {1} of {2} subtasks have ended', live, done, total)
          : vscode.l10n.t('{0} instances live; nothing is running', live);
      item.accessibilityInformation = { label: item.tooltip, role: 'button' };
      item.backgroundColor = undefined;
      return item.show();
    }
  }
}

/** Over all fan-outs that have not joined. */
function progress({ tasks }: FleetModel): { readonly done: number; readonly total: number } {
  let done = 0;
  let total = 0;
  for (const { fan_out: fanOut } of tasks.values()) {
    if (fanOut === null || fanOut.complete) continue;
    done += fanOut.completed;
    total += fanOut.subtasks;
  }
  return { done, total };
}
