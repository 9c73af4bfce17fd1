import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isThreadId } from '../../record/ids.ts';
import { logOf, namesIn, statOf } from './layout.ts';

/** The amount of output that was removed. */
export interface Pruned {
  readonly attempts: number;
  readonly bytes: number;
}

interface Kept {
  /** The path of its log. */
  readonly log: string;
  readonly folder: string;
  readonly files: string[];
  bytes: number;
  lastChangeMs: number;
}

/**
 * Removes the output of whole attempts, starting with the oldest last byte, until at most `maxBytes` are left.
 * @param isOpen true for a log that is still being written, which stays
 */
export async function pruneOutput(
  dir: string,
  maxBytes: number,
  isOpen: (log: string) => boolean,
): Promise<Pruned> {
  const attempts = await attemptsIn(dir);
  let excess = attempts.reduce((sum, attempt) => sum + attempt.bytes, 0) - maxBytes;
  const removed = { attempts: 0, bytes: 0 };
  for (const attempt of attempts.sort((a, b) => a.lastChangeMs - b.lastChangeMs)) {
    if (excess <= 0) break;
    if (isOpen(attempt.log)) continue;
    for (const file of attempt.files) await rm(file, { force: true });
    // The folder stays while it contains another attempt's output.
    await rmdir(attempt.folder).catch(() => undefined);
    excess -= attempt.bytes;
    removed.attempts += 1;
    removed.bytes += attempt.bytes;
  }
  return removed;
}

async function attemptsIn(dir: string): Promise<Kept[]> {
  const attempts: Kept[] = [];
  for (const thread of await namesIn(dir)) {
    if (isThreadId(thread)) attempts.push(...(await attemptsOf(join(dir, thread))));
  }
  return attempts;
}

async function attemptsOf(folder: string): Promise<Kept[]> {
  const byLog = new Map<string, Kept>();
  for (const name of await namesIn(folder)) {
    const log = logOf(name);
    const file = join(folder, name);
    const info = log === undefined ? undefined : await statOf(file);
    if (log === undefined || info === undefined) continue;
    const kept = byLog.get(log) ?? { log: join(folder, log), folder, files: [], bytes: 0, lastChangeMs: 0 };
    byLog.set(log, kept);
    kept.files.push(file);
    kept.bytes += info.size;
    kept.lastChangeMs = Math.max(kept.lastChangeMs, info.mtimeMs);
  }
  return [...byLog.values()];
}
