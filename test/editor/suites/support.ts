import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { clientOf, FleetClient } from '../../harness/fleet-client.ts';
import { until } from '../../harness/until.ts';

/** Helpers for the suites inside the extension host. */

export const home = process.env['SYNCROPEL_HOME'] ?? '';
/** The fleet of the window, reached through another door than the extension's. */
export const fleet = new FleetClient(clientOf(home), workspaceFolder());

export function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension('spl-fleet.spl-fleet');
  assert.ok(found, 'the extension is installed');
  return found;
}

/** Runs a command of the extension, as a menu does. Resolves when it has ended. */
export async function run(command: string, subject?: object): Promise<void> {
  await vscode.commands.executeCommand(command, ...(subject === undefined ? [] : [subject]));
}

export function workspaceFolder(): string {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder, 'a folder is open');
  return folder.uri.fsPath;
}

/** Stops the fleet, so that the next test can start one. */
export async function stopFleet(): Promise<void> {
  await run('fleet.stopAll');
  await fleet.unserved();
}

/** Returns the text of the visible editor, once its name matches. */
export async function shownText(name: string | RegExp): Promise<string> {
  const isNamed = (path: string): boolean =>
    typeof name === 'string' ? path.endsWith(name) : name.test(path);
  const shown = (): vscode.TextDocument[] => vscode.window.visibleTextEditors.map(({ document }) => document);
  const document = await until(
    `an editor on ${String(name)}`,
    async () => shown().find(({ uri }) => isNamed(uri.path)),
    async () => shown().map(({ uri }) => uri.path),
  );
  return document.getText();
}

/** Returns the Markdown of a rendered page, by its title. */
export async function pageText(title: string): Promise<string> {
  const isShown = (): boolean =>
    vscode.window.tabGroups.all.some(({ activeTab }) => activeTab?.label.includes(title) === true);
  await until(`a tab with ${title}`, async () => (isShown() ? true : undefined));
  const document = vscode.workspace.textDocuments.find(({ uri }) => uri.path === `/${title}.md`);
  assert.ok(document !== undefined, `no document of ${title}`);
  return document.getText();
}

/** Runs `spl` as in a terminal outside the editor, with the built program of the extension. */
export async function spl(...words: readonly string[]): Promise<string> {
  const file = join(extension().extensionPath, 'dist', 'bin', 'spl');
  return (await promisify(execFile)(process.execPath, [file, ...words])).stdout;
}

/** Accepts the defaults of the command's questions, as Enter does. */
export async function accepted(command: Promise<void>): Promise<void> {
  let isDone = false;
  void command.finally(() => (isDone = true));
  await until('the command is over', async () => {
    if (!isDone) await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
    return isDone ? true : undefined;
  });
  await command;
}
