import { readFileSync, writeFileSync } from 'node:fs';
import { killsOf, MOST_SEEDS, violationOf, type Kill } from './kills.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

/**
 * Searches a killing seed for each mutant whose pinned one no longer kills it, and writes it into `mutants.ts`: `npx tsx test/simulation/pin-seeds.ts`.
 * Exits with 1 if a mutant survives all seeds.
 */

const FIRST_SEED = 1;
/** The number of seeds and kills to choose from. More hardly improve the choice. */
const ENOUGH_SEEDS = 400;
const ENOUGH_KILLS = 20;
const TABLE = new URL('mutants.ts', import.meta.url);

let source = readFileSync(TABLE, 'utf8');
for (const mutant of MUTANTS.filter(each => !isKilled(each))) {
  const kill = bestKill(mutant);
  if (kill === undefined) {
    process.stdout.write(`${mutant.name}: survives ${MOST_SEEDS} seeds\n`);
    process.exitCode = 1;
    continue;
  }
  process.stdout.write(`${mutant.name}: ${kill.seed} (${kill.invariant} after ${kill.events} events)\n`);
  source = withSeed(source, mutant.name, kill.seed);
}
writeFileSync(TABLE, source);

function isKilled(mutant: Mutant): boolean {
  const invariant = violationOf(mutant, mutant.seed)?.invariant;
  return invariant !== undefined && mutant.caughtBy.includes(invariant);
}

/** Returns the shortest kill, if possible by the invariant that the mutant is for; otherwise the first kill. */
function bestKill(mutant: Mutant): Kill | undefined {
  const kills: Kill[] = [];
  for (const kill of killsOf(mutant, FIRST_SEED, ENOUGH_SEEDS)) if (kills.push(kill) === ENOUGH_KILLS) break;
  if (kills.length === 0)
    return killsOf(mutant, FIRST_SEED + ENOUGH_SEEDS, MOST_SEEDS).next().value ?? undefined;
  const isAside = ({ invariant }: Kill): number => Number(invariant !== mutant.caughtBy[0]);
  return kills.sort((a, b) => isAside(a) - isAside(b) || a.events - b.events)[0];
}

function withSeed(text: string, name: string, seed: number): string {
  return text.replace(new RegExp(`('${name}',\\s*)\\d+`), (_, before: string) => `${before}${seed}`);
}
