import { join } from 'node:path';
import { openFileLog, type FileLog } from '../../../engine/log/file/file-log.ts';
import type { Did, ThreadId } from '../../../engine/record/ids.ts';
import { seal, type SealedRecord } from '../../../engine/record/record.ts';
import type { Figure, Stage } from '../figure.ts';
import { AppendProbe } from '../probes/appends.ts';
import { spreadOf, timed } from '../stats.ts';

const LOT = 50_000;
/** The size of a line beside the record's own text, in bytes. */
const LINE_BYTES = 76;

interface Load {
  readonly id: string;
  readonly name: string;
  /** The number of concurrent appenders, each waiting for its own append. */
  readonly appenders: number;
  readonly groupSize: number;
}

const LOADS: readonly Load[] = [
  { id: 'log_groups', name: 'log: one appender of groups of 100', appenders: 1, groupSize: 100 },
  { id: 'log_four_groups', name: 'log: four appenders of groups of 100', appenders: 4, groupSize: 100 },
  { id: 'log_singles', name: 'log: 256 appenders of one record', appenders: 256, groupSize: 1 },
];

/** Measures how fast records become durable in the log alone, without fleet and rules. Runs only on request. */
export async function log(stage: Stage): Promise<Figure[]> {
  const rounds = stage.quick ? 1 : 5;
  const count = stage.quick ? 2_000 : LOT;
  const opened = await openFileLog({
    dir: join(stage.dir, 'log'),
    checkpointDir: join(stage.dir, 'index'),
    reader: { restore: () => true, visit: () => {} },
    now: Date.now,
  });
  const appends = new AppendProbe(stage.dir);
  const rates = LOADS.map(() => ({ log: [] as number[], bare: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, load] of LOADS.entries()) {
      // Records are hashed beforehand, so that only the appending is timed.
      const records = Array.from({ length: count }, (_, n) => sample(opened.end + n));
      const bytes = records.reduce((sum, { text }) => sum + text.length + LINE_BYTES, 0);
      rates[i]!.bare.push((count / appends.append({ bytes, records: count })) * 1000);
      rates[i]!.log.push((count / (await timed(() => appendAll(opened, records, load)))) * 1000);
    }
  }
  await opened.close();
  appends.close();
  return LOADS.map(({ id, name }, i) => figureOf(id, name, rates[i]!));
}

function figureOf(id: string, name: string, rates: { log: number[]; bare: number[] }): Figure {
  const spread = spreadOf(rates.log);
  const bare = spreadOf(rates.bare);
  return {
    id,
    name,
    value: spread.median,
    unit: 'records/s',
    better: 'higher',
    spread,
    probes: [{ name: 'the same bytes, groups of 100', value: bare.median, spread: bare }],
    target: null,
    details: {},
  };
}

async function appendAll(
  opened: FileLog,
  records: readonly SealedRecord[],
  { appenders, groupSize }: Load,
): Promise<void> {
  let next = 0;
  const appender = async (): Promise<void> => {
    while (next < records.length) await opened.append({ records: records.slice(next, (next += groupSize)) });
  };
  await Promise.all(Array.from({ length: appenders }, appender));
}

/** Returns a record of about the size of a subtask's report. */
function sample(clock: number): SealedRecord {
  const hex = clock.toString(16).padStart(8, '0');
  return seal({
    act: 'DO',
    actor: 'did:sync:instance:0123456789abcdef' as Did,
    body: {
      index: clock,
      summary: 'done',
      topic: 'fanout_child_done',
      verdict: 'accept',
      wall_time_secs: 1.25,
    },
    clock,
    data_type: 'SCALAR',
    parents: [],
    thread: `th_${hex.repeat(8)}` as ThreadId,
  });
}
