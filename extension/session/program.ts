import * as path from 'node:path';
import type * as vscode from 'vscode';
import { installProgram } from '../../engine/home/program.ts';
import type { BuiltCoordinator } from '../../engine/index.ts';

/** The engine's built files, in a folder that an update of the extension leaves alone. */
export interface Program {
  /** Absolute; holds `spl`, `coordinator.js`, `worker.js` and what they load. */
  readonly folder: string;
  /** Reads the coordinator, which is large, when it is first needed. */
  load(): BuiltCoordinator;
}

/**
 * Installs the engine where worker processes can go on to find it. Done once a window, when it is first needed.
 * @throws the system's error when the editor's storage is not writable.
 */
export async function installedProgram(context: vscode.ExtensionContext): Promise<Program> {
  const from = context.asAbsolutePath(path.join('dist', 'bin'));
  const folder = await installProgram(from, path.join(context.globalStorageUri.fsPath, 'program'));
  return {
    folder,
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the path is known only now, and the file is CommonJS
    load: () => require(path.join(folder, 'coordinator.js')) as BuiltCoordinator,
  };
}
