import * as vscode from 'vscode';
import type { EngineAccess } from '../access.ts';
import type { CommandId, Subject } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import type { FleetModel } from '../model/fleet-model.ts';
import { JoinPanels } from './join-panels.ts';
import { registerSerializer } from './serializer.ts';

/** The panels of this window, those included that are restored. */
export function registerPanels(
  extensionUri: vscode.Uri,
  access: EngineAccess,
  model: FleetModel,
  log: vscode.LogOutputChannel,
): vscode.Disposable & Pick<JoinPanels, 'open'> {
  const store = new DisposableStore();
  const panels = store.add(new JoinPanels({ extensionUri, access, model, log, showOutput, confirm }));
  store.add(registerSerializer(panels));
  return { open: task => panels.open(task), dispose: () => store.dispose() };
}

/** A subtask's output is shown by the command for it, wherever it is asked for. */
function showOutput(thread: string, index: number): Thenable<unknown> {
  const subject: Subject = { kind: 'child', thread, index };
  return vscode.commands.executeCommand('fleet.showOutput' satisfies CommandId, subject);
}

async function confirm(question: string, detail: string, action: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action;
}
