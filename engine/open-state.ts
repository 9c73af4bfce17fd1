import { celCompiler } from './domain/join/cel.ts';
import { applyRecord } from './domain/fold/apply-record.ts';
import { restoreState } from './domain/fold/snapshot.ts';
import { emptyState, type FleetState } from './domain/model/state.ts';
import type { Home } from './home/home.ts';
import { openFileLog, type FileLog } from './log/file/file-log.ts';
import type { FileSystemPort } from './log/file/files.ts';
import type { LogReader } from './log/log.ts';
import { risingClock, type Clock } from './runtime/clock.ts';

export interface OpenedState {
  readonly log: FileLog;
  readonly clock: Clock;
  readonly state: { readonly fleet: FleetState };
}

/**
 * Opens the log of a home, and folds it into the coordinator's state. Writes nothing.
 * @param files the file system; default: this machine's
 * @throws LOG_DAMAGED, LOG_SHORT, HOME_NEWER, UNAVAILABLE
 */
export async function openState(home: Home, files?: FileSystemPort): Promise<OpenedState> {
  const state = { fleet: emptyState() };
  const context = { self: home.key.did, cel: celCompiler };
  let clock = risingClock();
  const reader: LogReader = {
    restore: checkpoint => {
      state.fleet = (checkpoint && restoreState(checkpoint.state, celCompiler)) ?? emptyState();
      return checkpoint !== undefined && state.fleet.instances.size > 0;
    },
    visit: ({ record, at }) => applyRecord(state.fleet, record, at, context),
  };
  const log = await openFileLog({
    dir: home.paths.logDir,
    checkpointDir: home.paths.indexDir,
    reader,
    now: () => clock.now(),
    epochOwner: home.key.did,
    ...(files !== undefined && { files }),
  });
  const lastAt = log.end === 0 ? 0 : (await log.get(log.end - 1)).at;
  if (lastAt > clock.now()) clock = risingClock(lastAt);
  return { log, clock, state };
}
