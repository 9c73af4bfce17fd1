import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { killsOf, MOST_SEEDS } from './kills.ts';
import { MUTANTS } from './mutants.ts';
import { chooseSeeds, freshSeed, replayCommand } from './seeds.ts';
import { simulate } from './simulation.ts';

/**
 * Looks for faults with new seeds, for any time: `npm run soak -- [PART]… [MINUTES]`. Continues after a failure, and
 * exits with 1 if there was one.
 */

const PARTS = {
  /** Searches a killing seed for each mutant. */
  mutants,
  /** Runs each test that takes samples, with many times its sample. */
  properties,
  /** Tests in a real editor what takes long there, and what cheaper tests cover in a usual run. */
  editor,
  /** Simulates fleets for MINUTES, or from the seed in SPL_SEED on. */
  simulation,
} as const;
type Part = keyof typeof PARTS;

const MINUTES = 10;
const RUNS = '20';
/** Matches imports of tests that take samples, themselves or in a shared suite. */
const SAMPLES = /\/(runs|conformance\/log)\.ts'/;
const REPORT_EVERY_MS = 30_000;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const { parts, minutes } = readWords(process.argv.slice(2));
for (const part of parts) {
  say(`\n${part}`);
  if (!PARTS[part](minutes)) process.exitCode = 1;
}

function readWords(words: readonly string[]): { parts: readonly Part[]; minutes: number } {
  const isPart = (word: string): word is Part => Object.hasOwn(PARTS, word);
  const parts = words.filter(isPart);
  const [given, ...rest] = words.filter(word => !isPart(word));
  const minutes = Number(given ?? MINUTES);
  if (!(minutes > 0) || rest.length > 0)
    throw new Error(
      `'${words.join(' ')}' is not some of ${Object.keys(PARTS).join(', ')} and a number of minutes`,
    );
  return { parts: parts.length > 0 ? parts : (Object.keys(PARTS) as Part[]), minutes };
}

function mutants(): boolean {
  const first = freshSeed();
  say(`up to ${MOST_SEEDS} seeds each; the first is ${first}`);
  const survivors = MUTANTS.filter(mutant => {
    const [kill] = killsOf(mutant, first, MOST_SEEDS);
    say(
      `${mutant.name}: ${kill === undefined ? 'survives' : `${kill.seed - first + 1} seeds, ${kill.invariant}`}`,
    );
    return kill === undefined;
  });
  say(`${MUTANTS.length} mutants, ${survivors.length} survive`);
  return survivors.length === 0;
}

function properties(): boolean {
  const files = ['engine', 'extension', 'webview', 'test'].flatMap(sampledTests);
  return inMocha(['--no-config', '--import=tsx/esm', '--timeout=0', ...files], {
    ...process.env,
    SPL_TEST_RUNS: RUNS,
  });
}

function editor(): boolean {
  return inMocha(['--config', 'test/e2e/soak/.mocharc.json'], process.env);
}

function inMocha(words: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  return spawnSync(process.execPath, [mocha, ...words], { cwd: ROOT, env, stdio: 'inherit' }).status === 0;
}

/** Returns the test files of a folder that take samples. */
function sampledTests(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .map(file => join(folder, file))
    .filter(file => SAMPLES.test(readFileSync(join(ROOT, file), 'utf8')));
}

function simulation(minutes: number): boolean {
  const { first } = chooseSeeds(process.env);
  const until = performance.now() + minutes * 60_000;
  let [seed, steps, failed] = [first, 0, 0];
  let reportAt = performance.now() + REPORT_EVERY_MS;
  const report = (): void => say(`${seed - first} fleets, ${steps} steps, ${failed} failed`);
  say(`${minutes} minutes; the first seed is ${first}`);
  while (performance.now() < until) {
    try {
      steps += simulate(seed).steps;
    } catch (error) {
      failed++;
      say(`${(error as Error).message}\n\nTo see it again:\n  ${replayCommand(seed)}\n`);
    }
    seed++;
    if (performance.now() < reportAt) continue;
    reportAt += REPORT_EVERY_MS;
    report();
  }
  report();
  return failed === 0;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
