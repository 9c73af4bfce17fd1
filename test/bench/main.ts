import { access, mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { VERSION } from '../../engine/contract/engine.ts';
import { endProcesses } from '../harness/processes.ts';
import type { StageName } from './child.ts';
import { reached, type Figure } from './figure.ts';
import { judgeQuiet } from './quiet.ts';
import { buildProgram, runStage } from './stage-process.ts';
import { table } from './table.ts';

/** Runs `npm run bench`: measures the built engine, and prints each figure beside that of the bare machine. */

const STAGES: readonly StageName[] = [
  ...([
    'throughput',
    'latency',
    'scaling',
    'crowded',
    'shell',
    'sleep',
    'many',
    'attempt',
    'opening',
  ] as const),
  ...(['commands', 'runs', 'freeze', 'worktree', 'load', 'plans', 'memory'] as const),
];
/** The stages that run only on request. */
const MORE: readonly StageName[] = ['growth', 'peers', 'log'];
const HERE = fileURLToPath(new URL('.', import.meta.url));
const RESULTS = join(HERE, 'results');
const USAGE = `usage: npm run bench -- [--quick] [--only ${[...STAGES, ...MORE].join(',')}] [--json FILE] [--dir FOLDER] [--bin FOLDER]
`;
const TMPFS = 0x01021994;

interface Options {
  readonly quick: boolean;
  readonly stages: readonly StageName[];
  readonly json: string;
  /** The folder for the homes, on the disk to measure. */
  readonly dir: string;
  /** The folder of the built engine. */
  readonly bin: string;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  await access(join(options.bin, 'coordinator.js'));
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const dir = await mkdtemp(join(options.dir, 'spl-bench-'));
  try {
    await measure(options, dir, stop.signal);
  } finally {
    await endProcesses(dir);
    await rm(dir, { recursive: true, force: true });
  }
}

async function measure(options: Options, dir: string, signal: AbortSignal): Promise<void> {
  const machine = await machineNow(dir);
  print(
    `${machine.cpus} processors (${machine.model}), Node ${process.version}, load ${machine.load_average.join(' ')}\n`,
  );
  if (machine.is_tmpfs) print(`⚠ ${dir} is in memory: nothing is durable there, and no figure counts\n`);
  const begun = performance.now();
  const program = join(dir, 'child.mjs');
  await buildProgram(program);
  const figures: Figure[] = [];
  for (const name of options.stages) {
    const stageDir = join(dir, name);
    await mkdir(stageDir);
    const say = (text: string): void => print(`· ${text}\n`);
    say(name);
    const { quick, bin } = options;
    figures.push(...(await runStage({ name, program, bin, dir: stageDir, quick, say, signal })));
    await rm(stageDir, { recursive: true, force: true });
  }
  const noise = await judgeQuiet(figures, options.quick ? null : join(RESULTS, 'quiet.json'));
  print(`\n${table(figures)}\n`);
  for (const words of noise) print(`⚠ ${words}\n`);
  if (noise.length > 0) print('⚠ the machine is not quiet: judge by the ratios, or measure again\n');
  const document = {
    version: VERSION,
    at: new Date().toISOString(),
    quick: options.quick,
    took_secs: (performance.now() - begun) / 1000,
    machine,
    noise,
    figures: figures.map(figure => ({ ...figure, reached: reached(figure) })),
  };
  await mkdir(dirname(options.json), { recursive: true });
  await writeFile(options.json, JSON.stringify(document, null, 2) + '\n');
  print(`· ${document.took_secs.toFixed(0)} s; ${options.json}\n`);
}

function readOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      json: { type: 'string' },
      dir: { type: 'string', default: tmpdir() },
      bin: { type: 'string', default: join(HERE, '..', '..', 'dist', 'bin') },
    },
  });
  const stages = values.only?.split(',') ?? STAGES;
  const unknown = stages.find(name => ![...STAGES, ...MORE].includes(name as StageName));
  if (unknown !== undefined) throw new TypeError(`no stage is named '${unknown}'`);
  return {
    quick: values.quick,
    stages: stages as StageName[],
    json: resolve(values.json ?? join(RESULTS, values.quick ? 'latest-quick.json' : 'latest.json')),
    dir: resolve(values.dir),
    bin: resolve(values.bin),
  };
}

async function machineNow(dir: string) {
  const { type } = await statfs(dir);
  return {
    cpus: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    load_average: loadavg().map(load => Math.round(load * 100) / 100),
    is_tmpfs: type === TMPFS,
  };
}

function print(text: string): void {
  process.stdout.write(text);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 1;
});
