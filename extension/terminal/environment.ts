import { chmod, mkdir, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { concerns, setting } from '../contributions.ts';
import { namespaceVariables } from '../model/workspace-namespace.ts';

/**
 * The launcher of `spl`. It needs no Node.js of the user: it runs on the editor's own program, which the variables
 * name. `ELECTRON_RUN_AS_NODE` makes a desktop editor's program act as Node.js, and has no effect on plain Node.js.
 */
const LAUNCHER = '#!/bin/sh\nELECTRON_RUN_AS_NODE=1 exec "$SPL_NODE" "$SPL_PROGRAM" "$@"\n';

/**
 * The environment in which a terminal runs `spl` on this window's fleet. It has no token: the home's socket needs none.
 */
export interface SplEnvironment {
  readonly SPL_NODE: string;
  readonly SPL_PROGRAM: string;
  readonly SYNCROPEL_HOME: string;
  /** The folder to put first on PATH. */
  readonly bin: string;
}

/** Creates the environment. @param folder the folder of the launcher; created if it is missing */
export async function splEnvironment(
  folder: string,
  programFolder: string,
  home: string,
): Promise<SplEnvironment> {
  const launcher = path.join(folder, 'spl');
  await mkdir(folder, { recursive: true });
  await writeFile(launcher, LAUNCHER, { mode: 0o755 });
  // An existing file keeps its mode, so it is set explicitly.
  await chmod(launcher, 0o755);
  return {
    SPL_NODE: process.execPath,
    SPL_PROGRAM: path.join(programFolder, 'spl'),
    SYNCROPEL_HOME: home,
    bin: folder,
  };
}

/**
 * Puts `spl` on the PATH of every integrated terminal while the setting is on. Not kept for the next window, because
 * the paths belong to this installation.
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
