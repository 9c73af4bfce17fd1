import { chmod, mkdir, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { concerns, setting } from '../contributions.ts';
import { namespaceVariables } from '../model/workspace-namespace.ts';

/**
 * The launcher of `spl`: it needs no Node.js of the user's, since it runs on the editor's own, which the variables name.
 * `ELECTRON_RUN_AS_NODE` makes a desktop editor's program that, and means nothing to a plain Node.js.
 */
const LAUNCHER = '#!/bin/sh\nELECTRON_RUN_AS_NODE=1 exec "$SPL_NODE" "$SPL_PROGRAM" "$@"\n';

/** The environment in which a terminal runs `spl` on this window's fleet. No token: the home's socket is enough. */
export interface SplEnvironment {
  readonly SPL_NODE: string;
  readonly SPL_PROGRAM: string;
  readonly SYNCROPEL_HOME: string;
  /** The folder that goes in front of PATH. */
  readonly bin: string;
}

/** @param folder where the launcher is kept; made if it is missing. */
export async function splEnvironment(
  folder: string,
  programFolder: string,
  home: string,
): Promise<SplEnvironment> {
  const launcher = path.join(folder, 'spl');
  await mkdir(folder, { recursive: true });
  await writeFile(launcher, LAUNCHER, { mode: 0o755 });
  // A file that was there before keeps its mode.
  await chmod(launcher, 0o755);
  return {
    SPL_NODE: process.execPath,
    SPL_PROGRAM: path.join(programFolder, 'spl'),
    SYNCROPEL_HOME: home,
    bin: folder,
  };
}

/**
 * Puts `spl` on the PATH of every integrated terminal while the setting says so. It is not kept for the next window: the
 * paths are this installation's.
 */
export function terminalEnvironment(
  collection: vscode.EnvironmentVariableCollection,
  environment: SplEnvironment,
): vscode.Disposable {
  collection.persistent = false;
  collection.description = vscode.l10n.t('Puts spl, the command of the fleet, on the PATH.');
  const apply = (): void => {
    collection.clear();
    if (!setting('terminal.integration')) return;
    const { bin, ...variables } = { ...environment, ...namespaceVariables() };
    for (const [name, value] of Object.entries(variables)) collection.replace(name, value);
    const options = { applyAtProcessCreation: true, applyAtShellIntegration: true };
    collection.prepend('PATH', bin + path.delimiter, options);
  };
  apply();
  return vscode.workspace.onDidChangeConfiguration(event => {
    if (concerns(event, 'terminal.integration') || concerns(event, 'namespace')) apply();
  });
}
