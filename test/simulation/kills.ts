import { Violation, type InvariantId } from './invariants.ts';
import type { Mutant } from './mutants.ts';
import { simulate } from './simulation.ts';
import { Trace } from './trace.ts';

/** A simulation of a mutant that violated one of the mutant's own invariants. */
export interface Kill {
  readonly seed: number;
  readonly invariant: InvariantId;
  /** The number of events until the violation. */
  readonly events: number;
}

/**
 * The most seeds for a mutant. One that passes all of them survives: the rarest fault shows with one seed in a
 * thousand.
 */
export const MOST_SEEDS = 10_000;

/** Simulates a mutant. @returns the violation that ends the simulation; undefined if there is none */
export function violationOf({ rules }: Mutant, seed: number, trace = new Trace()): Violation | undefined {
  try {
    simulate(seed, rules, trace);
    return undefined;
  } catch (error) {
    const { cause } = error as Error;
    if (cause instanceof Violation) return cause;
    throw error;
  }
}

/**
 * Yields the kills among `count` seeds from `first` on. With seeds in between, other invariants may notice the mutant.
 */
export function* killsOf(mutant: Mutant, first: number, count: number): Generator<Kill, void> {
  for (let seed = first; seed < first + count; seed++) {
    const trace = new Trace();
    const invariant = violationOf(mutant, seed, trace)?.invariant;
    if (invariant !== undefined && mutant.caughtBy.includes(invariant))
      yield { seed, invariant, events: trace.count };
  }
}
