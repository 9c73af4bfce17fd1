import * as vscode from 'vscode';
import { execute } from './command-registry.ts';
import { linkless } from './plain.ts';

/** Asks for confirmation before something irreversible. `action` names the button that goes on. */
export async function confirm(question: string, detail: string, action: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action;
}

const SHOW = {
  info: (text: string, calls: readonly vscode.Command[]) =>
    vscode.window.showInformationMessage(text, ...calls),
  warning: (text: string, calls: readonly vscode.Command[]) =>
    vscode.window.showWarningMessage(text, ...calls),
  error: (text: string, calls: readonly vscode.Command[]) => vscode.window.showErrorMessage(text, ...calls),
} as const;

/** Shows a message with commands as buttons, and runs the one that is pressed. Resolves when that command has ended. */
export async function offer(
  level: keyof typeof SHOW,
  text: string,
  ...calls: readonly vscode.Command[]
): Promise<void> {
  const pressed = await SHOW[level](linkless(text), calls);
  if (pressed !== undefined) await execute(pressed);
}
