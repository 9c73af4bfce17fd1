import { join } from 'node:path';
import { median, spreadOf } from '../stats.ts';
import { probeOf, type Figure, type Stage } from '../figure.ts';
import { commandsOf } from '../fan-out.ts';
import { BenchFleet, type Size } from '../fleet.ts';
import { Rivals } from '../probes/rivals.ts';
import { SpawnProbe } from '../probes/spawns.ts';

const NOTHING = 'true';

/** A row: the same command many times, on a fleet of this size. */
interface Row {
  readonly id: string;
  readonly run: string;
  readonly count: number;
  readonly size: Size;
  readonly rounds: number;
  /** True for the time of one command instead of all. */
  readonly each?: true;
}

const TWO_WORKERS: Size = { workers: 2, slots: 1 };
const TWO_SLOTS: Size = { workers: 1, slots: 2 };
const FOUR_SLOTS: Size = { workers: 2, slots: 2 };

/** Measures short shell commands on two slots, beside programs that run the same commands. */
export async function shell(stage: Stage): Promise<Figure[]> {
  const [rounds, count] = stage.quick ? [1, 4] : [3, 200];
  const row = { run: NOTHING, count, rounds };
  return rowsOf(stage, [
    { ...row, id: 'shell_two_workers', size: TWO_WORKERS },
    { ...row, id: 'shell_two_slots', size: TWO_SLOTS },
  ]);
}

/** Measures what a fleet adds to commands that wait. */
export async function sleep(stage: Stage): Promise<Figure[]> {
  const [rounds, count] = stage.quick ? [1, 4] : [3, 40];
  return rowsOf(stage, [{ id: 'shell_sleep', run: 'sleep 0.1', count, size: TWO_WORKERS, rounds }]);
}

/** Measures the cost of a command in a longer fan-out on four slots. */
export async function many(stage: Stage): Promise<Figure[]> {
  const count = stage.quick ? 8 : 2_000;
  const rounds = stage.quick ? 1 : 2;
  return rowsOf(stage, [{ id: 'shell_many', run: NOTHING, count, size: FOUR_SLOTS, rounds, each: true }]);
}

/** Measures how the cost of a command grows with its fan-out. Runs only on request, because it takes minutes. */
export async function growth(stage: Stage): Promise<Figure[]> {
  const row = { run: NOTHING, size: FOUR_SLOTS, each: true, rounds: 1 } as const;
  const [few, many] = stage.quick ? [8, 16] : [2_000, 20_000];
  return rowsOf(stage, [
    { ...row, id: 'shell_growth_few', count: few },
    { ...row, id: 'shell_growth_many', count: many },
  ]);
}

async function rowsOf(stage: Stage, rows: readonly Row[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const row of rows) figures.push(await figureOf(stage, row));
  return figures;
}

async function figureOf(stage: Stage, { id, run, count, size, rounds, each }: Row): Promise<Figure> {
  const { workers, slots } = size;
  await using fleet = await BenchFleet.start(stage.bin, join(stage.dir, id), size);
  const rivals = await Rivals.of(workers * slots);
  const unit = each === true ? count : 1;
  const times: number[] = [];
  await warmUp(fleet, size);
  for (let round = 0; round < rounds; round++) {
    stage.say(`${id}: round ${round + 1} of ${rounds}`);
    await rivals.run(run, count);
    times.push((await fleet.timeSubtasks(commandsOf(run, count))) / unit);
  }
  const spread = spreadOf(times);
  const commands = `${count.toLocaleString('en')} × sh -c '${run}'`;
  const on = `${workers} ${workers === 1 ? 'worker' : 'workers'} of ${slots} ${slots === 1 ? 'slot' : 'slots'}`;
  return {
    id,
    name: `${commands}, ${on}${each === true ? ', each' : ''}`,
    value: spread.median,
    unit: 'ms',
    better: 'lower',
    spread,
    probes: rivals.probes(unit),
    skipped: rivals.skipped,
    target: null,
    details: {},
  };
}

/** Starts what a worker starts with its first command. */
const warmUp = (fleet: BenchFleet, { workers, slots }: Size): Promise<number> =>
  fleet.timeSubtasks(commandsOf(NOTHING, 4 * workers * slots));

/** Measures the time that an attempt of a command which does nothing takes of its slot, on an idle worker. */
export async function attempt(stage: Stage): Promise<Figure[]> {
  const runs = stage.quick ? 3 : 100;
  const size: Size = { workers: 1, slots: 1 };
  await using fleet = await BenchFleet.start(stage.bin, join(stage.dir, 'h'), size);
  await using spawns = new SpawnProbe();
  await warmUp(fleet, size);
  await spawns.time(NOTHING);
  const attempts: number[] = [];
  const bare: number[] = [];
  const joins: number[] = [];
  for (let i = 0; i < runs; i++) {
    bare.push(await spawns.time(NOTHING));
    const alias = `attempt-${i}`;
    joins.push(await fleet.timeSubtasks(commandsOf(NOTHING, 1), alias));
    const { children } = await fleet.join(alias);
    attempts.push(children[0]!.wall_time_secs * 1000);
  }
  const inRow = stage.quick ? 4 : 50;
  const row = await fleet.timeSubtasks(commandsOf(NOTHING, inRow));
  const spread = spreadOf(attempts);
  return [
    {
      id: 'attempt',
      name: `an attempt of sh -c '${NOTHING}' on its slot, p50`,
      value: spread.median,
      unit: 'ms',
      better: 'lower',
      spread,
      probes: [probeOf('spawn to close in a small node, p50', bare)],
      target: null,
      details: { command_to_join_ms: median(joins), slot_turnaround_ms: row / inRow },
    },
  ];
}
