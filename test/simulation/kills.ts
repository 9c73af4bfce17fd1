import { Violation, type InvariantId } from './invariants.ts';
import type { Mutant } from './mutants.ts';
import { simulate } from './simulation.ts';
import { Trace } from './trace.ts';

/** A simulation of a mutant that ended with an invariant which is to notice it. */
export interface Kill {
  readonly seed: number;
  readonly invariant: InvariantId;
  /** Events until the invariant did not hold. */
  readonly events: number;
}

/** A mutant that comes through so many seeds survives: the rarest fault shows with one seed of a thousand. */
export const MOST_SEEDS = 10_000;

/** Simulates a mutant. @returns the violation that ends the simulation, or undefined when there is none. */
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

/** Yields the kills among `count` seeds from `first` on. Other invariants may notice the mutant with seeds between. */
export function* killsOf(mutant: Mutant, first: number, count: number): Generator<Kill, void> {
  for (let seed = first; seed < first + count; seed++) {
    const trace = new Trace();
    const invariant = violationOf(mutant, seed, trace)?.invariant;
    if (invariant !== undefined && mutant.caughtBy.includes(invariant))
      yield { seed, invariant, events: trace.count };
  }
}
