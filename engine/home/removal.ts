import { watch, type FSWatcher } from 'node:fs';
import * as fs from 'node:fs/promises';
import { FleetError } from '../errors.ts';
import type { HomePaths } from './paths.ts';

/** A watch for the removal of a home. */
export interface RemovalWatch {
  /** Idempotent. */
  close(): void;
}

/**
 * Calls back once when the home, or the log in it, is removed, moved, or replaced by another folder: nobody would read
 * what is written there. Never calls back on a system that can't watch.
 * @param onRemoved receives HOME_INVALID
 * @throws the system's error when the folders do not exist.
 */
export async function watchRemoval(
  { home, logDir }: HomePaths,
  onRemoved: (error: FleetError) => void,
): Promise<RemovalWatch> {
  const folders = [home, logDir];
  const before = await Promise.all(folders.map(identity));
  let isClosed = false;
  const look = async (): Promise<void> => {
    const now = await Promise.all(folders.map(folder => identity(folder).catch(() => null)));
    if (isClosed || now.every((each, i) => each === before[i])) return;
    close();
    onRemoved(removed(home));
  };
  const watcher = watchFolder(home, () => void look());
  const close = (): void => {
    isClosed = true;
    watcher?.close();
  };
  // The folder may have been removed before the watch began.
  await look();
  return { close };
}

function watchFolder(folder: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', onChange);
    return watcher;
  } catch {
    return undefined;
  }
}

async function identity(folder: string): Promise<string> {
  const { dev, ino } = await fs.stat(folder, { bigint: true });
  return `${dev} ${ino}`;
}

const removed = (home: string): FleetError =>
  new FleetError('HOME_INVALID', `the home '${home}' was removed or replaced`, {
    details: { home },
    hint: 'If it was moved, move it back. Otherwise the next start creates a new one.',
  });
