/** The spread of a figure's runs: the median, and the outermost ones. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/**
 * A measurement of the bare machine in place of the engine, in the same minutes: it tells a noisy machine from a slow
 * program.
 */
export interface Probe {
  readonly name: string;
  /** In the unit of its figure, so that the two can be divided. */
  readonly value: number;
  readonly spread: Spread;
}

export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One line of what the benchmark says. */
export interface Figure {
  /** For programs: never renamed. */
  readonly id: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly spread: Spread;
  readonly probes: readonly Probe[];
  /** Null where the run was too small to be held against it. */
  readonly target: Target | null;
  /** Further readings, for the JSON alone; the unit is the end of the name. */
  readonly details: Readonly<Record<string, number>>;
}

/** The input of one stage. */
export interface Stage {
  /** The folder of the built engine. */
  readonly bin: string;
  /** An empty folder of its own, for homes; removed afterwards. */
  readonly dir: string;
  /** True for sizes that only prove that everything works. */
  readonly quick: boolean;
  /** The file that the stage runs in, to start further processes of it. */
  readonly program: string;
  /** Says to people what is under way. */
  readonly say: (text: string) => void;
}

/** Tells whether a figure reached its target; null where it has none. */
export function reached({ value, target }: Figure): boolean | null {
  if (target === null) return null;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** The target, unless the run is too small for it. */
export function targetOf(stage: Stage, target: Target): Target | null {
  return stage.quick ? null : target;
}
