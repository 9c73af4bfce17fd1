import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { homePaths } from '../../../engine/home/paths.ts';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { builtEngine, segmentsOf } from '../fleet.ts';
import { makeHome } from '../make-home.ts';
import { spreadOf, timed } from '../stats.ts';

/** The message of a new process about its one attempt. */
type Said = { readonly ms: number };

/** Measures the time until a home with a long history accepts commands. */
export async function opening(stage: Stage): Promise<Figure[]> {
  const home = join(stage.dir, 'h');
  stage.say('opening: making the home');
  const made = await makeHome(home, stage.quick ? 10_000 : 1_000_000, stage.quick ? 1_000 : 10_000);
  const bytes = segmentsOf(home).reduce((sum, file) => sum + statSync(file).size, 0);
  const rounds = stage.quick ? 1 : 3;
  const ms: Record<'bare' | 'without' | 'with', number[]> = { bare: [], without: [], with: [] };
  for (let round = 0; round < rounds; round++) {
    stage.say(`opening: round ${round + 1} of ${rounds}`);
    ms.bare.push(await inFreshProcess(stage, 'read', home));
    rmSync(homePaths(home).indexDir, { recursive: true, force: true });
    ms.without.push(await inFreshProcess(stage, 'open', home));
    // The previous process saved a checkpoint when it closed.
    for (let i = 0; i < 2; i++) ms.with.push(await inFreshProcess(stage, 'open', home));
  }
  const probes = [
    { name: 'the log read, each line parsed', value: spreadOf(ms.bare).median, spread: spreadOf(ms.bare) },
  ];
  const details = { records: made.records, tasks: made.tasks, log_mib: bytes / 1024 / 1024 };
  return (['with', 'without'] as const).map(kind => ({
    id: `opening_${kind}_checkpoint`,
    name: `a home of ${made.records.toLocaleString('en')} records opened ${kind} checkpoint`,
    value: spreadOf(ms[kind]).median,
    unit: 'ms',
    better: 'lower',
    spread: spreadOf(ms[kind]),
    probes,
    target: targetOf(stage, { atMost: kind === 'with' ? 1500 : 8000 }),
    details,
  }));
}

async function inFreshProcess(stage: Stage, word: 'open' | 'read', home: string): Promise<number> {
  const child = fork(stage.program, [word, stage.bin, home], { execArgv: [] });
  const gone = once(child, 'exit') as Promise<[number | null]>;
  let said: Said | undefined;
  child.on('message', message => (said = message as Said));
  const [code] = await gone;
  if (code !== 0 || said === undefined) throw new Error(`'${word}' of ${home} ended with ${code}`);
  return said.ms;
}

/** Opens a home until it accepts commands, and releases it. */
export async function openOnce(bin: string, home: string): Promise<Said> {
  const { openCoordinator } = builtEngine(bin);
  const begun = performance.now();
  const running = await openCoordinator({
    home,
    flags: { port: 0 },
    env: process.env,
    logger: { info: () => {}, error: message => process.stderr.write(`${message}\n`) },
    onStop: () => {},
  });
  const ms = performance.now() - begun;
  await running.close();
  return { ms };
}

/** Reads the log of a home and parses every line of JSON: all lines except the headers of frames. */
export async function readOnce(home: string): Promise<Said> {
  let lines = 0;
  const ms = await timed(async () => {
    for (const file of segmentsOf(home)) {
      let rest = '';
      for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
        const texts = (rest + (chunk as string)).split('\n');
        rest = texts.pop()!;
        for (const text of texts) {
          if (!text.startsWith('{')) continue;
          JSON.parse(text);
          lines++;
        }
      }
    }
  });
  if (lines === 0) throw new Error(`the log of ${home} is empty`);
  return { ms };
}
