import { join } from 'node:path';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { benchEnvironment, timeBareNode, timeCommand } from '../processes.ts';
import { spreadOf } from '../stats.ts';

/** Measures the commands for which a user waits at the terminal: whole processes, from start to end. */
export async function commands(stage: Stage): Promise<Figure[]> {
  return [await fleetStart(stage), await fleetList(stage)];
}

/** Measures `fleet start`, each time with a new home and no coordinator. */
async function fleetStart(stage: Stage): Promise<Figure> {
  const runs = stage.quick ? 1 : 7;
  const starts: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < runs; i++) {
    const env = benchEnvironment(join(stage.dir, `start-${i}`));
    bare.push(await timeBareNode(env));
    starts.push(await timeCommand(spl(stage), ['fleet', 'start', '--workers', '2'], env));
    await stopFleet(stage, env);
  }
  const spread = spreadOf(starts);
  return {
    id: 'fleet_start',
    name: 'spl fleet start --workers 2',
    value: spread.median,
    unit: 'ms',
    better: 'lower',
    spread,
    probes: [{ name: 'node -e 0', value: spreadOf(bare).median, spread: spreadOf(bare) }],
    target: targetOf(stage, { atMost: 1500 }),
    details: {},
  };
}

/** Alternates with a process that does nothing, so that both run under the same conditions. */
async function fleetList(stage: Stage): Promise<Figure> {
  const runs = stage.quick ? 3 : 40;
  const env = benchEnvironment(join(stage.dir, 'list'));
  await timeCommand(spl(stage), ['fleet', 'start', '--workers', '2'], env);
  const lists: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < runs; i++) {
    bare.push(await timeBareNode(env));
    lists.push(await timeCommand(spl(stage), ['fleet', 'list'], env));
  }
  await stopFleet(stage, env);
  const spread = spreadOf(lists);
  const probe = spreadOf(bare);
  const ratios = lists.map((ms, i) => ms / bare[i]!);
  return {
    id: 'fleet_list',
    name: 'spl fleet list against node -e 0',
    value: spread.median / probe.median,
    unit: '×',
    better: 'lower',
    spread: spreadOf(ratios),
    probes: [
      { name: 'node -e 0 against itself', value: 1, spread: spreadOf(bare.map(ms => ms / probe.median)) },
    ],
    target: targetOf(stage, { atMost: 2.5 }),
    details: { list_ms: spread.median, bare_node_ms: probe.median },
  };
}

const spl = (stage: Stage): string => join(stage.bin, 'spl');

async function stopFleet(stage: Stage, env: NodeJS.ProcessEnv): Promise<void> {
  await timeCommand(spl(stage), ['fleet', 'stop', '--all', '--grace', '1'], env);
}
