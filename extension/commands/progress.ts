import * as vscode from 'vscode';

/** Shows that something takes its time. */
export function withProgress<T>(title: string, work: () => Promise<T>): Thenable<T> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, work);
}

/** Says what was done where it is seen and not in the way. */
export function tell(text: string): void {
  vscode.window.setStatusBarMessage(text, 5000);
}
