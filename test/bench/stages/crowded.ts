import { join } from 'node:path';
import { commandsOf } from '../fan-out.ts';
import { probeOf, type Figure, type Stage } from '../figure.ts';
import { BenchFleet } from '../fleet.ts';
import { spreadOf } from '../stats.ts';

/** The worker whose only slot the open fan-outs wait for. */
const BUSY = 'worker-c';

/** Compares a fan-out beside many open ones with the same fan-out in a fleet without them. */
export async function crowded(stage: Stage): Promise<Figure[]> {
  const children = stage.quick ? 200 : 10_000;
  const open = stage.quick ? 20 : 1_000;
  const runs = stage.quick ? 1 : 7;
  await using empty = await BenchFleet.start(stage.bin, join(stage.dir, 'e'));
  await using full = await BenchFleet.start(stage.bin, join(stage.dir, 'f'), { workers: 3, slots: 1 });
  const waiting = commandsOf('sleep 3600', 1).map(subtask => ({ ...subtask, target: BUSY }));
  for (let i = 0; i < open; i++) await full.fanOut(`open-${i}`, waiting);
  const rates = { empty: [] as number[], full: [] as number[] };
  for (let i = stage.quick ? 0 : -2; i < runs; i++) {
    for (const [kind, fleet] of [['empty', empty] as const, ['full', full] as const]) {
      const ms = await fleet.timeFanOut(children);
      if (i >= 0) rates[kind].push((children / ms) * 1000);
    }
  }
  const spread = spreadOf(rates.full);
  return [
    {
      id: 'throughput_crowded',
      name: `${children.toLocaleString('en')} echo children beside ${open.toLocaleString('en')} open fan-outs`,
      value: spread.median,
      unit: 'children/s',
      better: 'higher',
      spread,
      probes: [probeOf('a fleet without open fan-outs', rates.empty)],
      target: null,
      details: {},
    },
  ];
}
