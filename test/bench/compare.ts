import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { HEAP_FLAGS } from '../../engine/runtime/heap.ts';
import { endProcesses } from '../harness/processes.ts';
import { benchEnvironment } from './processes.ts';
import { buildProgram } from './stage-process.ts';
import { median } from './stats.ts';
import type { Turn } from './turns.ts';

/**
 * Runs `tsx test/bench/compare.ts BIN BIN [TURNS]`: two builds of the engine take turns, so that both run under the
 * same conditions. Prints the difference of the second from the first.
 */
const WARM_UP = 4;

async function main([one, other, turns = '16']: readonly string[]): Promise<void> {
  if (one === undefined || other === undefined)
    throw new TypeError('name the dist/bin folders of two builds');
  const dir = await mkdtemp(join(tmpdir(), 'spl-compare-'));
  try {
    const program = join(dir, 'child.mjs');
    await buildProgram(program);
    const fleets: ChildProcess[] = [];
    for (const [i, bin] of [one, other].entries()) {
      const folder = join(dir, String(i));
      await mkdir(folder);
      const env = benchEnvironment(null);
      fleets.push(fork(program, ['turns', resolve(bin), folder], { execArgv: [...HEAP_FLAGS], env }));
    }
    print(await inTurns(fleets, Number(turns)));
    const gone = fleets.map(fleet => once(fleet, 'exit'));
    for (const fleet of fleets) fleet.disconnect();
    await Promise.all(gone);
  } finally {
    await endProcesses(dir);
    await rm(dir, { recursive: true, force: true });
  }
}

/** @returns the turns of each fleet; the fleets alternate in going first */
async function inTurns(fleets: readonly ChildProcess[], turns: number): Promise<Turn[][]> {
  const taken: Turn[][] = fleets.map(() => []);
  for (let turn = -WARM_UP; turn < turns; turn++) {
    const order = turn % 2 === 0 ? [0, 1] : [1, 0];
    for (const i of order) {
      const answer = once(fleets[i]!, 'message') as Promise<[Turn]>;
      fleets[i]!.send('go');
      const [done] = await answer;
      if (turn >= 0) taken[i]!.push(done);
    }
  }
  return taken;
}

function print([first, second]: readonly Turn[][]): void {
  for (const key of ['childrenPerSec', 'twoMs', 'coordinatorCpuUs', 'workersCpuUs'] as const) {
    const one = first!.map(turn => turn[key]);
    const other = second!.map(turn => turn[key]);
    const ratios = one.map((value, i) => other[i]! / value);
    const cell = (value: number): string => value.toFixed(2).padStart(9);
    process.stdout.write(
      `${key.padEnd(16)} ${cell(median(one))} → ${cell(median(other))}   ratio, in the middle of the turns: ` +
        `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(2)} … ${Math.max(...ratios).toFixed(2)})\n`,
    );
  }
}

await main(process.argv.slice(2));
