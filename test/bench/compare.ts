import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { endProcesses } from '../scenarios/processes.ts';
import { buildProgram, runStage } from './stage-process.ts';

/** `tsx test/bench/compare.ts BIN BIN`: runs two builds of the engine in turns, and says how the second one differs. */
async function main(bins: readonly string[]): Promise<void> {
  if (bins.length !== 2) throw new TypeError('name the dist/bin folders of two builds');
  const dir = await mkdtemp(join(tmpdir(), 'spl-compare-'));
  try {
    const program = join(dir, 'child.mjs');
    await buildProgram(program);
    await runStage({
      name: 'paired',
      program,
      bin: bins.map(bin => resolve(bin)).join(delimiter),
      dir,
      quick: false,
      say: text => process.stdout.write(`${text}\n`),
      signal: new AbortController().signal,
    });
  } finally {
    await endProcesses(dir);
    await rm(dir, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
