import type { ASTNode } from 'cel-js';
import { VERDICTS } from '../../contract/documents.ts';
import { sumUsd } from '../../contract/money.ts';
import { nearestName } from '../model/did-you-mean.ts';
import { nodesOf, partsOf } from './cel-cost.ts';
import { roundedProduct, roundedSum } from './decimal.ts';
import type { Decision, ConstantFinding, OpenChild, OpenFacts } from '../model/predicate.ts';

/**
 * Finds what holds for a join predicate in every run that is still possible, by abstract interpretation over intervals
 * and sets of words (Cousot & Cousot, 1977). It is sound and not complete: each result holds for every run, but not
 * everything that holds is found.
 */

/** The possible values of an expression. When `canError` is true, its evaluation may also fail. */
type Values = Kind & { readonly canError: boolean };
type Kind =
  | Num
  | Truth
  /** One of these texts. */
  | { readonly kind: 'text'; readonly words: ReadonlySet<string> }
  /** `inOrder`: the groups are in the order of the elements. */
  | { readonly kind: 'list'; readonly groups: readonly Group[]; readonly inOrder?: boolean }
  | { readonly kind: 'fields'; readonly of: Readonly<Record<string, Values>> }
  | { readonly kind: 'any' };
interface Num {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
  readonly isInt: boolean;
  /** For a whole number computed from the counters. */
  readonly form?: Form | undefined;
}
/**
 * A whole number as a function of the open subtasks: `base`, plus for each of them the weight of the counter that will
 * count it. All of them end, so the extremes are those with all of them in one counter.
 */
interface Form {
  readonly base: number;
  /** One per entry of COUNTERS. */
  readonly weights: readonly number[];
  readonly open: number;
}
type Truth = { readonly kind: 'bool'; readonly canHold: boolean; readonly canFail: boolean } & Implied;
/** Numbers that are not negative when the truth holds, and when it fails. */
interface Implied {
  readonly ifTrue: readonly Form[];
  readonly ifFalse: readonly Form[];
}
type Bool = Truth & { readonly canError: boolean };
type List = Kind & { readonly kind: 'list' } & { readonly canError: boolean };

/** Elements of a list about which the same is known. */
interface Group {
  readonly of: Values;
  readonly min: number;
  readonly max: number;
}

interface Scope {
  readonly name: string;
  readonly values: Values;
  readonly outer: Scope | null;
}

const sound = <K extends Kind>(kind: K): K & { readonly canError: false } => ({ ...kind, canError: false });
const ANY: Values = { kind: 'any', canError: true };
/** Any value of its type. */
const SOME: Values = { kind: 'any', canError: false };
const int = (min: number, max = min): Values => sound({ kind: 'number', min, max, isInt: true });
const double = (min: number, max: number): Values => sound({ kind: 'number', min, max, isInt: false });
const texts = (...words: readonly string[]): Values => sound({ kind: 'text', words: new Set(words) });
const NO_FORMS: Implied = { ifTrue: [], ifFalse: [] };
const truth = (canHold: boolean, canFail: boolean, canError = false, implied = NO_FORMS): Bool => ({
  kind: 'bool',
  canHold,
  canFail,
  canError,
  ...implied,
});
const EITHER = truth(true, true);
const TRUE = truth(true, false);
const FALSE = truth(false, true);

const holds = (values: Values): boolean => values.kind === 'bool' && !values.canFail && !values.canError;
/** Returns true for a value that is either false or an error. */
const fails = (values: Values): boolean => values.kind === 'bool' && !values.canHold;

/**
 * Returns what holds for a predicate whatever the subtasks do.
 *
 * @param root a checked predicate
 * @param names the children's names; empty where a child has none
 */
export function findConstants(root: ASTNode, names: readonly string[]): readonly ConstantFinding[] {
  const walk = new Walk();
  const outcome = walk.valuesOf(root, beforehand(names));
  const { start, end } = root.range;
  if (!holds(outcome) && !fails(outcome)) return walk.found;
  const whole = {
    message: holds(outcome)
      ? 'it always holds, whatever happens to the subtasks'
      : 'it can never hold, whatever happens to the subtasks',
    position: start,
    length: end - start,
    instead: 'all',
  };
  return walk.found.length > 0 ? walk.found : [whole];
}

/**
 * Decides a join from the children that have ended, when no open child can change the outcome. A predicate without a
 * value does not hold.
 *
 * @returns the outcome, undefined while it is open, and the number of steps taken, each of some tenths of a µs
 */
export function decideAhead(
  root: ASTNode,
  facts: OpenFacts,
): { outcome: Decision | undefined; steps: number } {
  const walk = new Walk();
  const outcome = walk.valuesOf(root, presently(facts, fieldsIn(root)));
  const steps = walk.steps + facts.children.length;
  if (holds(outcome)) return { outcome: 'satisfied', steps };
  return { outcome: fails(outcome) ? 'unsatisfiable' : undefined, steps };
}

/** Returns true when an expression uses one of these variables. */
export function mentions(root: ASTNode, names: readonly string[]): boolean {
  return nodesOf(root).some(node => node.op === 'id' && names.includes(node.args));
}

/** Returns the possible values of each name when all children are final, which is when a predicate is evaluated. */
function beforehand(names: readonly string[]): Scope {
  const total = names.length;
  const child = fields({
    index: int(0, total - 1),
    name: texts(...names),
    verdict: texts(...VERDICTS),
    cost_usd: double(0, Infinity),
    wall_time_secs: double(0, Infinity),
    attempt: int(0, Infinity),
  });
  return scopeOf(total, name => (COUNTERS.includes(name) ? [0, total] : [0, Infinity]), {
    groups: [{ of: child, min: total, max: total }],
    inOrder: true,
  });
}

const COUNTERS: readonly string[] = ['accepted', 'rejected', 'failed', 'timed_out', 'cancelled'];

/** Returns the possible values of a counter: its present value, up to that plus all open children. */
function counter(name: string, now: number, open: number): Values {
  const weights = COUNTERS.map(each => (each === name ? 1 : 0));
  return sound({
    kind: 'number',
    min: now,
    max: now + open,
    isInt: true,
    form: { base: now, weights, open },
  });
}

function presently(facts: OpenFacts, used: ReadonlySet<string>): Scope {
  const { counts, children, wallTimeSecs } = facts;
  const open = counts.running + counts.pending;
  const spent = sumUsd(children.map(({ verdict, costUsd }) => (verdict === null ? 0 : costUsd)));
  const least: Readonly<Record<string, number>> = {
    ...counts,
    cost_usd: spent,
    wall_time_secs: wallTimeSecs,
  };
  const most = (name: string): number => (COUNTERS.includes(name) ? least[name]! + open : Infinity);
  return scopeOf(children.length, name => [least[name]!, most(name)], groupsOf(children, used));
}

function scopeOf(
  total: number,
  range: (name: string) => readonly [min: number, max: number],
  list: Children,
): Scope {
  const variables: readonly (readonly [name: string, values: Values])[] = [
    ['total', int(total)],
    ...COUNTERS.map(name => {
      const [now, most] = range(name);
      return [name, counter(name, now, most - now)] as const;
    }),
    ['running', int(0)],
    ['pending', int(0)],
    ['cost_usd', double(...range('cost_usd'))],
    ['wall_time_secs', double(...range('wall_time_secs'))],
    ['children', sound({ kind: 'list', ...list })],
  ];
  return variables.reduce<Scope | null>((outer, [name, values]) => ({ name, values, outer }), null)!;
}

function lookUp(scope: Scope, name: string): Values {
  for (let at: Scope | null = scope; at !== null; at = at.outer) if (at.name === name) return at.values;
  return SOME;
}

/** The children in groups. */
interface Children {
  readonly groups: readonly Group[];
  readonly inOrder: boolean;
}

/** The maximum number of groups: some milliseconds of work. */
const MAX_GROUPS = 2_000;

/**
 * Groups children that the expression can't tell apart. If there are too many groups, children are grouped by verdict
 * only, and all other fields count as unknown.
 */
function groupsOf(children: readonly OpenChild[], used: ReadonlySet<string>): Children {
  const seen = [...used].flatMap(name =>
    Object.hasOwn(CHILD_FIELDS, name) ? [[name, CHILD_FIELDS[name]!] as const] : [],
  );
  const groups = grouped(children, seen);
  if (groups !== undefined) return { groups, inOrder: used.has('index') };
  const byVerdict = seen.filter(([name]) => name === 'verdict');
  return { groups: grouped(children, byVerdict)!, inOrder: false };
}

/** Returns undefined for more than MAX_GROUPS. */
function grouped(
  children: readonly OpenChild[],
  seen: readonly (readonly [name: string, field: Field])[],
): readonly Group[] | undefined {
  const groups = new Map<string, { of: Values; min: number; max: number }>();
  for (const child of children) {
    const known = seen.map(([, field]) => field.known(child));
    const key = known.map(keyOf).join();
    let group = groups.get(key);
    if (group === undefined) {
      if (groups.size === MAX_GROUPS) return undefined;
      const of = Object.fromEntries(seen.map(([name, field], i) => [name, field.values(known[i] ?? null)]));
      groups.set(key, (group = { of: fields(of), min: 0, max: 0 }));
    }
    group.min = group.max += 1;
  }
  return [...groups.values()];
}

const keyOf = (known: Known): string =>
  typeof known === 'string' ? `${known.length}:${known}` : String(known);

/** The known value of a field; null where it depends on an end that has not happened. */
type Known = string | number | null;
interface Field {
  known(child: OpenChild): Known;
  values(known: Known): Values;
}

/** A field that does not change. */
const fixed = (of: (child: OpenChild) => string): Field => ({
  known: of,
  values: known => texts(String(known)),
});
const atEnd = (of: (child: OpenChild) => Known, values: (known: Known) => Values): Field => ({
  known: child => (child.verdict === null ? null : of(child)),
  values,
});
const amountAtEnd = (of: (child: OpenChild) => number): Field =>
  atEnd(of, known => (known === null ? double(0, Infinity) : double(Number(known), Number(known))));
/** A text that is null only while its child is open. A text that was never set is empty. */
const textAtEnd = (of: (child: OpenChild) => string | null): Field =>
  atEnd(
    child => of(child) ?? '',
    known => (known === null ? SOME : texts(String(known))),
  );

const CHILD_FIELDS: Readonly<Record<string, Field>> = {
  index: { known: ({ index }) => index, values: known => int(Number(known)) },
  name: fixed(({ name }) => name ?? ''),
  goal: fixed(({ goal }) => goal),
  verdict: {
    known: ({ verdict }) => verdict,
    values: known => texts(...(known === null ? VERDICTS : [String(known)])),
  },
  cost_usd: amountAtEnd(({ costUsd }) => costUsd),
  wall_time_secs: amountAtEnd(({ wallTimeSecs }) => wallTimeSecs),
  exit_code: atEnd(
    ({ exitCode }) => exitCode ?? -1,
    known => (known === null ? int(-Infinity, Infinity) : int(Number(known))),
  ),
  attempt: {
    known: ({ verdict, attempt }) => (verdict === null ? -attempt : attempt),
    values: known => (Number(known) > 0 ? int(Number(known)) : int(-Number(known), Infinity)),
  },
  worker: textAtEnd(({ worker }) => worker),
  summary: textAtEnd(({ summary }) => summary),
};

function fields(of: Readonly<Record<string, Values>>): Values {
  return sound({ kind: 'fields', of });
}

/**
 * Returns the fields that an expression uses. `index` counts as used where the expression takes an element of a list.
 */
function fieldsIn(root: ASTNode): ReadonlySet<string> {
  return new Set(
    nodesOf(root).flatMap(node => (node.op === '.' ? node.args[1] : node.op === '[]' ? 'index' : [])),
  );
}

class Walk {
  readonly found: ConstantFinding[] = [];
  steps = 0;

  valuesOf(node: ASTNode, scope: Scope): Values {
    this.steps += 1;
    switch (node.op) {
      case 'value':
        return literal(node.args);
      case 'id':
        return lookUp(scope, node.args);
      case '.': {
        const owner = this.valuesOf(node.args[0], scope);
        if (owner.kind !== 'fields') return ANY;
        return risky(owner.of[node.args[1]] ?? SOME, owner.canError);
      }
      case 'rcall':
        return this.#method(node.args[0], node.args[1], node.args[2], scope);
      case 'call': {
        const parts = node.args[1].map(part => this.valuesOf(part, scope));
        return called(node.args[0], parts);
      }
      case '!_':
        return negated(this.valuesOf(node.args, scope));
      case '?:': {
        const [condition, yes, no] = node.args.map(part => this.valuesOf(part, scope)) as [
          Values,
          Values,
          Values,
        ];
        return chosen(condition, yes, no);
      }
      default: {
        const parts = partsOf(node).map(part => this.valuesOf(part, scope));
        return this.#operation(node, parts);
      }
    }
  }

  #operation(node: ASTNode, parts: readonly Values[]): Values {
    const [left = ANY, right = ANY] = parts;
    const canError = parts.some(part => part.canError);
    switch (node.op) {
      case '&&':
        return this.#conjunction(left, right);
      case '||':
        return negated(this.#conjunction(negated(left), negated(right)));
      case '==':
      case '!=': {
        const same = equality(left, right);
        if (fails(same)) this.#compared(node.args, parts);
        return risky(node.op === '==' ? same : negated(same), canError);
      }
      case '<':
        return risky(below(left, right, false), canError);
      case '<=':
        return risky(below(left, right, true), canError);
      case '>':
        return risky(below(right, left, false), canError);
      case '>=':
        return risky(below(right, left, true), canError);
      case '+':
        return risky(sum(left, right), canError);
      case '-':
        return risky(sum(left, negative(right)), canError);
      case '*':
        return risky(product(left, right), canError);
      case '/':
        return risky(quotient(left, right), canError);
      case '-_':
        return risky(negative(left), canError);
      case 'list':
        return { kind: 'list', groups: parts.map(of => ({ of, min: 1, max: 1 })), canError };
      case '[]':
        return element(left, right);
      case 'in':
        return this.#membership(node.args, left, right);
      default:
        return ANY;
    }
  }

  #conjunction(left: Values, right: Values): Bool {
    this.steps += asBool(left).ifTrue.length * asBool(right).ifTrue.length;
    return conjunction(left, right);
  }

  #method(name: string, owner: ASTNode, args: readonly ASTNode[], scope: Scope): Values {
    const list = this.valuesOf(owner, scope);
    if (name === 'size') return called('size', [list]);
    const [variable, test] = args;
    if (list.kind === 'text' && test === undefined && variable !== undefined)
      return this.#textTest(name, list, this.valuesOf(variable, scope));
    if (list.kind !== 'list' || variable?.op !== 'id' || test === undefined || args.length > 2) {
      for (const arg of args) this.valuesOf(arg, scope);
      return ANY;
    }
    const each = list.groups.map(({ of }) =>
      this.valuesOf(test, { name: variable.args, values: of, outer: scope }),
    );
    return comprehended(name, list, each);
  }

  #textTest(name: string, owner: Values & { readonly kind: 'text' }, sought: Values): Values {
    const test = Object.hasOwn(TEXT_TESTS, name) ? TEXT_TESTS[name] : undefined;
    if (test === undefined || sought.kind !== 'text' || sought.words.size !== 1) return ANY;
    const [part] = sought.words;
    this.steps += owner.words.size;
    const found = [...owner.words].map(word => test(word, part!));
    return truth(found.includes(true), found.includes(false), owner.canError || sought.canError);
  }

  #membership([sought]: readonly ASTNode[], left: Values, right: Values): Values {
    if (right.kind !== 'list') return ANY;
    const found = exists(
      right,
      right.groups.map(({ of }) => equality(left, of)),
    );
    const words = wordsIn(right);
    if (fails(found) && sought !== undefined && left.kind === 'text' && words !== null)
      this.#never(sought, left.words, words);
    return risky(found, left.canError);
  }

  /**
   * Reports a comparison with a text that the other side can never be: it is probably a mistake, and has a constant
   * value.
   */
  #compared([left, right]: readonly ASTNode[], [one = ANY, other = ANY]: readonly Values[]): void {
    if (one.kind !== 'text' || other.kind !== 'text') return;
    if (right?.op === 'value') this.#never(right, other.words, one.words);
    else if (left?.op === 'value') this.#never(left, one.words, other.words);
  }

  #never(node: ASTNode, words: ReadonlySet<string>, possible: ReadonlySet<string>): void {
    const [word] = words;
    if (node.op !== 'value' || word === undefined) return;
    const known = [...possible].filter(each => each !== '');
    const near = nearestName(word, known);
    const listed = known.slice(0, 10).join(', ') + (known.length > 10 ? ', …' : '');
    this.found.push({
      message: `it is never '${word}', but one of: ${listed}`,
      position: node.range.start,
      length: node.range.end - node.range.start,
      instead: near === undefined ? null : `"${near}"`,
    });
  }
}

const TEXT_TESTS: Readonly<Record<string, (text: string, part: string) => boolean>> = {
  startsWith: (text, part) => text.startsWith(part),
  endsWith: (text, part) => text.endsWith(part),
  contains: (text, part) => text.includes(part),
};

function risky<V extends Values>(values: V, canError: boolean): V {
  return canError && !values.canError ? { ...values, canError: true } : values;
}

function literal(value: unknown): Values {
  if (typeof value === 'boolean') return value ? TRUE : FALSE;
  if (typeof value === 'string') return texts(value);
  // A double can't represent every larger whole number.
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? int(Number(value)) : SOME;
  return typeof value === 'number' ? double(value, value) : SOME;
}

/** Returns the value as a bool. */
function asBool(values: Values): Bool {
  return values.kind === 'bool' ? values : truth(true, true, values.canError);
}

function negated(values: Values): Bool {
  const { canHold, canFail, canError, ifTrue, ifFalse } = asBool(values);
  return truth(canFail, canHold, canError, { ifTrue: ifFalse, ifFalse: ifTrue });
}

/** In CEL, `false && error` is false, in either order. */
function conjunction(left: Values, right: Values): Bool {
  const [a, b] = [asBool(left), asBool(right)];
  const canError = (a.canError && (b.canHold || b.canError)) || (b.canError && (a.canHold || a.canError));
  const ifTrue = together(a.ifTrue, b.ifTrue);
  const canHold = a.canHold && b.canHold && !ifTrue.some(isNegative);
  // If one side never fails, the other side failed.
  const ifFalse = a.canFail ? (b.canFail ? [] : a.ifFalse) : b.ifFalse;
  return truth(canHold, a.canFail || b.canFail, canError, { ifTrue, ifFalse });
}

/** The maximum number of forms of a truth: those of five comparisons, alone and in pairs. */
const MAX_FORMS = 16;

/**
 * Returns the forms of two truths that both hold, and their sums. Counters share the open subtasks, so each side alone
 * may be possible while both together are not.
 */
function together(left: readonly Form[], right: readonly Form[]): readonly Form[] {
  if (left.length === 0 || right.length === 0) return [...left, ...right];
  const sums = left.flatMap(one => right.flatMap(other => combined(one, other) ?? []));
  const all = [...left, ...right, ...sums].filter(isExact);
  return [...all.filter(isNegative), ...all].slice(0, MAX_FORMS);
}

/** Returns true for a form that is negative whatever the subtasks do. */
const isNegative = (form: Form): boolean => extremes(form).max < 0;

function chosen(condition: Values, yes: Values, no: Values): Values {
  const { canHold, canFail, canError } = asBool(condition);
  if (!canFail) return risky(yes, canError);
  if (!canHold) return risky(no, canError);
  if (yes.kind !== 'bool' || no.kind !== 'bool') return ANY;
  return truth(yes.canHold || no.canHold, yes.canFail || no.canFail, canError || yes.canError || no.canError);
}

function equality(left: Values, right: Values): Bool {
  if (left.kind === 'number' && right.kind === 'number') {
    if (left.max < right.min || right.max < left.min) return FALSE;
    const apart = difference(left, right);
    if (apart !== undefined && (apart.min > 0 || apart.max < 0)) return FALSE;
    if (apart?.min === 0 && apart.max === 0) return TRUE;
    const isOne = left.min === left.max && right.min === right.max && left.min === right.min;
    if (isOne) return TRUE;
    const ifTrue = apart === undefined ? [] : [apart.form, scaled(apart.form, -1)];
    return truth(true, true, false, { ifTrue, ifFalse: [] });
  }
  if (left.kind !== 'text' || right.kind !== 'text') return EITHER;
  if (![...left.words].some(word => right.words.has(word))) return FALSE;
  return left.words.size === 1 && right.words.size === 1 ? TRUE : EITHER;
}

function below(left: Values, right: Values, orEqual: boolean): Bool {
  if (left.kind !== 'number' || right.kind !== 'number') return EITHER;
  const apart = difference(left, right);
  if (apart === undefined) return belowApart(left, right, orEqual);
  const outcome = belowApart(apart, NOTHING, orEqual);
  if (!outcome.canHold || !outcome.canFail) return outcome;
  const { form } = apart;
  const [ifTrue, ifFalse] = orEqual
    ? [scaled(form, -1), raised(form, -1)]
    : [raised(scaled(form, -1), -1), form];
  return truth(true, true, false, { ifTrue: [ifTrue], ifFalse: [ifFalse] });
}

function belowApart(left: Num, right: Num, orEqual: boolean): Bool {
  if (orEqual ? left.max <= right.min : left.max < right.min) return TRUE;
  return (orEqual ? left.min > right.max : left.min >= right.max) ? FALSE : EITHER;
}

const NOTHING: Num = { kind: 'number', min: 0, max: 0, isInt: true };

/**
 * Returns the difference of two numbers computed from counters; undefined when one of them is not, or when both are
 * constant.
 */
function difference(left: Num, right: Num): (Num & { readonly form: Form }) | undefined {
  if (left.form === undefined && right.form === undefined) return undefined;
  const apart = sum(sound(left), negative(sound(right)));
  if (apart.kind !== 'number' || apart.form === undefined) return undefined;
  return { ...apart, form: apart.form };
}

function sum(left: Values, right: Values): Values {
  const values = arithmetic(left, right, (a, b) => a + b, roundedSum);
  return withForm(values, combined(formOf(left), formOf(right)));
}

function product(left: Values, right: Values): Values {
  const values = arithmetic(left, right, (a, b) => a * b, roundedProduct);
  const [form, factor] = isConstant(left) ? [formOf(right), left.min] : [formOf(left), right];
  const scale = typeof factor === 'number' ? factor : isConstant(factor) ? factor.min : undefined;
  return scale === undefined ? values : withForm(values, scaled(form, scale));
}

const isConstant = (values: Values): values is Values & Num =>
  values.kind === 'number' && values.isInt && values.min === values.max;

/** Returns the form of a number; that of a constant has weights of 0. */
function formOf(values: Values): Form | undefined {
  if (values.kind !== 'number') return undefined;
  if (values.form !== undefined) return values.form;
  return isConstant(values) ? { base: values.min, weights: COUNTERS.map(() => 0), open: 0 } : undefined;
}

/** Returns the sum. `open` is 0 only in constants. */
function combined(left: Form | undefined, right: Form | undefined): Form | undefined {
  if (left === undefined || right === undefined) return undefined;
  return {
    base: left.base + right.base,
    weights: left.weights.map((weight, i) => weight + right.weights[i]!),
    open: Math.max(left.open, right.open),
  };
}

function scaled<F extends Form | undefined>(form: F, by: number): F {
  return form && { ...form, base: form.base * by, weights: form.weights.map(weight => weight * by) };
}

function raised(form: Form, by: number): Form {
  return { ...form, base: form.base + by };
}

/** Narrows a whole number to the values that its form allows. */
function withForm(values: Values, form: Form | undefined): Values {
  if (values.kind !== 'number' || !values.isInt || form === undefined) return values;
  if (!isExact(form)) return values;
  const { min, max } = extremes(form);
  return { ...values, min: Math.max(values.min, min), max: Math.min(values.max, max), form };
}

function extremes({ base, weights, open }: Form): { readonly min: number; readonly max: number } {
  return { min: base + open * Math.min(...weights), max: base + open * Math.max(...weights) };
}

/** Returns true when doubles represent each number that the form can be. */
function isExact(form: Form): boolean {
  const { min, max } = extremes(form);
  return [form.base, ...form.weights, min, max].every(Number.isSafeInteger);
}

/** Returns the hull of an operation that is monotone in each operand, only when every result is an exact number. */
function arithmetic(
  left: Values,
  right: Values,
  of: (a: number, b: number) => number,
  rounded: (value: number) => number,
): Values {
  if (left.kind !== 'number' || right.kind !== 'number') return ANY;
  const results = [left.min, left.max].flatMap(a => [of(a, right.min), of(a, right.max)]);
  const corners = left.isInt ? results : results.map(rounded);
  const isFit = (bound: number): boolean =>
    !Number.isNaN(bound) && (!Number.isFinite(bound) || Math.abs(bound) < Number.MAX_SAFE_INTEGER);
  if (!corners.every(isFit)) return ANY;
  // A whole number without a bound may overflow in CEL.
  const [min, max] = [Math.min(...corners), Math.max(...corners)];
  const canError = left.isInt && !(Number.isFinite(min) && Number.isFinite(max));
  return { kind: 'number', min, max, isInt: left.isInt, canError };
}

function quotient(left: Values, right: Values): Values {
  if (left.kind !== 'number' || right.kind !== 'number') return ANY;
  if (right.min <= 0 && right.max >= 0) return left.isInt ? ANY : SOME;
  const of = left.isInt ? (a: number, b: number) => Math.trunc(a / b) : (a: number, b: number) => a / b;
  return arithmetic(left, right, of, roundedProduct);
}

function negative(values: Values): Values {
  if (values.kind !== 'number') return ANY;
  return { ...values, min: -values.max, max: -values.min, form: scaled(values.form, -1) };
}

function called(name: string, [value, ...others]: readonly Values[]): Values {
  if (value === undefined || others.length > 0) return ANY;
  if (name === 'double' && value.kind === 'number') return { ...value, isInt: false, form: undefined };
  if (name !== 'size' || value.kind !== 'list') return ANY;
  const count = (of: (group: Group) => number): number =>
    value.groups.reduce((total, group) => total + of(group), 0);
  return risky(
    int(
      count(({ min }) => min),
      count(({ max }) => max),
    ),
    value.canError,
  );
}

/** Returns the element at a known position of a list in order. */
function element(list: Values, place: Values): Values {
  if (list.kind !== 'list' || list.inOrder !== true || !isConstant(place) || place.min < 0) return ANY;
  let before = 0;
  for (const { of, min } of list.groups) {
    before += min;
    if (place.min < before) return risky(of, list.canError || place.canError);
  }
  return ANY;
}

/** Returns the possible texts of a list's elements; null when some are not texts. */
function wordsIn({ groups }: List): ReadonlySet<string> | null {
  const words = new Set<string>();
  for (const { of } of groups) {
    if (of.kind !== 'text') return null;
    for (const word of of.words) words.add(word);
  }
  return words;
}

/** @param each the test of an element, for each group */
function comprehended(name: string, list: List, each: readonly Values[]): Values {
  switch (name) {
    case 'all':
      return all(list, each);
    case 'exists':
      return exists(list, each);
    case 'exists_one':
      return existsOne(list, each);
    case 'filter':
      return filtered(list, each);
    case 'map': {
      const groups = list.groups.map((group, i) => ({ ...group, of: each[i]! }));
      return { kind: 'list', groups, canError: list.canError || each.some(({ canError }) => canError) };
    }
    default:
      return ANY;
  }
}

function all(list: List, each: readonly Values[]): Bool {
  let outcome = TRUE;
  list.groups.forEach(({ min, max }, i) => {
    const test = asBool(each[i]!);
    // Ignores the implications of a single element: it may be absent, and there are many.
    if (max > 0)
      outcome = conjunction(outcome, truth(min === 0 || test.canHold, test.canFail, test.canError));
  });
  return risky(outcome, list.canError);
}

function exists(list: List, each: readonly Values[]): Bool {
  return negated(all(list, each.map(negated)));
}

/** Has no value when the test of some element has none. */
function existsOne(list: List, each: readonly Values[]): Bool {
  const tests = each.map(asBool);
  let [least, most] = [0, 0];
  list.groups.forEach(({ min, max }, i) => {
    if (!tests[i]!.canFail) least += min;
    if (tests[i]!.canHold) most += max;
  });
  const canError = list.canError || tests.some(test => test.canError);
  return truth(least <= 1 && most >= 1, !(least === 1 && most === 1), canError);
}

function filtered(list: List, each: readonly Values[]): Values {
  const groups = list.groups.flatMap((group, i): Group[] => {
    const { canHold, canFail } = asBool(each[i]!);
    if (!canHold) return [];
    return [canFail ? { ...group, min: 0 } : group];
  });
  return { kind: 'list', groups, canError: list.canError || each.some(({ canError }) => canError) };
}
