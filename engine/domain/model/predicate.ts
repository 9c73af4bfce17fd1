import type { Counts, Verdict } from '../../contract/documents.ts';
import { FleetError, messageOf } from '../../errors.ts';
import type { JsonObject } from '../../record/canonical.ts';

/** The condition on a fan-out's children that satisfies its join. */
export type Predicate =
  | { readonly kind: 'all' }
  | { readonly kind: 'any' }
  | { readonly kind: 'k_of_n'; readonly k: number }
  | { readonly kind: 'cel'; readonly source: string; readonly program: CelProgram };

/**
 * A part of an expression whose value is the same for all results of the children, though it appears to depend on them.
 */
export interface ConstantFinding {
  readonly message: string;
  /** In UTF-16 code units of the expression. */
  readonly position: number;
  readonly length: number;
  /** The probably intended replacement, or null. */
  readonly instead: string | null;
}

/** A CEL expression that was checked, and whose evaluation is bounded. */
export interface CelProgram {
  /** Evaluates the expression. @throws INVALID_RECORD when it has no value for these facts */
  evaluate(facts: JoinFacts): boolean;
  /** Returns the outcome that is certain for all possible ends of the open children; see `decideAhead`. */
  decideAhead(facts: OpenFacts): { readonly outcome: Decision | undefined; readonly steps: number };
  /** True where the passing of time alone may make the outcome certain. */
  readonly dependsOnTime: boolean;
}

/**
 * Compiles expressions. It is injected, so that CEL is loaded only where an expression needs it. `celCompiler` of
 * cel.ts is the only implementation.
 */
export interface CelCompiler {
  /**
   * Compiles a join expression.
   * @param total the number of children, which bounds the work
   * @param isAdmitted true for an expression already in the log, whose work was bounded when it was written
   * @throws INVALID_RECORD as `parsePredicate` does
   */
  compile(source: string, total: number, isAdmitted?: boolean): CelProgram;
  /**
   * Returns the parts of an expression whose value does not depend on the results of the children.
   * @param names the children's names; empty where a child has none
   * @throws INVALID_RECORD as `compile` does
   */
  findConstants(source: string, names: readonly string[]): readonly ConstantFinding[];
  /** Compiles a permission rule. @throws INVALID_RECORD as for a predicate */
  compileRule(source: string): CelRule;
}

/** A permission rule that was checked, and whose evaluation is bounded. */
export interface CelRule {
  /** Evaluates the rule. @throws INVALID_RECORD when it has no value for these facts */
  evaluate(facts: RuleFacts): boolean;
}

export interface RuleFacts {
  readonly actor: string;
  readonly act: string;
  readonly namespace: string;
  readonly thread: string;
  readonly body: JsonObject;
}

/** A child as expressions see it. A null here is `""` in expressions, and -1 for the exit code. */
export interface ChildFacts {
  readonly index: number;
  readonly name: string | null;
  readonly goal: string;
  readonly thread: string;
  readonly worker: string | null;
  readonly verdict: Verdict | null;
  readonly costUsd: number;
  readonly wallTimeSecs: number;
  readonly exitCode: number | null;
  readonly summary: string | null;
  readonly attempt: number;
}

/** The facts that decide a join when every child is final. */
export interface JoinFacts {
  readonly counts: Counts;
  readonly costUsd: number;
  readonly wallTimeSecs: number;
  readonly children: readonly ChildFacts[];
  /** `record` is the id of the INTEND that opened the fan-out. */
  readonly parent: {
    readonly thread: string;
    readonly alias: string;
    readonly goal: string;
    readonly record: string;
  };
  /** The time at which the last child became final, in milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * A child as far as it is known. While `verdict` is null, the child is open and the members known only at its end are
 * void.
 */
export type OpenChild = Omit<ChildFacts, 'thread'>;

/** The facts for the abstract evaluation of a join with open children. */
export interface OpenFacts {
  /** The present counts. */
  readonly counts: Counts;
  /** The time since the round began. */
  readonly wallTimeSecs: number;
  readonly children: readonly OpenChild[];
}

export type Decision = 'satisfied' | 'unsatisfiable';

/** The maximum length of a predicate, in UTF-16 code units. */
export const MAX_PREDICATE_CHARS = 8192;

const K_OF_N = /^k_of_n(?::|$)/;

/** Returns true when `parsePredicate` needs a compiler for this text. */
export function needsCel(text: string): boolean {
  const word = text.trim();
  return word !== '' && word !== 'all' && word !== 'any' && !K_OF_N.test(word);
}

/**
 * Parses `all`, `any`, `k_of_n:K` with K from 1 to `total`, or else a CEL expression of type bool.
 *
 * @throws INVALID_RECORD `join: ‹what› at position ‹n›`; `details` are `{position, length}` of the faulty
 * part, in UTF-16 code units from 0
 * @throws INTERNAL when the text needs a compiler and none is given
 */
export function parsePredicate(
  text: string,
  total: number,
  cel?: CelCompiler,
  isAdmitted = false,
): Predicate {
  const word = text.trim();
  if (word === '') throw predicateFault('it is empty', 0, text.length);
  if (text.length > MAX_PREDICATE_CHARS) {
    const beyond = text.length - MAX_PREDICATE_CHARS;
    throw predicateFault(`it is longer than ${MAX_PREDICATE_CHARS} characters`, MAX_PREDICATE_CHARS, beyond);
  }
  if (word === 'all' || word === 'any') return { kind: word };
  if (K_OF_N.test(word)) return parseKOfN(text, word, total);
  if (cel === undefined) {
    throw new FleetError('INTERNAL', `no compiler was loaded for the join '${word}'`);
  }
  return { kind: 'cel', source: text, program: cel.compile(text, total, isAdmitted) };
}

/**
 * Parses the predicate of a fan-out in the log. Another version may have admitted it, and a home must open whatever its
 * log contains. A predicate that can no longer be parsed makes its join unsatisfiable at the end, with that error.
 */
export function recordedPredicate(text: string, total: number, cel: CelCompiler): Predicate {
  try {
    return parsePredicate(text, total, cel, true);
  } catch (error) {
    const evaluate = (): never => {
      throw error;
    };
    const decideAhead = (): { outcome: undefined; steps: number } => ({ outcome: undefined, steps: 0 });
    return { kind: 'cel', source: text, program: { evaluate, decideAhead, dependsOnTime: false } };
  }
}

/**
 * Returns the outcome that the counts alone make certain, or undefined when it depends on open children or on more than
 * counts. Constant time.
 */
export function decideEarly(predicate: Predicate, counts: Counts, total: number): Decision | undefined {
  const needed = neededOf(predicate, total);
  if (needed === undefined) return undefined;
  if (counts.accepted >= needed) return 'satisfied';
  return total - lostOf(counts) < needed ? 'unsatisfiable' : undefined;
}

/**
 * Describes the progress of a join in words: `2 of 3 accepted, needs 1 more of 2 running`, or `needs 2 of 3; 2 failed,
 * so at most 1 can accept`.
 * @param most the most children that there may still be, where a matrix waits for results
 */
export function explain(predicate: Predicate, counts: Counts, total: number, most = total): string {
  const needed = neededOf(predicate, total);
  const accepted = `${counts.accepted} of ${total} accepted`;
  if (needed === undefined) return explainCel(counts, total);
  if (counts.accepted >= needed) return needed === total ? accepted : `${accepted}, needed ${needed}`;
  const possible = (predicate.kind === 'all' ? total : most) - lostOf(counts);
  if (possible >= needed) return `${accepted}, needs ${needed - counts.accepted} more of ${openOf(counts)}`;
  const atMost = possible === 0 ? 'none' : `at most ${possible}`;
  return `needs ${needed} of ${total}; ${lossesOf(counts)}, so ${atMost} can accept`;
}

/**
 * Decides a join whose children are all final. An expression without a value for these facts makes it unsatisfiable,
 * with the error as its reason.
 */
export function evaluateFinal(
  predicate: Predicate,
  facts: JoinFacts,
): { readonly outcome: Decision; readonly reason: string } {
  const { counts } = facts;
  const total = facts.children.length;
  if (predicate.kind !== 'cel') {
    const outcome = decideEarly(predicate, counts, total) ?? 'unsatisfiable';
    return { outcome, reason: explain(predicate, counts, total) };
  }
  const census = censusOf(counts, total);
  try {
    const holds = predicate.program.evaluate(facts);
    return { outcome: holds ? 'satisfied' : 'unsatisfiable', reason: `the predicate is ${holds}: ${census}` };
  } catch (error) {
    return { outcome: 'unsatisfiable', reason: `${messageOf(error)} (${census})` };
  }
}

/** Explains a join that is decided while children are open. */
export function explainAhead(outcome: Decision, counts: Counts, total: number): string {
  const open = `${openOf(counts)} left`;
  const census = censusOf(counts, total);
  return outcome === 'satisfied'
    ? `the predicate holds however the rest ends: ${census}, ${open}`
    : `the predicate can no longer hold: ${census}, ${open}`;
}

/** Returns the error of a predicate with a faulty part at `position`. */
export function predicateFault(what: string, position: number, length: number, hint?: string): FleetError {
  return new FleetError('INVALID_RECORD', `join: ${what} at position ${position}`, {
    details: { position, length },
    ...(hint === undefined ? {} : { hint }),
  });
}

function parseKOfN(text: string, word: string, total: number): Predicate {
  const digits = word.slice('k_of_n:'.length);
  const k = Number(digits);
  if (/^\d+$/.test(digits) && k >= 1 && k <= total) return { kind: 'k_of_n', k };
  const position = text.indexOf(word) + word.length - digits.length;
  const given = digits === '' ? 'K is missing' : `K = ${digits.slice(0, 40)}`;
  const what = `${given}: it must be a whole number from 1 to ${total}`;
  throw predicateFault(
    what,
    position,
    digits.length,
    `Write k_of_n:K, such as k_of_n:${Math.min(2, total)}.`,
  );
}

/** Returns the number of children that must accept; undefined when the join depends on more than that number. */
function neededOf(predicate: Predicate, total: number): number | undefined {
  switch (predicate.kind) {
    case 'all':
      return total;
    case 'any':
      return 1;
    case 'k_of_n':
      return predicate.k;
    case 'cel':
      return undefined;
  }
}

/** Returns the number of children that ended and did not accept. */
function lostOf(counts: Counts): number {
  return counts.rejected + counts.failed + counts.timed_out + counts.cancelled;
}

function explainCel(counts: Counts, total: number): string {
  const final = counts.accepted + lostOf(counts);
  if (final === total) return censusOf(counts, total);
  return `${final} of ${total} final, decided when all are: ${openOf(counts)} left`;
}

function openOf(counts: Counts): string {
  return listOf([
    [counts.running, 'running'],
    [counts.pending, 'pending'],
  ]);
}

function lossesOf(counts: Counts): string {
  return listOf([
    [counts.failed, 'failed'],
    [counts.rejected, 'rejected'],
    [counts.timed_out, 'timed out'],
    [counts.cancelled, 'cancelled'],
  ]);
}

function censusOf(counts: Counts, total: number): string {
  const accepted = `${counts.accepted} of ${total} accepted`;
  return lostOf(counts) === 0 ? accepted : `${accepted}, ${lossesOf(counts)}`;
}

/** Formats the counts that are not 0, in this order: `2 failed, 1 cancelled`. */
function listOf(counts: readonly (readonly [count: number, what: string])[]): string {
  const present = counts.filter(([count]) => count > 0);
  return present.map(([count, what]) => `${count} ${what}`).join(', ') || 'none';
}
