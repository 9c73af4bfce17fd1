import { watch, type FSWatcher } from 'node:fs';
import * as path from 'node:path';
import type { Disposable } from 'vscode';
import { homePaths } from '../../engine/home/paths.ts';

/**
 * Calls back when something may have begun to serve the home: its `run` folder changed, or, while there is none, the
 * closest folder above it that there is. It may call without cause, and it calls once.
 */
export function onceHomeStirs(home: string, onStir: () => void): Disposable {
  let watcher: FSWatcher | undefined;
  const stir = (): void => {
    watcher?.close();
    onStir();
  };
  for (let folder = homePaths(home).runDir; ; folder = path.dirname(folder)) {
    try {
      watcher = watch(folder, { persistent: false }, stir);
      // A folder that is removed while it is watched says so as an error on some systems.
      watcher.on('error', stir);
      break;
    } catch {
      if (folder === path.dirname(folder)) break;
    }
  }
  return { dispose: () => watcher?.close() };
}
