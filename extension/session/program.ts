import * as path from 'node:path';
import type * as vscode from 'vscode';
import { installProgram } from '../../engine/home/program.ts';
import type { BuiltCoordinator } from '../../engine/index.ts';

/** The engine's built files, in a folder that updates of the extension do not change. */
export interface Program {
  /** The absolute path of the folder with `spl`, `coordinator.js`, `worker.js` and the files that they load. */
  readonly folder: string;
  /** Loads the coordinator, which is large, when it is first needed. */
  load(): BuiltCoordinator;
}

/**
 * Installs the engine in a folder that outlives updates, for worker processes. Done once per window, when it is first
 * needed.
 * @throws the system's error if the editor's storage is not writable
 */
export async function installedProgram(context: vscode.ExtensionContext): Promise<Program> {
  const from = context.asAbsolutePath(path.join('dist', 'bin'));
  const folder = await installProgram(from, path.join(context.globalStorageUri.fsPath, 'program'));
  return {
    folder,
    // The path is known only at run time, and the file is CommonJS.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    load: () => require(path.join(folder, 'coordinator.js')) as BuiltCoordinator,
  };
}
