import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { ACTOR, BenchFleet, fanOutOf, taskOf } from '../fleet.ts';
import { percentile, spreadOf } from '../stats.ts';
import { AppendProbe } from '../probes/appends.ts';

const WORKERS = 8;
const RECORD_BYTES = 300;

/** Measures the time from a freeze to the last begin of a command anywhere, in the middle of a storm of short commands. */
export async function freeze(stage: Stage): Promise<Figure[]> {
  const rounds = stage.quick ? 1 : 20;
  const children = stage.quick ? 40 : 1_000;
  const appends = new AppendProbe(stage.dir);
  const fleet = await BenchFleet.start(stage.bin, join(stage.dir, 'h'), WORKERS);
  const { engine } = fleet;
  const lags: number[] = [];
  const sync: number[] = [];
  await engine.submit('namespace.create', { id: 'storm', description: null }, { actor: ACTOR });
  for (let round = 0; round < rounds; round++) {
    const file = join(stage.dir, `starts-${round}`);
    const alias = `storm-${round}`;
    const task = { ...taskOf(alias), namespace: 'storm', dir: stage.dir };
    await engine.submit('task.add', task, { actor: ACTOR });
    const subtasks = Array.from({ length: children }, (_, i) => ({
      goal: `${i}`,
      run: `date +%s%N >> '${file}'`,
    }));
    await engine.submit(
      'task.fan-out',
      { ...fanOutOf(alias, 0), subtasks, losers: 'cancel' },
      { actor: ACTOR },
    );
    await fleet.when(alias, ({ completed }) => completed >= WORKERS);
    const issuedAt = Date.now();
    const frozen = { namespace: 'storm', emergency: false, level: null, grace_secs: null, reason: null };
    await engine.submit('kill', frozen, { actor: ACTOR });
    await fleet.when(alias, ({ counts }) => counts.running === 0);
    const starts = (await readFile(file, 'utf8')).split('\n').filter(line => line !== '');
    const last = Math.max(...starts.map(line => Number(line.slice(0, -6))));
    // One that began before it was issued began after no freeze.
    lags.push(Math.max(1, last - issuedAt));
    sync.push(appends.appendOne(RECORD_BYTES));
    await engine.submit('unkill', { namespace: 'storm', emergency: false }, { actor: ACTOR });
    await engine.submit('task.cancel', { task: alias, subtask: null, reason: null }, { actor: ACTOR });
    await fleet.when(alias, ({ counts }) => counts.running + counts.pending === 0);
  }
  await fleet.stop();
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
