import type { ASTNode } from 'cel-js';
import { VERDICTS } from '../contract/documents.ts';
import { nearestName } from './names.ts';
import { partsOf } from './cel-cost.ts';
import type { Foresight } from './predicate.ts';

/**
 * What can be told of a join predicate before any subtask has run, by abstract interpretation over intervals and sets of
 * words (Cousot & Cousot, 1977). It is sound and not complete: what it says holds of every run, and it need not say
 * all that holds.
 */

/** All that a value may be. */
type Values =
  | { readonly kind: 'number'; readonly min: number; readonly max: number }
  | { readonly kind: 'bool'; readonly canHold: boolean; readonly canFail: boolean }
  /** One of these texts. */
  | { readonly kind: 'text'; readonly words: ReadonlySet<string> }
  | { readonly kind: 'list'; readonly item: Values; readonly min: number; readonly max: number }
  | { readonly kind: 'fields'; readonly of: Readonly<Record<string, Values>> }
  | { readonly kind: 'any' };

type Scope = ReadonlyMap<string, Values>;

const ANY: Values = { kind: 'any' };
const number = (min: number, max: number): Values => ({ kind: 'number', min, max });
const texts = (...words: readonly string[]): Values => ({ kind: 'text', words: new Set(words) });
const EITHER: Values = { kind: 'bool', canHold: true, canFail: true };
const bool = (value: boolean): Values => ({ kind: 'bool', canHold: value, canFail: !value });
const holds = (values: Values): boolean => values.kind === 'bool' && !values.canFail;
const fails = (values: Values): boolean => values.kind === 'bool' && !values.canHold;

/**
 * @param root of a predicate that was checked.
 * @param names of the children; empty where one has none.
 */
export function foresee(root: ASTNode, names: readonly string[]): readonly Foresight[] {
  const walk = new Walk();
  const outcome = walk.valuesOf(root, scopeOf(names));
  const { start, end } = root.range;
  if (!holds(outcome) && !fails(outcome)) return walk.found;
  const whole = {
    message: holds(outcome)
      ? 'it always holds, whatever becomes of the subtasks'
      : 'it can never hold, whatever becomes of the subtasks',
    position: start,
    length: end - start,
    instead: 'all',
  };
  return walk.found.length > 0 ? walk.found : [whole];
}

/** What each name may be once all children are final, which is when a predicate is asked. */
function scopeOf(names: readonly string[]): Scope {
  const total = names.length;
  const counts = ['accepted', 'rejected', 'failed', 'timed_out', 'cancelled'];
  const child: Values = {
    kind: 'fields',
    of: {
      index: number(0, total - 1),
      name: texts(...names),
      verdict: texts(...VERDICTS),
      cost_usd: number(0, Infinity),
      wall_time_secs: number(0, Infinity),
      attempt: number(0, Infinity),
    },
  };
  return new Map<string, Values>([
    ['total', number(total, total)],
    ...counts.map((count): [string, Values] => [count, number(0, total)]),
    ['running', number(0, 0)],
    ['pending', number(0, 0)],
    ['cost_usd', number(0, Infinity)],
    ['wall_time_secs', number(0, Infinity)],
    ['children', { kind: 'list', item: child, min: total, max: total }],
  ]);
}

class Walk {
  readonly found: Foresight[] = [];

  valuesOf(node: ASTNode, scope: Scope): Values {
    switch (node.op) {
      case 'value':
        return literal(node.args);
      case 'id':
        return scope.get(node.args) ?? ANY;
      case '.': {
        const owner = this.valuesOf(node.args[0], scope);
        return (owner.kind === 'fields' ? owner.of[node.args[1]] : undefined) ?? ANY;
      }
      case 'rcall':
        return this.#method(node.args[0], node.args[1], node.args[2], scope);
      case 'call': {
        const parts = node.args[1].map(part => this.valuesOf(part, scope));
        return node.args[0] === 'size' ? sizeOf(parts[0]) : ANY;
      }
      case '!_':
        return negated(this.valuesOf(node.args, scope));
      case '?:': {
        const [condition, yes, no] = node.args.map(part => this.valuesOf(part, scope)) as [
          Values,
          Values,
          Values,
        ];
        return holds(condition) ? yes : fails(condition) ? no : ANY;
      }
      default: {
        const parts = partsOf(node).map(part => this.valuesOf(part, scope));
        return this.#operation(node, parts);
      }
    }
  }

  #operation(node: ASTNode, parts: readonly Values[]): Values {
    const [left = ANY, right = ANY] = parts;
    switch (node.op) {
      case '&&':
        return conjunction(left, right);
      case '||':
        return negated(conjunction(negated(left), negated(right)));
      case '==':
      case '!=': {
        const same = equality(left, right);
        if (fails(same)) this.#compared(node.args, parts);
        return node.op === '==' ? same : negated(same);
      }
      case '<':
        return below(left, right, false);
      case '<=':
        return below(left, right, true);
      case '>':
        return below(right, left, false);
      case '>=':
        return below(right, left, true);
      case '+':
        return arithmetic(left, right, (a, b) => a + b);
      case '-':
        return arithmetic(left, negative(right), (a, b) => a + b);
      case '-_':
        return negative(left);
      case 'list':
        return listOf(parts);
      case 'in':
        return this.#membership(node.args, left, right);
      default:
        return ANY;
    }
  }

  #method(name: string, owner: ASTNode, args: readonly ASTNode[], scope: Scope): Values {
    const list = this.valuesOf(owner, scope);
    if (name === 'size') return sizeOf(list);
    const [variable, test] = args;
    if (list.kind !== 'list' || variable?.op !== 'id' || test === undefined || args.length > 2) {
      for (const arg of args) this.valuesOf(arg, scope);
      return ANY;
    }
    const each = this.valuesOf(test, new Map([...scope, [variable.args, list.item]]));
    return quantified(name, list, each);
  }

  #membership([sought]: readonly ASTNode[], left: Values, right: Values): Values {
    if (right.kind !== 'list') return ANY;
    const same = equality(left, right.item);
    if (right.max === 0 || fails(same)) {
      if (sought !== undefined && left.kind === 'text' && right.item.kind === 'text')
        this.#never(sought, left.words, right.item.words);
      return bool(false);
    }
    return EITHER;
  }

  /** A text that the other side can never be is a slip of the pen: it makes the comparison mean nothing. */
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

function literal(value: unknown): Values {
  if (typeof value === 'boolean') return bool(value);
  if (typeof value === 'string') return texts(value);
  // Beyond this a double is no longer each whole number.
  const safe =
    (typeof value === 'bigint' || typeof value === 'number') && Number.isSafeInteger(Number(value));
  if (safe || typeof value === 'number') return number(Number(value), Number(value));
  return ANY;
}

function negated(values: Values): Values {
  if (values.kind !== 'bool') return EITHER;
  return { kind: 'bool', canHold: values.canFail, canFail: values.canHold };
}

function conjunction(left: Values, right: Values): Values {
  if (fails(left) || fails(right)) return bool(false);
  return holds(left) && holds(right) ? bool(true) : EITHER;
}

function equality(left: Values, right: Values): Values {
  if (left.kind === 'number' && right.kind === 'number') {
    if (left.max < right.min || right.max < left.min) return bool(false);
    const isOne = left.min === left.max && right.min === right.max && left.min === right.min;
    return isOne ? bool(true) : EITHER;
  }
  if (left.kind !== 'text' || right.kind !== 'text') return EITHER;
  if (![...left.words].some(word => right.words.has(word))) return bool(false);
  return left.words.size === 1 && right.words.size === 1 ? bool(true) : EITHER;
}

function below(left: Values, right: Values, orEqual: boolean): Values {
  if (left.kind !== 'number' || right.kind !== 'number') return EITHER;
  if (orEqual ? left.max <= right.min : left.max < right.min) return bool(true);
  return (orEqual ? left.min > right.max : left.min >= right.max) ? bool(false) : EITHER;
}

/** What whole numbers may be is told only where no sum can leave the exact ones. */
function arithmetic(left: Values, right: Values, of: (a: number, b: number) => number): Values {
  if (left.kind !== 'number' || right.kind !== 'number') return ANY;
  const [min, max] = [of(left.min, right.min), of(left.max, right.max)];
  const isFit = (bound: number): boolean =>
    !Number.isNaN(bound) && (!Number.isFinite(bound) || Math.abs(bound) < Number.MAX_SAFE_INTEGER);
  return isFit(min) && isFit(max) ? number(min, max) : ANY;
}

function negative(values: Values): Values {
  return values.kind === 'number' ? number(-values.max, -values.min) : ANY;
}

function listOf(items: readonly Values[]): Values {
  const words = items.flatMap(item => (item.kind === 'text' ? [...item.words] : []));
  const areTexts = items.length > 0 && items.every(({ kind }) => kind === 'text');
  const size = { min: items.length, max: items.length };
  return { kind: 'list', item: areTexts ? texts(...words) : ANY, ...size };
}

function sizeOf(values: Values | undefined): Values {
  return values?.kind === 'list' ? number(values.min, values.max) : ANY;
}

function quantified(name: string, list: Values & { readonly kind: 'list' }, each: Values): Values {
  const isSome = list.min > 0;
  switch (name) {
    case 'all':
      if (holds(each) || list.max === 0) return bool(true);
      return fails(each) && isSome ? bool(false) : EITHER;
    case 'exists':
      if (fails(each) || list.max === 0) return bool(false);
      return holds(each) && isSome ? bool(true) : EITHER;
    case 'exists_one':
      if (fails(each) || list.max === 0) return bool(false);
      return holds(each)
        ? list.min === 1 && list.max === 1
          ? bool(true)
          : list.min > 1
            ? bool(false)
            : EITHER
        : EITHER;
    case 'filter':
      if (fails(each)) return { ...list, min: 0, max: 0 };
      return holds(each) ? list : { ...list, min: 0 };
    case 'map':
      return { ...list, item: each };
    default:
      return ANY;
  }
}
