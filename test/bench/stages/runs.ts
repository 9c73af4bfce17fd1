import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunsDocument } from '../../../engine/contract/documents.ts';
import { probeOf, targetOf, type Figure, type Stage } from '../figure.ts';
import { benchEnvironment, timeBareNode, timeCommand } from '../processes.ts';
import { spreadOf } from '../stats.ts';

/** Measures `spl run` as its user sees it: whole processes, typed in a folder. */
export async function runs(stage: Stage): Promise<Figure[]> {
  return [await firstLineCold(stage), await firstLine(stage), await reuse(stage), await printing(stage)];
}

const FIRST = ['run', '--output', 'stream', 'echo hi'];

/** Runs a command whose output nobody reads. @returns the time to its end, in ms */
async function timeUnread(command: string, words: readonly string[], { cwd, env }: Place): Promise<number> {
  const begun = performance.now();
  const child = spawn(command, words, { cwd, env, stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return performance.now() - begun;
}

/** Measures the time to the first line of output, each time with a new home and no fleet. */
async function firstLineCold(stage: Stage): Promise<Figure> {
  const lines: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < (stage.quick ? 1 : 7); i++) {
    const at = await placeOf(stage, `cold-${i}`);
    bare.push(await timeBareNode(at.env));
    lines.push(await timeFirstByte(at, FIRST));
    await stop(at);
  }
  return figureOf('first_line_cold', 'first line of spl run, no fleet before', lines, bare, 1_100, stage);
}

/** Measures the time to the first line of output on a fleet that runs. */
async function firstLine(stage: Stage): Promise<Figure> {
  const at = await placeOf(stage, 'warm');
  const lines: number[] = [];
  const bare: number[] = [];
  await timeFirstByte(at, FIRST);
  for (let i = 0; i < (stage.quick ? 1 : 30); i++) {
    bare.push(await timeBareNode(at.env));
    lines.push(await timeFirstByte(at, FIRST));
  }
  await stop(at);
  return figureOf('first_line', 'first line of spl run', lines, bare, 150, stage);
}

/** Measures a plan whose files have not changed since its last run. */
async function reuse(stage: Stage): Promise<Figure> {
  const count = stage.quick ? 4 : 200;
  const at = await placeOf(stage, 'reuse');
  const plan = ['goal: Reuse', 'subtasks:'];
  for (let i = 0; i < count; i++) {
    await writeFile(join(at.cwd, `${i}.txt`), `${i}\n`);
    plan.push(`  - { name: s${i}, run: cat ${i}.txt, inputs: [${i}.txt] }`);
  }
  await writeFile(join(at.cwd, 'reuse.fanout.yaml'), `${plan.join('\n')}\njoin: all\n`);
  const run = (): Promise<number> => timeCommand(at.spl, ['run', '--json'], at.env, '', at.cwd);
  await run();
  const times: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < (stage.quick ? 1 : 7); i++) {
    bare.push(await timeBareNode(at.env));
    times.push(await run());
  }
  await stop(at);
  return figureOf('reuse', `spl run of ${count} unchanged subtasks`, times, bare, 1_000, stage);
}

/** The subtasks that print at the same time, and the text that each prints 25 times a second, for two seconds. */
const PRINTERS = 8;
const TEXT_BYTES = 250_000;
const TEXTS = 50;

/** A program that prints at a pace, without further processes. */
const printer = (texts: number): string => `
const text = '${'x'.repeat(99)}\\n'.repeat(${TEXT_BYTES / 100});
let left = ${texts};
const print = () => {
  process.stdout.write(text);
  if (--left > 0) setTimeout(print, 40);
};
print();
`;

/**
 * Measures eight subtasks that print 50 MB a second together, from their start to their join, while `spl run` prints
 * what they print; against the same commands whose reader is `cat`.
 */
async function printing(stage: Stage): Promise<Figure> {
  const at = await placeOf(stage, 'printing');
  await writeFile(join(at.cwd, 'printer.cjs'), printer(stage.quick ? 2 : TEXTS));
  const command = `'${process.execPath}' printer.cjs`;
  const commands = Array.from({ length: PRINTERS }, () => command);
  const words = ['run', '-j', String(PRINTERS), '--output', 'stream', ...commands];
  await timeCommand(at.spl, ['run', '-j', String(PRINTERS), 'true'], at.env, '', at.cwd);
  const times: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < (stage.quick ? 1 : 7); i++) {
    bare.push(
      await timeUnread('sh', ['-c', `${commands.map(each => `${each} | cat &`).join(' ')} wait`], at),
    );
    await timeUnread(at.spl, words, at);
    const { stdout } = await promisify(execFile)(at.spl, ['runs', '--limit', '1', '--json'], at);
    const [run] = (JSON.parse(stdout) as RunsDocument).runs;
    times.push(run!.wall_secs * 1000);
  }
  await stop(at);
  const spread = spreadOf(times.map((ms, i) => ms / bare[i]!));
  return {
    id: 'printing',
    name: `${PRINTERS} subtasks that print 50 MB/s, against cat`,
    value: spread.median,
    unit: '×',
    better: 'lower',
    spread,
    probes: [
      probeOf(
        'cat against itself',
        bare.map(ms => ms / spreadOf(bare).median),
      ),
    ],
    target: targetOf(stage, { atMost: 1.1 }),
    details: { run_ms: spreadOf(times).median, cat_ms: spreadOf(bare).median },
  };
}

function figureOf(
  id: string,
  name: string,
  times: readonly number[],
  bare: readonly number[],
  atMost: number,
  stage: Stage,
): Figure {
  const spread = spreadOf(times);
  return {
    ...({ id, name, value: spread.median, unit: 'ms', better: 'lower', spread } as const),
    probes: [probeOf('node -e 0', bare)],
    target: targetOf(stage, { atMost }),
    details: {},
  };
}

/** A folder with a home of its own. */
interface Place {
  readonly spl: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

async function placeOf(stage: Stage, name: string): Promise<Place> {
  const cwd = join(stage.dir, name);
  await mkdir(cwd);
  return { spl: join(stage.bin, 'spl'), cwd, env: benchEnvironment(join(stage.dir, `${name}-home`)) };
}

const stop = ({ spl, env }: Place): Promise<number> => timeCommand(spl, ['fleet', 'stop', '--all'], env);

/** Runs a command to its end. @returns the time until its first output, in ms */
function timeFirstByte({ spl, cwd, env }: Place, words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn(spl, words, { cwd, env, stdio: ['ignore', 'pipe', 'ignore'] });
    let ms: number | undefined;
    child.stdout.on('data', () => (ms ??= performance.now() - begun));
    child.once('error', reject);
    child.once('close', code => {
      if (code === 0 && ms !== undefined) resolve(ms);
      else reject(new Error(`'spl ${words.join(' ')}' ended with ${code}`));
    });
  });
}
