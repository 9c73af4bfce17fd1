import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { fanOutOf, taskOf } from '../fan-out.ts';
import { BenchFleet } from '../fleet.ts';
import { percentile, spreadOf } from '../stats.ts';
import { AppendProbe } from '../probes/appends.ts';

const WORKERS = 8;
const RECORD_BYTES = 300;

/** Measures the time from a freeze to the last start of a command anywhere, during a storm of short commands. */
export async function freeze(stage: Stage): Promise<Figure[]> {
  const rounds = stage.quick ? 1 : 20;
  const children = stage.quick ? 40 : 1_000;
  const appends = new AppendProbe(stage.dir);
  await using fleet = await BenchFleet.start(stage.bin, join(stage.dir, 'h'), { workers: WORKERS, slots: 1 });
  const { client } = fleet;
  const lags: number[] = [];
  const sync: number[] = [];
  await client.submit('namespace.create', { id: 'storm', description: null });
  for (let round = 0; round < rounds; round++) {
    const file = join(stage.dir, `starts-${round}`);
    const alias = `storm-${round}`;
    const task = { ...taskOf(alias), namespace: 'storm', dir: stage.dir };
    await client.submit('task.add', task);
    const subtasks = Array.from({ length: children }, (_, i) => ({
      goal: `${i}`,
      run: `date +%s%N >> '${file}'`,
    }));
    await client.submit('task.fan-out', { ...fanOutOf(alias, 0), subtasks, losers: 'cancel' });
    await fleet.countsWhen(alias, 'all workers have begun', ({ completed }) => completed >= WORKERS);
    const issuedAt = Date.now();
    const frozen = { namespace: 'storm', emergency: false, level: null, grace_secs: null, reason: null };
    await client.submit('kill', frozen);
    await fleet.countsWhen(alias, 'nothing runs', ({ counts }) => counts.running === 0);
    const starts = (await readFile(file, 'utf8')).split('\n').filter(line => line !== '');
    const last = Math.max(...starts.map(line => Number(line.slice(0, -6))));
    // At least 1 ms, also if no command started after the freeze.
    lags.push(Math.max(1, last - issuedAt));
    sync.push(appends.appendOne(RECORD_BYTES));
    await client.submit('unkill', { namespace: 'storm', emergency: false });
    await client.submit('task.cancel', { task: alias, subtask: null, reason: null });
    await fleet.countsWhen(alias, 'all is over', ({ counts }) => counts.running + counts.pending === 0);
  }
  appends.close();
  const p99 = percentile(lags, 0.99);
  return [
    {
      id: 'freeze',
      name: 'freeze issued to the last start anywhere, 8 workers, p99',
      value: p99,
      unit: 'ms',
      better: 'lower',
      spread: spreadOf(lags),
      probes: [
        { name: 'write and fdatasync of 300 B', value: percentile(sync, 0.99), spread: spreadOf(sync) },
      ],
      target: targetOf(stage, { atMost: 1000 }),
      details: {},
    },
  ];
}
