import type { Counts, Verdict } from '../../engine/contract/documents.ts';
import { celCompiler } from '../../engine/domain/join/cel.ts';
import type { CelCompiler, CelProgram } from '../../engine/domain/model/predicate.ts';

/** A child for the naive predicates, read from the report that counted for it. */
export interface Seen {
  readonly verdict: Verdict;
  readonly cost: number;
  readonly wallSecs: number;
  readonly exitCode: number | null;
  readonly attempt: number;
}

type Naive = (counts: Counts, children: readonly Seen[]) => boolean;

/** Join predicates in CEL, each with its meaning written by hand. One of them has no value for some facts. */
const CEL: Readonly<Record<string, Naive>> = {
  'accepted == total': (counts, children) => counts.accepted === children.length,
  'accepted >= 2 && failed < 3': ({ accepted, failed }) => accepted >= 2 && failed < 3,
  "size(children.filter(c, c.verdict == 'accept')) * 2 > total": (_, children) =>
    children.filter(({ verdict }) => verdict === 'accept').length * 2 > children.length,
  "children.all(c, c.verdict != 'failed' || c.exit_code == 1)": (_, children) =>
    children.every(({ verdict, exitCode }) => verdict !== 'failed' || exitCode === 1),
  "children.exists(c, c.attempt > 1 && c.verdict == 'accept')": (_, children) =>
    children.some(({ attempt, verdict }) => attempt > 1 && verdict === 'accept'),
  'total / accepted < 3': (counts, children) => {
    if (counts.accepted === 0) throw new Error('division by zero');
    return Math.trunc(children.length / counts.accepted) < 3;
  },
  'running == 0 && pending == 0 && cost_usd < 0.5': (_, children) =>
    children.reduce((sum, { cost }) => sum + cost, 0) < 0.5,
  'accepted + rejected + failed + timed_out + cancelled == total && cancelled == 0': ({ cancelled }) =>
    cancelled === 0,
};

export const CEL_SOURCES = Object.keys(CEL);

/** Returns the number of children that must accept for a native predicate; undefined for CEL. */
export function neededBy(join: string, total: number): number | undefined {
  if (join === 'all') return total;
  if (join === 'any') return 1;
  return join.startsWith('k_of_n:') ? Number(join.slice('k_of_n:'.length)) : undefined;
}

/** Evaluates a predicate over final children by its hand-written meaning. */
export function holds(join: string, counts: Counts, children: readonly Seen[]): boolean {
  const needed = neededBy(join, children.length);
  if (needed !== undefined) return children.filter(({ verdict }) => verdict === 'accept').length >= needed;
  try {
    return CEL[join]!(counts, children);
  } catch {
    return false;
  }
}

const programs = new Map<string, CelProgram>();

/** The real compiler with a cache, because thousands of fleets use the same few predicates. */
export const rememberingCompiler: CelCompiler = {
  compile(source, total, isAdmitted) {
    const key = `${total} ${source}`;
    let program = programs.get(key);
    if (program === undefined) programs.set(key, (program = celCompiler.compile(source, total, isAdmitted)));
    return program;
  },
  compileRule: source => celCompiler.compileRule(source),
  findConstants: (source, names) => celCompiler.findConstants(source, names),
};
