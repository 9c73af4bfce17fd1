import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { connect, type EngineClient } from '../../../engine/api/client.ts';
import type {
  FannedOut,
  FleetDocument,
  InstanceDocument,
  JoinStatus,
} from '../../../engine/contract/documents.ts';
import { homePaths } from '../../../engine/home/paths.ts';
import type { Did } from '../../../engine/record/ids.ts';
import { until } from '../until.ts';

/** What the suites inside the extension host share: the fleet as it is, asked through another door than the extension's. */

export const EXTENSION = 'spl-fleet.spl-fleet';

export function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension(EXTENSION);
  assert.ok(found, `${EXTENSION} is installed`);
  return found;
}

export const home = named('SYNCROPEL_HOME');

export function named(variable: string): string {
  const value = process.env[variable];
  assert.ok(value, `${variable} is set`);
  return value;
}

let client: EngineClient | undefined;

/** A client of whoever serves the home. */
export function engine(): EngineClient {
  return (client ??= connect(
    { socketPath: homePaths(home).socket },
    { actor: named('SPL_ACTOR') as Did, reconnectMs: 20_000 },
  ));
}

/** Runs a command of the extension as a menu does; done when the command is. */
export async function run(command: string, subject?: object): Promise<void> {
  await vscode.commands.executeCommand(command, ...(subject === undefined ? [] : [subject]));
}

export function fleet(): Promise<FleetDocument> {
  return engine().report('fleet', {});
}

export async function instance(alias: string): Promise<InstanceDocument> {
  return engine().report('instance', { instance: alias });
}

export function fleetWhen(what: string, isSo: (fleet: FleetDocument) => boolean): Promise<FleetDocument> {
  return until(
    what,
    async () => {
      const now = await fleet();
      return isSo(now) ? now : undefined;
    },
    fleet,
  );
}

export function joinStatus(task: string): Promise<JoinStatus> {
  return engine().report('join', { task, summary: false });
}

export function joinWhen(
  task: string,
  what: string,
  isSo: (join: JoinStatus) => boolean,
): Promise<JoinStatus> {
  return until(
    `${task}: ${what}`,
    async () => {
      const now = await joinStatus(task);
      return isSo(now) ? now : undefined;
    },
    () => joinStatus(task),
    40_000,
  );
}

/** Adds a task and fans it out, as another program would. */
export async function fanOut(alias: string, subtasks: readonly object[], joined = 'all'): Promise<FannedOut> {
  await engine().submit('task.add', {
    goal: `the goal of ${alias}`,
    alias,
    priority: 'medium',
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace: null,
    dir: workspaceFolder(),
  });
  return engine().submit('task.fan-out', {
    task: alias,
    subtasks: [...subtasks],
    join: joined,
    losers: 'keep',
    timeout_secs: null,
    budget_usd: null,
    budget_tokens: null,
    budget_secs: null,
    namespace: null,
    dir: null,
  });
}

export function workspaceFolder(): string {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  assert.ok(folder, 'a folder is open');
  return folder.uri.fsPath;
}

/** The text of the editor that is shown, once it shows something with this name. */
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

/** A command line of `spl` as typed in another terminal than the editor's, with the built program of the extension. */
export async function spl(...words: readonly string[]): Promise<string> {
  const file = join(extension().extensionPath, 'dist', 'bin', 'spl');
  const child = spawn(process.execPath, [file, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', text => (out += String(text)));
  child.stderr.on('data', text => (err += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, `spl ${words.join(' ')} ended with ${code}: ${err}`);
  return out;
}
