import { spreadOf } from './stats.ts';

/** The spread of a figure's runs: the median and the extremes. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/**
 * A measurement of the bare machine without the engine, in the same minutes. It distinguishes a noisy machine from a
 * slow program.
 */
export interface Probe {
  readonly name: string;
  /** In the unit of its figure, so that the two can be divided. */
  readonly value: number;
  readonly spread: Spread;
}

/** A rival that could not run beside the figure. */
export interface Skipped {
  readonly name: string;
  /** The reason in a few words. */
  readonly why: string;
}

export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One line of the benchmark's output. */
export interface Figure {
  /** The name for programs, which never changes. */
  readonly id: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly spread: Spread;
  readonly probes: readonly Probe[];
  readonly skipped?: readonly Skipped[];
  /** Null if the run was too small to be compared with a target. */
  readonly target: Target | null;
  /** Further readings, only for the JSON. The end of the name is the unit. */
  readonly details: Readonly<Record<string, number>>;
}

/** The input of one stage. */
export interface Stage {
  /** The folder of the built engine. */
  readonly bin: string;
  /** An empty folder of the stage, for homes. It is removed afterwards. */
  readonly dir: string;
  /** True for sizes that only check that everything works. */
  readonly quick: boolean;
  /** The file of the running stage, to start further processes of it. */
  readonly program: string;
  /** The folder of the benchmark's sources. */
  readonly sources: string;
  /** Prints progress for people. */
  readonly say: (text: string) => void;
}

/** Returns the probe whose value is the median of its runs. */
export function probeOf(name: string, values: readonly number[]): Probe {
  const spread = spreadOf(values);
  return { name, value: spread.median, spread };
}

/** Returns whether a figure reached its target; null if it has none. */
export function reached({ value, target }: Figure): boolean | null {
  if (target === null) return null;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** Returns the target; null if the run is too small for it. */
export function targetOf(stage: Stage, target: Target): Target | null {
  return stage.quick ? null : target;
}
