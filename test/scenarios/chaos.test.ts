import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'mocha';
import type { InstanceDocument } from '../../engine/contract/documents.ts';
import { isThere, scenario, type Scenario } from '../harness/fleet.ts';
import { joinsOf, keptReportedResults } from '../harness/laws.ts';
import { runs } from '../runs.ts';
import { seeded } from './seeded.ts';

/** The number of runs; `SPL_TEST_RUNS=100` makes it a soak. */
const ROUNDS = runs(2);
const WORKERS = 3;
/** Longer than three heartbeats, so that some stopped processes are regarded as hung, and some are not. */
const LONGEST_PAUSE_MS = 2_500;

type Random = () => number;

describe('a fleet with random faults', function () {
  this.timeout(60_000 + ROUNDS * 20_000);

  it(
    'ends every run with one join, everything accepted once, and keeps every answer true',
    scenario({ echoMs: 15, heartbeatSecs: 0.6 }, async fleet => {
      const seed = Number(process.env['SPL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      const random = seeded(seed);
      const told: string[] = [];
      try {
        await fleet.startFleet(WORKERS);
        for (let round = 1; round <= ROUNDS; round++) await run(fleet, `ROUND-${round}`, random, told);
      } catch (error) {
        throw new Error(`with SPL_SEED=${seed}, after: ${told.slice(-12).join(', ')}`, { cause: error });
      }
    }),
  );
});

async function run(fleet: Scenario, alias: string, random: Random, told: string[]): Promise<void> {
  await fleet.fanOut(alias, subtasks(random));
  for (let misfortunes = pick([1, 2, 3], random); misfortunes > 0; misfortunes--) {
    await delay(random() * 120);
    const { instances } = await fleet.state();
    const running = instances.filter(({ pid }) => pid !== null && isThere(pid));
    const [name, happen] = pick(MISFORTUNES, random);
    told.push(`${alias} ${name}`);
    const seen = await fleet.join(alias);
    await happen({ fleet, random, running });
    keptReportedResults(seen, await fleet.join(alias));
  }
  await fleet.startFleet(WORKERS);
  const { outcome, children } = await fleet.joined(alias);
  const fallen = children.filter(({ verdict }) => verdict !== 'accept');
  assert.equal(outcome, 'satisfied', JSON.stringify(fallen));
  assert.equal(joinsOf(await fleet.records(alias)).length, 1);
  await fleet.checkLaws();
}

interface Scene {
  readonly fleet: Scenario;
  readonly random: Random;
  /** The instances whose processes run. */
  readonly running: readonly InstanceDocument[];
}

async function coordinatorKilled(scene: Scene): Promise<void> {
  await kill(scene, coordinatorOf(scene));
  await scene.fleet.startFleet(WORKERS);
}

/** All are equally likely; the death of the coordinator counts twice. */
const MISFORTUNES = Object.entries<(scene: Scene) => Promise<void>>({
  'coordinator killed': coordinatorKilled,
  'coordinator killed (again)': coordinatorKilled,
  'coordinator and a worker killed': async scene => {
    await Promise.all([kill(scene, coordinatorOf(scene)), kill(scene, aWorkerOf(scene))]);
    await scene.fleet.startFleet(WORKERS);
  },
  'worker killed': scene => kill(scene, aWorkerOf(scene)),
  'coordinator paused': scene => pause(scene, coordinatorOf(scene)),
  'worker paused': scene => pause(scene, aWorkerOf(scene)),
  'worker stopped': async scene => {
    const worker = aWorkerOf(scene);
    if (worker === undefined) return;
    const grace = pick(['0', '1'], scene.random);
    await scene.fleet.spl('fleet', 'stop', '--instance', worker.alias, '--grace', grace);
    await scene.fleet.startFleet(WORKERS);
  },
  'worker restarted': async scene => {
    const worker = aWorkerOf(scene);
    if (worker !== undefined) await scene.fleet.json('fleet', 'restart', worker.alias);
  },
});

const coordinatorOf = ({ running }: Scene): InstanceDocument | undefined =>
  running.find(({ role }) => role === 'coordinator');

function aWorkerOf({ running, random }: Scene): InstanceDocument | undefined {
  const workers = running.filter(({ role }) => role === 'worker');
  return workers.length === 0 ? undefined : pick(workers, random);
}

async function kill({ fleet }: Scene, instance: InstanceDocument | undefined): Promise<void> {
  if (instance?.pid != null && isThere(instance.pid)) await fleet.kill(instance.pid);
}

async function pause({ fleet, random }: Scene, instance: InstanceDocument | undefined): Promise<void> {
  const pid = instance?.pid ?? null;
  if (pid === null || !isThere(pid)) return;
  fleet.signal(pid, 'SIGSTOP');
  await delay(random() * LONGEST_PAUSE_MS);
  fleet.signal(pid, 'SIGCONT');
}

/** Returns echoes and commands, some with dependencies, some for one worker only. None fails by itself. */
function subtasks(random: Random): object[] {
  const count = 3 + Math.floor(random() * 12);
  return Array.from({ length: count }, (_, i) => ({
    goal: `part ${i}`,
    attempts: 20,
    ...(random() < 0.3 ? { run: `sleep 0.0${Math.floor(random() * 10)}` } : {}),
    ...(i > 0 && random() < 0.25 ? { depends_on: [Math.floor(random() * i)] } : {}),
    ...(random() < 0.2 ? { target: pick(['worker-a', 'worker-b', 'round-robin'], random) } : {}),
  }));
}

const pick = <T>(from: readonly T[], random: Random): T => from[Math.floor(random() * from.length)]!;
