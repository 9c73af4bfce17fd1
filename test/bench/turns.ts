import { once } from 'node:events';
import { join } from 'node:path';
import { BenchFleet } from './fleet.ts';
import { median } from './stats.ts';

const CHILDREN = 10_000;
const PAIRS = 15;

/** The result of one turn of a build. */
export interface Turn {
  readonly childrenPerSec: number;
  /** The time of two children, from the command to the durable join. */
  readonly twoMs: number;
  readonly coordinatorCpuUs: number;
  readonly workersCpuUs: number;
}

/** Runs a fleet of one build in a separate process. It takes a turn at each message of the parent process. */
export async function takeTurns(bin: string, dir: string): Promise<void> {
  const started = BenchFleet.start(bin, join(dir, 'h'));
  process.on('message', () => void started.then(turn).then(taken => process.send!(taken)));
  await Promise.all([started, once(process, 'disconnect')]);
  await (await started)[Symbol.asyncDispose]();
}

async function turn(fleet: BenchFleet): Promise<Turn> {
  const before = fleet.cpuMs();
  const ms = await fleet.timeFanOut(CHILDREN);
  const after = fleet.cpuMs();
  const twoMs: number[] = [];
  for (let i = 0; i < PAIRS; i++) twoMs.push(await fleet.timeFanOut(2));
  const usPerChild = (cpuMs: number): number => (cpuMs * 1000) / CHILDREN;
  return {
    childrenPerSec: (CHILDREN / ms) * 1000,
    twoMs: median(twoMs),
    coordinatorCpuUs: usPerChild(after.coordinator - before.coordinator),
    workersCpuUs: usPerChild(after.workers - before.workers),
  };
}
