import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Check, CheckResult, Settings } from '../cli/host.ts';
import { FleetError, systemCodeOf } from '../errors.ts';
import { acquireLease } from '../home/lease.ts';
import { shellQuoted } from '../home/files.ts';
import { workerHomes } from '../home/live-workers.ts';
import { homePaths } from '../home/paths.ts';
import { CheckpointFile } from '../log/file/checkpoint.ts';
import { openFileLog } from '../log/file/file-log.ts';
import { nodeFiles } from '../log/file/files.ts';
import { shortLog } from '../log/file/reader.ts';
import { verifyLog } from '../log/file/verify.ts';
import type { LogReader } from '../log/log.ts';

/** The size above which a log opens slowly; there is no compaction. */
const LARGE_LOG_BYTES = 1024 ** 3;

/** The doctor's checks of the data in a home. They only read, also beside a running coordinator. */
export const logChecks: readonly Check[] = [
  { name: 'log', run: checkLog },
  { name: 'worker logs', run: checkWorkerLogs },
  { name: 'log size', run: checkLogSize },
  { name: 'index', run: checkIndex },
];

/**
 * Opens a log that is shorter than its checkpoint, and accepts the loss.
 * @returns a sentence about the loss.
 * @throws LEASE_HELD while a coordinator runs; LOG_DAMAGED for damage other than a loss at the end.
 */
export async function acceptLoss(home: string): Promise<string> {
  const paths = homePaths(home);
  const lease = await acquireLease(home);
  try {
    const log = await openFileLog({
      dir: paths.logDir,
      checkpointDir: paths.indexDir,
      reader: careless,
      now: () => Date.now(),
      acceptLoss: true,
    });
    await log.close();
    const { lostRecords } = log.opening;
    return lostRecords === 0
      ? 'the log has lost nothing; there was nothing to accept'
      : `${lostRecords} records are given up; the log goes on with ${log.end}`;
  } finally {
    await lease.release();
  }
}

/** Ignores the records of a log. */
const careless: LogReader = { restore: () => false, visit: () => undefined };

async function checkLog({ home }: Settings, signal: AbortSignal): Promise<CheckResult> {
  const found = await readLog(home, signal);
  if (found.fault !== null) return { level: 'FAIL', ...found.fault };
  if (found.records === null) return NO_LOG;
  const unfinished =
    found.torn === 0 ? '' : `; ${found.torn} unfinished bytes at the end, which opening passes over`;
  return { level: 'PASS', detail: `${found.records} records, every hash checked${unfinished}` };
}

/** Checks the logs of the workers beside a coordinator: a worker whose log does not open can't start. */
async function checkWorkerLogs({ home }: Settings, signal: AbortSignal): Promise<CheckResult> {
  const workers = await workerHomes(home);
  if (workers.length === 0) return NO_LOG;
  const faults: (Fault & { readonly alias: string })[] = [];
  for (const { alias, home: folder } of workers) {
    const { fault } = await readLog(folder, signal);
    if (fault !== null) faults.push({ alias, ...fault });
  }
  if (faults.length === 0)
    return { level: 'PASS', detail: `${workers.map(({ alias }) => alias).join(', ')}: every hash checked` };
  return {
    level: 'FAIL',
    detail: faults.map(({ alias, detail }) => `${alias}: ${detail}`).join('; '),
    hint: faults.map(({ alias, hint }) => `${alias}: ${hint}`).join(' '),
  };
}

interface Fault {
  readonly detail: string;
  readonly hint: string;
}

interface FoundLog {
  /** Null when there is no log. */
  readonly records: number | null;
  /** The unfinished bytes at the end. */
  readonly torn: number;
  readonly fault: Fault | null;
}

/** Reads a whole log, and compares it with its checkpoint. */
async function readLog(home: string, signal: AbortSignal): Promise<FoundLog> {
  const { logDir, indexDir } = homePaths(home);
  // The checkpoint is read first, because a log only grows while it is written.
  const known = (await new CheckpointFile(nodeFiles, indexDir).load())?.position ?? 0;
  const isThere = !(await isMissing(logDir));
  let records = 0;
  let torn = 0;
  const damages: string[] = [];
  for await (const finding of isThere ? verifyLog(logDir, { signal }) : []) {
    if (finding.kind === 'progress') records = finding.records;
    else if (finding.kind === 'torn') torn += finding.bytes;
    else damages.push(`${finding.segment} at byte ${finding.offset}: ${finding.reason}`);
  }
  const fault = damages.length > 0 ? damaged(damages) : records < known ? short(home, records, known) : null;
  return { records: isThere ? records : null, torn, fault };
}

const damaged = (damages: readonly string[]): Fault => ({
  detail: damages.join('; '),
  hint: 'Restore the home’s log/ folder from a copy: what lies behind the damage may be lost.',
});

const short = (home: string, records: number, known: number): Fault => ({
  detail: shortLog(records, known).message,
  hint: `Restore ${shellQuoted(homePaths(home).logDir)} from a copy, or go on without these records: spl doctor --accept-loss --home ${shellQuoted(home)}`,
});

async function checkLogSize({ home }: Settings): Promise<CheckResult> {
  if (await isMissing(homePaths(home).logDir)) return NO_LOG;
  const bytes = await sizeOf(homePaths(home).logDir);
  const detail = `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  if (bytes < LARGE_LOG_BYTES) return { level: 'PASS', detail };
  return {
    level: 'WARN',
    detail: `${detail}: the log has grown large`,
    hint: 'There is no compaction yet. Start afresh in another home, and keep this one as an archive.',
  };
}

/** Checks the files of the index. The index itself is built again from the log whenever it is missing or behind. */
async function checkIndex({ home }: Settings): Promise<CheckResult> {
  const bytes = await sizeOf(homePaths(home).indexDir);
  const detail = bytes === 0 ? 'none yet; it is made from the log' : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return { level: 'PASS', detail };
}

const NO_LOG: CheckResult = { level: 'PASS', detail: 'there is none yet' };

const isMissing = (folder: string): Promise<boolean> =>
  fs.stat(folder).then(
    () => false,
    (thrown: unknown) => systemCodeOf(thrown) === 'ENOENT',
  );

async function sizeOf(folder: string): Promise<number> {
  try {
    let bytes = 0;
    for (const name of await fs.readdir(folder)) bytes += (await fs.stat(join(folder, name))).size;
    return bytes;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return 0;
    throw new FleetError('HOME_INVALID', `'${folder}' can't be read: ${String(thrown)}`, { cause: thrown });
  }
}
