import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { Profiler } from 'node:inspector';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { endProcesses } from '../harness/processes.ts';
import { buildReadable, Sources } from './profiling/build.ts';
import { costsOf, summary } from './profiling/summary.ts';
import { buildProgram, runStage } from './stage-process.ts';
import { PROFILED_CHILDREN } from './stages/profiled.ts';

/**
 * Runs `tsx test/bench/profile.ts [FOLDER]`: the throughput stage with a CPU profile of the coordinator and of each
 * worker. Prints the costliest functions, and keeps the profiles in the folder (default: `results/profiles`).
 */
const HERE = fileURLToPath(new URL('.', import.meta.url));
const PRELOAD = pathToFileURL(join(HERE, 'profiling', 'preload.mjs')).href;
const SHOWN = 45;

async function main(folder = join(HERE, 'results', 'profiles')): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const dir = await mkdtemp(join(tmpdir(), 'spl-profile-'));
  try {
    const bin = join(dir, 'bin');
    const program = join(dir, 'child.mjs');
    await Promise.all([buildReadable(bin), buildProgram(program)]);
    await runStage({
      name: 'profiled',
      program,
      bin,
      dir,
      quick: false,
      say: text => process.stdout.write(`· ${text}\n`),
      signal: new AbortController().signal,
      env: { NODE_OPTIONS: `--import ${PRELOAD}`, SPL_PROFILE_DIR: folder },
    });
    const sources = await Sources.of(bin);
    for (const name of (await readdir(folder)).filter(file => file.endsWith('.cpuprofile'))) {
      const profile = JSON.parse(await readFile(join(folder, name), 'utf8')) as Profiler.Profile;
      process.stdout.write(summary(name, costsOf(profile, sources), PROFILED_CHILDREN, SHOWN));
    }
  } finally {
    await endProcesses(dir);
    await rm(dir, { recursive: true, force: true });
  }
}

await main(process.argv[2]);
