import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Figure, Stage } from '../figure.ts';
import { BenchFleet } from '../fleet.ts';

const RUNS = 5;
const CHILDREN = 10_000;
/** The number of children in one profile. */
export const PROFILED_CHILDREN = RUNS * CHILDREN;

const LOOK_MS = 5;

/** Runs the throughput stage with a profile of each process of the fleet, started once everything is warm. */
export async function profiled(stage: Stage): Promise<Figure[]> {
  await using fleet = await BenchFleet.start(stage.bin, join(stage.dir, 'h'));
  for (let i = 0; i < 4; i++) await fleet.timeFanOut(CHILDREN);
  const pids = [process.pid, ...fleet.workerPids];
  await signalAll(pids, 'begun');
  const before = fleet.cpuMs();
  let ms = 0;
  for (let i = 0; i < RUNS; i++) ms += await fleet.timeFanOut(CHILDREN);
  const after = fleet.cpuMs();
  await signalAll(pids, 'ended');
  const us = (cpu: number): string => ((cpu * 1000) / PROFILED_CHILDREN).toFixed(1);
  stage.say(`coordinator ${process.pid}, workers ${fleet.workerPids.join(' ')}`);
  stage.say(
    `${((PROFILED_CHILDREN / ms) * 1000).toFixed(0)} children/s while profiled; processor time a child: ` +
      `coordinator ${us(after.coordinator - before.coordinator)} µs, workers ${us(after.workers - before.workers)} µs`,
  );
  return [];
}

/** Makes each process start or end its profile, and waits for its message. */
async function signalAll(pids: readonly number[], said: 'begun' | 'ended'): Promise<void> {
  const folder = process.env['SPL_PROFILE_DIR']!;
  for (const pid of pids) process.kill(pid, 'SIGUSR2');
  for (const pid of pids) while (!(await exists(join(folder, `${pid}.${said}`)))) await delay(LOOK_MS);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
