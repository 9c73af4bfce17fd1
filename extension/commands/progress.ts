import * as vscode from 'vscode';

/** Shows progress while the work runs. */
export function withProgress<T>(title: string, work: () => Promise<T>): Thenable<T> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, work);
}

/** Shows a result in the status bar for a few seconds. */
export function notify(text: string): void {
  vscode.window.setStatusBarMessage(text, 5000);
}
