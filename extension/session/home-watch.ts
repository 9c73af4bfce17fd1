import { watch, type FSWatcher } from 'node:fs';
import * as path from 'node:path';
import { homePaths } from '../../engine/home/paths.ts';

/** A watch for a process that begins to serve a home. */
export interface HomeWatch {
  /**
   * Resolves when a process may have begun to serve the home; false positives are possible. Never resolves after
   * `dispose`.
   */
  readonly stirred: Promise<void>;
  /** Idempotent. */
  dispose(): void;
}

/** Watches the home's `run` folder, or its closest existing ancestor. */
export function watchForCoordinator(home: string): HomeWatch {
  let watcher: FSWatcher | undefined;
  const stirred = new Promise<void>(resolve => {
    const stir = (): void => {
      watcher?.close();
      resolve();
    };
    for (let folder = homePaths(home).runDir; ; folder = path.dirname(folder)) {
      try {
        watcher = watch(folder, { persistent: false }, stir);
        // On some systems, the removal of a watched folder is an error.
        watcher.on('error', stir);
        break;
      } catch {
        if (folder === path.dirname(folder)) break;
      }
    }
  });
  return { stirred, dispose: () => watcher?.close() };
}
