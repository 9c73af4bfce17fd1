import * as vscode from 'vscode';
import { FleetError } from '../engine/errors.ts';
import type { CommandId } from './command-registry.ts';
import type { FleetModel } from './model/fleet-model.ts';

/** Returns the buttons for what hints advise. The first one that fits a hint is taken. */
const waysOut = (): readonly (readonly [hinted: RegExp, command: string, title: string])[] => [
  [/\bspl fleet start\b/, 'fleet.start' satisfies CommandId, vscode.l10n.t('Start Fleet')],
  [/\bspl doctor\b/, 'fleet.doctor' satisfies CommandId, vscode.l10n.t('Check the Fleet')],
  [/\bspl unkill\b/, 'fleet.liftKillSwitch' satisfies CommandId, vscode.l10n.t('Lift…')],
  [/\bspl worktree\b/, 'fleet.showWorktrees' satisfies CommandId, vscode.l10n.t('Show Worktrees…')],
  [
    /\bspl (task )?retry\b.* --failed\b/,
    'fleet.retryFailed' satisfies CommandId,
    vscode.l10n.t('Retry Failed'),
  ],
  [/\bspl (task )?retry\b/, 'fleet.retry' satisfies CommandId, vscode.l10n.t('Retry Subtask…')],
  [/\bspl task (join-status|show)\b/, 'fleet.openReport' satisfies CommandId, vscode.l10n.t('Open Report')],
  [/\bspl (task )?cancel\b/, 'fleet.cancel' satisfies CommandId, vscode.l10n.t('Cancel…')],
  [
    /\bspl namespace resolve\b/,
    'fleet.showEffectivePolicy' satisfies CommandId,
    vscode.l10n.t('Show Policy…'),
  ],
  [/\bconfig\.toml\b/, 'fleet.openConfiguration' satisfies CommandId, vscode.l10n.t('Open Configuration')],
  [/\bWorkspace Trust\b/, 'workbench.trust.manage', vscode.l10n.t('Manage Workspace Trust')],
];

/**
 * Returns the way out of a failure as a button: the command that does what its hint says on a command line.
 * @param model finds the task that the error is about
 */
export function wayOut(thrown: unknown, model?: Pick<FleetModel, 'task'>): vscode.Command | undefined {
  if (!FleetError.is(thrown)) return undefined;
  const { hint = '', details } = thrown;
  const task = typeof details['task'] === 'string' ? model?.task(details['task']) : undefined;
  const way = advisedCommand(hint);
  return way === undefined || task === undefined
    ? way
    : { ...way, arguments: [{ kind: 'task', thread: task.thread }] };
}

/** Returns the button for what a text advises; undefined if it advises nothing that the editor can do. */
export function advisedCommand(text: string): vscode.Command | undefined {
  const found = waysOut().find(([hinted]) => hinted.test(text));
  return found && { command: found[1], title: found[2], arguments: [] };
}
