import { delimiter, join } from 'node:path';
import type { Figure, Stage } from '../figure.ts';
import { BenchFleet } from '../fleet.ts';
import { median } from '../stats.ts';

const CHILDREN = 10_000;
const TURNS = 12;
const PAIRS_IN_TURN = 15;

interface Reading {
  readonly perSec: number;
  readonly pairMs: number;
  readonly coordinatorUs: number;
  readonly workersUs: number;
}

/** Two builds in turns, on one machine in the same seconds: `stage.bin` names both. */
export async function paired(stage: Stage): Promise<Figure[]> {
  const fleets: BenchFleet[] = [];
  for (const [i, bin] of stage.bin.split(delimiter).entries())
    fleets.push(await BenchFleet.start(bin, join(stage.dir, `h${i}`)));
  const readings: Reading[][] = fleets.map(() => []);
  for (let turn = -2; turn < TURNS; turn++) {
    const order = turn % 2 === 0 ? [0, 1] : [1, 0];
    for (const i of order) {
      const reading = await read(fleets[i]!);
      if (turn >= 0) readings[i]!.push(reading);
    }
  }
  for (const fleet of fleets) await fleet.stop();
  for (const key of ['perSec', 'pairMs', 'coordinatorUs', 'workersUs'] as const) {
    const [one, other] = readings.map(all => all.map(reading => reading[key]));
    const ratios = one!.map((value, i) => other![i]! / value);
    stage.say(
      `${key.padEnd(14)} ${median(one!).toFixed(2).padStart(9)} → ${median(other!).toFixed(2).padStart(9)}` +
        `   median of the pairs' ratios ${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(2)} … ${Math.max(...ratios).toFixed(2)})`,
    );
  }
  return [];
}

async function read(fleet: BenchFleet): Promise<Reading> {
  const before = fleet.cpuMs();
  const ms = await fleet.fanOut(CHILDREN);
  const after = fleet.cpuMs();
  const pairs: number[] = [];
  for (let i = 0; i < PAIRS_IN_TURN; i++) pairs.push(await fleet.fanOut(2));
  return {
    perSec: (CHILDREN / ms) * 1000,
    pairMs: median(pairs),
    coordinatorUs: ((after.coordinator - before.coordinator) * 1000) / CHILDREN,
    workersUs: ((after.workers - before.workers) * 1000) / CHILDREN,
  };
}
