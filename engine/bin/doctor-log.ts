import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Check, CheckResult, Settings } from '../cli/host.ts';
import { FleetError, systemCodeOf } from '../errors.ts';
import { acquireLease } from '../home/lease.ts';
import { homePaths } from '../home/paths.ts';
import { openFileLog } from '../log/file/file-log.ts';
import { verifyLog } from '../log/file/verify.ts';
import type { LogReader } from '../log/log.ts';

/** A log beyond this opens slowly; there is no compaction. */
const LARGE_LOG_BYTES = 1024 ** 3;

/** The doctor's checks of what a home keeps. They read only, also beside a running coordinator. */
export const logChecks: readonly Check[] = [
  { name: 'log', run: checkLog },
  { name: 'log size', run: checkLogSize },
  { name: 'index', run: checkIndex },
];

/**
 * Opens a log that is shorter than its checkpoint knows, and gives up what is missing.
 * @returns what was lost, in words.
 * @throws LEASE_HELD while a coordinator runs; LOG_DAMAGED for damage that is no loss at the end.
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

/** Wants nothing but that the log is read. */
const careless: LogReader = { restore: () => false, visit: () => undefined };

async function checkLog({ home }: Settings, signal: AbortSignal): Promise<CheckResult> {
  if (await isMissing(homePaths(home).logDir)) return NO_LOG;
  let records = 0;
  let torn = 0;
  const damages: string[] = [];
  for await (const told of verifyLog(homePaths(home).logDir, { signal })) {
    if (told.kind === 'progress') records = told.records;
    else if (told.kind === 'torn') torn += told.bytes;
    else damages.push(`${told.segment} at byte ${told.offset}: ${told.reason}`);
  }
  if (damages.length > 0) {
    return {
      level: 'FAIL',
      detail: damages.join('; '),
      hint: 'Restore the home’s log/ folder from a copy: what lies behind the damage may be lost.',
    };
  }
  const unfinished = torn === 0 ? '' : `; ${torn} unfinished bytes at the end, which opening passes over`;
  return { level: 'PASS', detail: `${records} records, every hash checked${unfinished}` };
}

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

/** Looks at what the index needs. The index itself is made anew from the log whenever it is missing or behind. */
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
