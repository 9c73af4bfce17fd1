import { randomInt } from 'node:crypto';
import { replayCommand } from './seeds.ts';
import { simulate } from './simulation.ts';

/**
 * Simulates fleets with fresh seeds for a time: `npm run soak -- MINUTES` (default 10), or from a given seed on with
 * SPL_SEED. Goes on after a failure, and exits with 1 when there was one.
 */

const minutes = Number(process.argv[2] ?? 10);
if (!(minutes > 0)) throw new Error(`'${process.argv[2]}' is not a number of minutes`);
const first = Number(process.env['SPL_SEED'] ?? randomInt(0, 2 ** 40));
const until = performance.now() + minutes * 60_000;
const REPORT_EVERY_MS = 30_000;

process.stdout.write(`simulating for ${minutes} minutes; the first seed is ${first}\n`);
let seed = first;
let failed = 0;
let steps = 0;
let reportAt = performance.now() + REPORT_EVERY_MS;
for (; performance.now() < until; seed++) {
  try {
    steps += simulate(seed).steps;
  } catch (error) {
    failed++;
    process.stdout.write(`${(error as Error).message}\n\nTo see it again:\n  ${replayCommand(seed)}\n\n`);
  }
  if (performance.now() < reportAt) continue;
  reportAt += REPORT_EVERY_MS;
  process.stdout.write(`${seed + 1 - first} fleets, ${steps} steps, ${failed} failed\n`);
}
process.stdout.write(`${seed - first} fleets, ${steps} steps, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
