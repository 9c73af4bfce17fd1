import { join } from 'node:path';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { BenchFleet } from '../fleet.ts';
import { AppendProbe } from '../probes/appends.ts';
import { longestStretchMs, median, spreadOf } from '../stats.ts';

/** The costs of one child, in microseconds. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
  readonly probe: number;
  /** The longest time for which one fan-out blocked the coordinator's event loop, in ms. */
  readonly stretchMs: number;
}

/**
 * Compares the cost of one child in a large and in a small fan-out: the join must not read its members at each report.
 */
export async function scaling(stage: Stage): Promise<Figure[]> {
  const few = stage.quick ? 100 : 1_000;
  const many = stage.quick ? 1_000 : 100_000;
  const rounds = stage.quick ? 1 : 3;
  const appends = new AppendProbe(stage.dir);
  await using fleet = await BenchFleet.start(stage.bin, join(stage.dir, 'h'));
  for (let i = 0; i < (stage.quick ? 2 : 30); i++) await fleet.timeFanOut(few);
  const costs: { few: Cost; many: Cost }[] = [];
  for (let round = 0; round < rounds; round++) {
    stage.say(`scaling: round ${round + 1} of ${rounds}`);
    costs.push({
      few: await costOf(fleet, appends, few, stage.quick ? 2 : 30),
      many: await costOf(fleet, appends, many, 1),
    });
  }
  appends.close();
  return (['cpu', 'wall'] as const).map(kind => {
    const ratios = costs.map(cost => cost.many[kind] / cost.few[kind]);
    const probes = costs.map(cost => cost.many.probe / cost.few.probe);
    const spread = spreadOf(ratios);
    const mean = (size: 'few' | 'many'): number => median(costs.map(cost => cost[size][kind]));
    return {
      id: `scaling_${kind}`,
      name: `${kind === 'cpu' ? 'processor' : 'wall'} time a child, ${many.toLocaleString('en')} against ${few.toLocaleString('en')}`,
      value: spread.median,
      unit: '×',
      better: 'lower',
      spread,
      probes: [{ name: 'bare appends likewise', value: spreadOf(probes).median, spread: spreadOf(probes) }],
      target: targetOf(stage, { atMost: 1.2 }),
      details: {
        few_us_per_child: mean('few'),
        many_us_per_child: mean('many'),
        many_longest_stretch_ms: median(costs.map(cost => cost.many.stretchMs)),
      },
    };
  });
}

/** Returns the mean cost over `runs` fan-outs. */
async function costOf(
  fleet: BenchFleet,
  appends: AppendProbe,
  children: number,
  runs: number,
): Promise<Cost> {
  const before = fleet.cpuMs();
  let wallMs = 0;
  const stretches: number[] = [];
  for (let i = 0; i < runs; i++)
    stretches.push(await longestStretchMs(async () => (wallMs += await fleet.timeFanOut(children))));
  const after = fleet.cpuMs();
  const cpuMs = after.coordinator - before.coordinator + after.workers - before.workers;
  let probeMs = 0;
  for (let i = 0; i < runs; i++) probeMs += appends.append({ bytes: children * 1000, records: children });
  const perChild = (ms: number): number => (ms * 1000) / (runs * children);
  return {
    wall: perChild(wallMs),
    cpu: perChild(cpuMs),
    probe: perChild(probeMs),
    stretchMs: median(stretches),
  };
}
