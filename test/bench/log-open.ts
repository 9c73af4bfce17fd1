import { mkdtemp, open as openFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { openFileLog, type FileLog } from '../../engine/log/file/file-log.ts';
import type { LogReader } from '../../engine/log/log.ts';
import type { Did, ThreadId } from '../../engine/record/ids.ts';
import { seal, type SealedRecord } from '../../engine/record/record.ts';

/** What the file log reached; times in milliseconds. */
export interface LogFigures {
  readonly records: number;
  readonly bytesPerLine: number;
  /** Groups of 100 lines written and synced by nothing but the system: for scale. */
  readonly probePerSec: number;
  /** One appender of groups of 100 records, waiting for each. */
  readonly appendGroupsPerSec: number;
  /** Four such appenders. */
  readonly appendFourGroupsPerSec: number;
  /** 256 appenders of one record, each waiting for its own. */
  readonly appendSinglesPerSec: number;
  readonly saveCheckpointMs: number;
  readonly openWithCheckpointMs: number;
  readonly openWithoutCheckpointMs: number;
  /** The longest time that opening held the event loop. */
  readonly longestStretchMs: number;
  /** Array buffers and heap that an open log holds beyond what was held before. */
  readonly memoryMib: number;
}

const LOT = 50_000;

/** Writes a home's log of `records` records, and opens it with and without its checkpoint. */
export async function benchLogOpen(records = 1_000_000): Promise<LogFigures> {
  const home = await mkdtemp(join(tmpdir(), 'spl-bench-log-'));
  try {
    return await measure(home, records);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function measure(home: string, records: number): Promise<LogFigures> {
  const log = await open(home, countingReader());
  const samples = Array.from({ length: 1000 }, (_, i) => sample(i));
  const bytesPerLine = samples.reduce((sum, { text }) => sum + text.length + 76, 0) / samples.length;
  const probePerSec = await probe(home, Math.round(bytesPerLine));
  const rates: number[] = [];
  for (const [appenders, size] of [
    [1, 100],
    [4, 100],
    [256, 1],
  ] as const) {
    rates.push(await rateOf(log, Math.floor(records / 3), appenders, size));
  }
  await log.append({ records: Array.from({ length: records - log.end }, (_, i) => sample(log.end + i)) });
  const saveCheckpointMs = await time(() =>
    log.saveCheckpoint({ position: log.end, state: new Uint8Array(64) }),
  );
  await log.close();

  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const before = memoryMib();
  let opened: FileLog | undefined;
  const openWithCheckpointMs = await time(async () => {
    opened = await open(home, countingReader());
  });
  const memory = memoryMib() - before;
  await opened!.close();
  await rm(join(home, 'index'), { recursive: true });
  const openWithoutCheckpointMs = await time(async () => {
    opened = await open(home, countingReader());
  });
  delays.disable();
  await opened!.close();
  return {
    records,
    bytesPerLine: Math.round(bytesPerLine),
    probePerSec: Math.round(probePerSec),
    appendGroupsPerSec: Math.round(rates[0]!),
    appendFourGroupsPerSec: Math.round(rates[1]!),
    appendSinglesPerSec: Math.round(rates[2]!),
    saveCheckpointMs: Math.round(saveCheckpointMs),
    openWithCheckpointMs: Math.round(openWithCheckpointMs),
    openWithoutCheckpointMs: Math.round(openWithoutCheckpointMs),
    longestStretchMs: Math.round(delays.max / 1e6),
    memoryMib: Math.round(memory),
  };
}

function open(home: string, reader: LogReader): Promise<FileLog> {
  return openFileLog({ dir: join(home, 'log'), checkpointDir: join(home, 'index'), reader, now: Date.now });
}

const countingReader = (): LogReader & { count: number } => ({
  count: 0,
  restore: () => true,
  visit() {
    this.count++;
  },
});

/** Appends `count` records in groups, and times the appending alone: records are hashed beforehand, in lots. */
async function rateOf(log: FileLog, count: number, appenders: number, groupSize: number): Promise<number> {
  let ms = 0;
  for (let done = 0; done < count; done += LOT) {
    const from = log.end;
    const lot = Array.from({ length: Math.min(LOT, count - done) }, (_, i) => sample(from + i));
    ms += await time(() => appendLot(log, lot, appenders, groupSize));
  }
  return (count / ms) * 1000;
}

async function appendLot(
  log: FileLog,
  lot: readonly SealedRecord[],
  appenders: number,
  groupSize: number,
): Promise<void> {
  let next = 0;
  const appender = async (): Promise<void> => {
    while (next < lot.length) {
      const records = lot.slice(next, (next += groupSize));
      await log.append({ records });
    }
  };
  await Promise.all(Array.from({ length: appenders }, appender));
}

/** What the disk allows: the same bytes in groups of 100, written and synced by nothing but the system. */
async function probe(home: string, bytesPerLine: number): Promise<number> {
  const file = await openFile(join(home, 'probe'), 'w');
  const group = Buffer.alloc(100 * bytesPerLine, 'x');
  const groups = 2000;
  const ms = await time(async () => {
    for (let i = 0; i < groups; i++) {
      await file.write(group);
      await file.datasync();
    }
  });
  await file.close();
  return ((groups * 100) / ms) * 1000;
}

/** A record about as large as a subtask's report. */
function sample(clock: number): SealedRecord {
  const hex = clock.toString(16).padStart(8, '0');
  return seal({
    act: 'DO',
    actor: 'did:sync:instance:0123456789abcdef' as Did,
    body: {
      topic: 'fanout_child_done',
      index: clock,
      verdict: 'accept',
      wall_time_secs: 1.25,
      summary: 'done',
    },
    clock,
    data_type: 'SCALAR',
    parents: [],
    thread: `th_${hex.repeat(8)}` as ThreadId,
  });
}

function memoryMib(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1024 / 1024;
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
