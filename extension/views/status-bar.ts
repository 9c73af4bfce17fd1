import * as vscode from 'vscode';
import { oneLine, plural } from '../../engine/contract/format.ts';
import type { CommandId } from '../command-registry.ts';
import { setting, VIEWS } from '../contributions.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { holdsOf, type Hold } from '../model/holds.ts';
import { iconless, sentences } from '../plain.ts';
import type { OpenSession } from '../session/session.ts';
import { holdDetail, holdText } from './appearance.ts';

/**
 * The item in the status bar: `2 workers · 5/8`, where 5/8 counts the subtasks of all fan-outs under way. While anything
 * is frozen, the item shows that first, in its own colour, and a click offers to lift it.
 */
export function statusBar(session: OpenSession, model: FleetModel): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('fleet', vscode.StatusBarAlignment.Left, 10);
  item.name = vscode.l10n.t('Fleet');
  const update = (): void => show(item, session, model);
  update();
  return vscode.Disposable.from(item, session.onDidChange(update), model.onDidChange(update));
}

function show(item: vscode.StatusBarItem, session: OpenSession, model: FleetModel): void {
  const { state } = session;
  item.command = `${VIEWS.fanOuts}.focus`;
  item.accessibilityInformation = undefined;
  switch (state.kind) {
    case 'none':
    case 'opening':
      return item.hide();
    case 'down':
      item.text = `$(warning) ${vscode.l10n.t('Fleet')}`;
      item.tooltip = sentences(state.error);
      item.backgroundColor = new vscode.ThemeColor('statusBarItem.warningBackground');
      return item.show();
    case 'live': {
      const live = workersOf(model);
      const { done, total } = progress(model);
      item.text = `$(server-process) ${plural(live, 'worker')}${total > 0 ? ` · ${done}/${total}` : ''}`;
      const label =
        total > 0
          ? vscode.l10n.t('{0}; {1} of {2} subtasks have ended', plural(live, 'worker'), done, total)
          : vscode.l10n.t('{0}; nothing is running', plural(live, 'worker'));
      item.tooltip = total > 0 && session.isHosting ? withWindowClose(label) : label;
      item.accessibilityInformation = { label, role: 'button' };
      item.backgroundColor = undefined;
      showHolds(item, holdsOf(model.fleet));
      return item.show();
    }
  }
}

const workersOf = ({ fleet }: FleetModel): number =>
  (fleet?.instances ?? []).filter(({ role, status }) => role === 'worker' && status === 'live').length;

/** Adds what becomes of a run when this window closes, with a link to the setting that decides it. */
function withWindowClose(text: string): vscode.MarkdownString {
  const goesOn = setting('onWindowClose') === 'continue';
  const what = goesOn
    ? vscode.l10n.t('Runs go on when this window closes.')
    : vscode.l10n.t('Runs stop when this window closes.');
  const command = 'workbench.action.openSettings';
  const argument = encodeURIComponent(JSON.stringify(['fleet.onWindowClose']));
  const tooltip = new vscode.MarkdownString();
  tooltip.isTrusted = { enabledCommands: [command] };
  tooltip.appendText(text);
  tooltip.appendMarkdown(`\n\n${what} [${vscode.l10n.t('Change')}](command:${command}?${argument})`);
  return tooltip;
}

/** Shows holds: red if running work is ended or nothing may start at all, otherwise yellow. */
function showHolds(item: vscode.StatusBarItem, holds: readonly Hold[]): void {
  const [first] = holds;
  if (first === undefined) return;
  const isHarsh = holds.some(({ level }) => level !== 'soft');
  const what =
    first.namespace === null
      ? vscode.l10n.t('Emergency stop')
      : vscode.l10n.t('Frozen: {0}', holds.map(({ namespace }) => namespace).join(', '));
  const text = `$(lock) ${iconless(oneLine(what, 40))} · ${item.text}`;
  const lines = holds.map(hold => `${holdText(hold)}, ${holdDetail(hold)}`);
  const tooltip = [...lines, vscode.l10n.t('Click to lift it')].join('\n');
  item.text = text;
  item.tooltip = tooltip;
  item.accessibilityInformation = { label: tooltip, role: 'button' };
  item.command = 'fleet.liftKillSwitch' satisfies CommandId;
  item.backgroundColor = new vscode.ThemeColor(
    isHarsh ? 'statusBarItem.errorBackground' : 'statusBarItem.warningBackground',
  );
}

/** Counts the members of all fan-outs that are under way. */
function progress({ tasks }: FleetModel): { readonly done: number; readonly total: number } {
  let done = 0;
  let total = 0;
  for (const { fan_out: fanOut } of tasks.values()) {
    if (fanOut === null || !fanOut.under_way) continue;
    done += fanOut.completed;
    total += fanOut.subtasks - fanOut.follow_ups;
  }
  return { done, total };
}
