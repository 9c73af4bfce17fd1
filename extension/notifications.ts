import * as vscode from 'vscode';
import { duration, plural } from '../engine/contract/format.ts';
import { setting, type CommandId, type Subject } from './contributions.ts';
import { linkless, sentences } from './plain.ts';
import type { OpenSession } from './session/session.ts';
import type { Alarm, Attention } from './views/attention.ts';

/** Says what needs a person, with what can be done about it. Each kind can be turned off. */
export function notifications(attention: Attention): vscode.Disposable {
  return attention.onDidRaise(alarm => void notify(alarm));
}

/** Says why the coordinator of this window stopped: who did not ask for it sees no command fail. */
export function coordinatorStopped(session: OpenSession): vscode.Disposable {
  let wasHosting = session.isHosting;
  return session.onDidChange(() => {
    const { state, isHosting } = session;
    if (wasHosting && state.kind === 'down') void sayStopped(state.error);
    wasHosting = isHosting;
  });
}

async function sayStopped(error: Error): Promise<void> {
  const text = vscode.l10n.t('The coordinator in this window stopped: {0}', sentences(error));
  const actions: readonly Omit<Action, 'subject'>[] = [
    { title: vscode.l10n.t('Try Again'), command: 'fleet.reconnect' },
    { title: vscode.l10n.t('Show Log'), command: 'fleet.showLog' },
  ];
  const chosen = await vscode.window.showErrorMessage(linkless(text), ...actions);
  if (chosen !== undefined) await vscode.commands.executeCommand(chosen.command);
}

interface Action extends vscode.MessageItem {
  readonly command: CommandId;
  readonly subject: Subject;
}

async function notify(alarm: Alarm): Promise<void> {
  if (!setting(`notifications.${alarm.kind}`)) return;
  const { text, actions } = toldOf(alarm);
  const off: vscode.MessageItem = { title: vscode.l10n.t("Don't Show Again") };
  const chosen = await vscode.window.showWarningMessage<vscode.MessageItem>(linkless(text), ...actions, off);
  if (chosen === off) {
    const configuration = vscode.workspace.getConfiguration('fleet');
    await configuration.update(`notifications.${alarm.kind}`, false, vscode.ConfigurationTarget.Global);
    return;
  }
  const action = actions.find(each => each === chosen);
  if (action !== undefined) await vscode.commands.executeCommand(action.command, action.subject);
}

function toldOf(alarm: Alarm): Told {
  switch (alarm.kind) {
    case 'joinFailed':
      return joinFailed(alarm);
    case 'workerLost':
      return workerLost(alarm);
    case 'stalled':
      return stalled(alarm);
  }
}

function joinFailed({ task }: Extract<Alarm, { kind: 'joinFailed' }>): Told {
  const subject = { kind: 'task', thread: task.thread } as const;
  const report: Action = { title: vscode.l10n.t('Open Report'), command: 'fleet.openReport', subject };
  const retry: Action = { title: vscode.l10n.t('Retry Subtask…'), command: 'fleet.retry', subject };
  return {
    text: vscode.l10n.t('The join of {0} failed: {1}', task.alias, task.fan_out?.progress ?? ''),
    // From a folder that is not trusted nothing is started.
    actions: vscode.workspace.isTrusted ? [report, retry] : [report],
  };
}

function workerLost({ worker, load }: Extract<Alarm, { kind: 'workerLost' }>): Told {
  const subject = { kind: 'instance', did: worker.did } as const;
  const why = worker.note === null ? '' : ` (${worker.note})`;
  return {
    text: vscode.l10n.t('{0} was lost{1} with {2} on it.', worker.alias, why, plural(load, 'subtask')),
    actions: [
      { title: vscode.l10n.t('Open Log'), command: 'fleet.openInstanceLog', subject },
      { title: vscode.l10n.t('Show'), command: 'fleet.showInstance', subject },
    ],
  };
}

function stalled({ thread, attempt }: Extract<Alarm, { kind: 'stalled' }>): Told {
  const { task, subtask, worker, stalled_secs: secs } = attempt;
  const subject = { kind: 'child', thread, index: subtask } as const;
  return {
    text: vscode.l10n.t(
      '{0} [{1}] on {2} has shown no sign of life for {3}.',
      task,
      subtask,
      worker,
      duration(secs),
    ),
    actions: [
      { title: vscode.l10n.t('Show Output'), command: 'fleet.showOutput', subject },
      { title: vscode.l10n.t('Cancel It'), command: 'fleet.cancel', subject },
    ],
  };
}

interface Told {
  readonly text: string;
  readonly actions: readonly Action[];
}
