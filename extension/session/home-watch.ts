import { watch, type FSWatcher } from 'node:fs';
import * as path from 'node:path';
import { homePaths } from '../../engine/home/paths.ts';

/** A look-out for something that begins to serve a home. */
export interface HomeWatch {
  /** Settled when something may have begun to, perhaps without cause; never when it was disposed of before. */
  readonly stirred: Promise<void>;
  /** Idempotent. */
  dispose(): void;
}

/** Watches the home's `run` folder from now on, or, while there is none, the closest folder above it that there is. */
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
        // A folder that is removed while it is watched says so as an error on some systems.
        watcher.on('error', stir);
        break;
      } catch {
        if (folder === path.dirname(folder)) break;
      }
    }
  });
  return { stirred, dispose: () => watcher?.close() };
}
