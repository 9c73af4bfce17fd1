import type { ASTNode } from 'cel-js';
import { predicateFault } from '../model/predicate.ts';

/**
 * Computes an upper bound of the work of an expression, by walking it before its first evaluation. Expressions come
 * from outside, CEL limits only their size and not their evaluation, and a join is decided on the thread that
 * everything else waits for. A step is about 30 ns, so that no expression over up to 25,000 children holds that thread
 * for more than 50 ms.
 */
const MAX_STEPS = 1_500_000;
/** The maximum per child in a larger fan-out: enough to iterate over the children a few times. */
const MAX_STEPS_PER_CHILD = 60;
/**
 * The maximum for expressions without children, such as rules. The assumed size of bodies is much larger than usual.
 */
const MAX_STEPS_OF_RULE = 10_000_000;

/** The bounds of a value: at most `size` elements, entries or characters, each element no more than `item`. */
export interface Shape {
  readonly size: number;
  readonly item?: Shape;
  readonly fields?: Readonly<Record<string, Shape>>;
}

export const SCALAR: Shape = { size: 1 };
export const text = (chars: number): Shape => ({ size: chars });

/**
 * The maximum depth of a tree, which bounds the stack of its evaluation. Generated chains of `
 * ` stay well below it.
 */
const MAX_TREE_DEPTH = 500;

/** Measured in steps per character, or per call. */
const SEARCH_CHARS_PER_STEP = 16;
const COPY_CHARS_PER_STEP = 64;
const COUNT_CHARS_PER_STEP = 6;
const TIME_ZONE_STEPS = 2_500;
const NEEDLE_CHARS = 64;
/** The maximum length of a number or a time as text, and of its pieces. */
const SHORT_TEXT = 64;

type Scope = ReadonlyMap<string, Shape>;
interface Bound {
  readonly steps: number;
  readonly shape: Shape;
}
type Args = readonly Bound[];

/**
 * Refuses a tree that is nested too deeply for recursive evaluation.
 * @throws INVALID_RECORD with the position of the part that is too deep
 */
export function refuseDeepTree(root: ASTNode): void {
  const open: [node: ASTNode, depth: number][] = [[root, 1]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, depth] = next;
    if (depth > MAX_TREE_DEPTH) {
      throw at(
        node,
        `it is nested more than ${MAX_TREE_DEPTH} deep`,
        'Write a long chain as one test over a list.',
      );
    }
    for (const part of partsOf(node)) open.push([part, depth + 1]);
  }
}

/**
 * Refuses a type-checked expression that could take too many steps, or that calls a function without a bound.
 * @param variables the shapes of the variables; missing ones are scalars
 * @throws INVALID_RECORD with the position of the call, or of the first part that exceeds the bound
 */
export function refuseCostly(root: ASTNode, variables: Scope): void {
  bound(root, variables);
}

function bound(node: ASTNode, scope: Scope): Bound {
  const found = boundOf(node, scope);
  const most = mostSteps(scope.get('children')?.size);
  if (found.steps <= most && found.shape.size <= most) return found;
  throw at(
    node,
    'it could take too long with this many subtasks',
    'Use the counters, or iterate over the children fewer times.',
  );
}

function mostSteps(children: number | undefined): number {
  if (children === undefined) return MAX_STEPS_OF_RULE;
  return Math.max(MAX_STEPS, MAX_STEPS_PER_CHILD * children);
}

function boundOf(node: ASTNode, scope: Scope): Bound {
  switch (node.op) {
    case 'value':
      return { steps: 1, shape: typeof node.args === 'string' ? text(node.args.length) : SCALAR };
    case 'id':
      return { steps: 1, shape: scope.get(node.args) ?? SCALAR };
    case '.':
    case '.?': {
      const owner = bound(node.args[0], scope);
      return { steps: owner.steps + 1, shape: memberOf(owner.shape, node.args[1]) };
    }
    case 'call':
      return call(node, node.args[0], node.args[1], scope);
    case 'rcall':
      return methodCall(node, node.args[0], node.args[1], node.args[2], scope);
    case '?:': {
      const [condition, yes, no] = boundAll(node.args, scope) as [Bound, Bound, Bound];
      return { steps: stepsOf([condition, yes, no]) + 1, shape: either(yes.shape, no.shape) };
    }
    case 'list':
    case 'map': {
      const items = boundAll(partsOf(node), scope);
      const item = items.map(i => i.shape).reduce(either, SCALAR);
      return { steps: stepsOf(items) + items.length + 1, shape: { size: node.args.length, item } };
    }
    default:
      return operation(node, boundAll(partsOf(node), scope));
  }
}

function operation(node: ASTNode, operands: Args): Bound {
  const steps = stepsOf(operands) + 1;
  const [left, right] = operands.map(o => o.shape) as [Shape, Shape | undefined];
  switch (node.op) {
    case '[]':
    case '[?]':
      return { steps, shape: memberOf(left, null) };
    case '+': {
      const shape = joined(left, right!);
      const copied = shape.item === undefined ? shape.size / COPY_CHARS_PER_STEP : shape.size;
      return { steps: steps + copied, shape };
    }
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
    case 'in':
      return { steps: steps + Math.max(weight(left), weight(right!)), shape: SCALAR };
    default:
      return { steps, shape: SCALAR };
  }
}

/** The bound of each function's steps and result, given its arguments. A method's receiver is the first argument. */
const functions: Readonly<Record<string, (args: Args) => Bound>> = {
  size: ([value]) => ({ steps: sizeSteps(value!.shape), shape: SCALAR }),
  contains: search,
  startsWith: copy,
  endsWith: copy,
  indexOf: search,
  lastIndexOf: search,
  substring: copy,
  trim: copy,
  lowerAscii: copy,
  upperAscii: copy,
  split: ([value, separator]) => {
    const { size } = value!.shape;
    const shape = { size: size + 1, item: text(size) };
    return { steps: search([value!, separator!]).steps + size, shape };
  },
  join: ([list, separator]) => {
    const chars = list!.shape.size * ((list!.shape.item?.size ?? 0) + (separator?.shape.size ?? 0));
    return { steps: list!.shape.size + chars / COPY_CHARS_PER_STEP, shape: text(chars) };
  },
  dyn: ([value]) => ({ steps: 1, shape: value!.shape }),
  type: () => ({ steps: 1, shape: SCALAR }),
  bool: convert,
  int: convert,
  uint: convert,
  double: convert,
  timestamp: convert,
  duration: convert,
  string: ([value]) => ({ steps: 1, shape: text(Math.max(SHORT_TEXT, value!.shape.size)) }),
  // A UTF-16 code unit is at most three bytes.
  bytes: ([value]) => ({ steps: value!.shape.size, shape: text(value!.shape.size * 3) }),
};

/** The parts of a time or a duration. With a time zone they need a lookup, which is slow. */
const GETTER =
  /^get(?:Date|DayOfMonth|DayOfWeek|DayOfYear|FullYear|Hours|Milliseconds|Minutes|Month|Seconds)$/;

function call(node: ASTNode, name: string, args: readonly ASTNode[], scope: Scope): Bound {
  if (name === 'has') return has(args[0]!, scope);
  return apply(node, name, boundAll(args, scope));
}

/** Checks `has`. The type check does not verify that a record type has the field. */
function has(field: ASTNode, scope: Scope): Bound {
  if (field.op === '.') {
    const { fields } = bound(field.args[0], scope).shape;
    if (fields !== undefined && !Object.hasOwn(fields, field.args[1])) {
      throw at(
        field,
        `no such field '${field.args[1]}'`,
        `The fields are ${Object.keys(fields).join(', ')}.`,
      );
    }
  }
  return { steps: bound(field, scope).steps + 1, shape: SCALAR };
}

function methodCall(
  node: ASTNode,
  name: string,
  receiver: ASTNode,
  args: readonly ASTNode[],
  scope: Scope,
): Bound {
  if (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel') return bind(args, scope);
  if (MACROS.has(name)) return comprehension(name, receiver, args, scope);
  return apply(node, name, boundAll([receiver, ...args], scope));
}

function apply(node: ASTNode, name: string, args: Args): Bound {
  const found = GETTER.test(name)
    ? { steps: args.length > 1 ? TIME_ZONE_STEPS : 1, shape: SCALAR }
    : Object.hasOwn(functions, name)
      ? functions[name]!(args)
      : undefined;
  if (found === undefined) {
    throw at(node, `${name}() is not available`, 'Use contains, startsWith, endsWith or ==.');
  }
  return { steps: stepsOf(args) + found.steps + 1, shape: found.shape };
}

function bind(args: readonly ASTNode[], scope: Scope): Bound {
  const [name, value, expression] = args as [ASTNode, ASTNode, ASTNode];
  const bound1 = bound(value, scope);
  const result = bound(expression, new Map(scope).set(name.args as string, bound1.shape));
  return { steps: bound1.steps + result.steps + 1, shape: result.shape };
}

const MACROS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);

function comprehension(name: string, receiver: ASTNode, args: readonly ASTNode[], scope: Scope): Bound {
  const range = bound(receiver, scope);
  const [variable, ...body] = args as [ASTNode, ...ASTNode[]];
  const inner = new Map(scope).set(variable.args as string, memberOf(range.shape, null));
  const parts = boundAll(body, inner);
  const steps = range.steps + range.shape.size * (stepsOf(parts) + 2) + 1;
  if (name === 'map') return { steps, shape: { size: range.shape.size, item: parts.at(-1)!.shape } };
  return { steps, shape: name === 'filter' ? { ...range.shape } : SCALAR };
}

function search([value, sought]: Args): Bound {
  const needle = 1 + sought!.shape.size / NEEDLE_CHARS;
  return { steps: (value!.shape.size / SEARCH_CHARS_PER_STEP) * needle, shape: SCALAR };
}

function copy([value]: Args): Bound {
  const { size } = value!.shape;
  return { steps: size / COPY_CHARS_PER_STEP, shape: text(size) };
}

function convert([value]: Args): Bound {
  return { steps: 10 + value!.shape.size / COPY_CHARS_PER_STEP, shape: SCALAR };
}

function sizeSteps(shape: Shape): number {
  return shape.item === undefined ? shape.size / COUNT_CHARS_PER_STEP : 1;
}

/** Returns the shape of an element, of a known field, or of any member of a value of unknown structure. */
function memberOf(shape: Shape, field: string | null): Shape {
  if (shape.fields === undefined) return shape.item ?? SCALAR;
  const known = field === null ? undefined : shape.fields[field];
  return known ?? Object.values(shape.fields).reduce(either, SCALAR);
}

/** Returns the steps of comparing a whole value with another one. */
function weight(shape: Shape): number {
  if (shape.item === undefined) return shape.size / COPY_CHARS_PER_STEP;
  return shape.size * (1 + weight(shape.item));
}

function either(a: Shape, b: Shape): Shape {
  if (a === b) return a;
  return withMembers(Math.max(a.size, b.size), a, b);
}

function joined(a: Shape, b: Shape): Shape {
  return withMembers(a.size + b.size, a, b);
}

function withMembers(size: number, a: Shape, b: Shape): Shape {
  const fields = a.fields ?? b.fields;
  const item = a.item === undefined || b.item === undefined ? (a.item ?? b.item) : either(a.item, b.item);
  return { size, ...(item === undefined ? {} : { item }), ...(fields === undefined ? {} : { fields }) };
}

function boundAll(nodes: readonly ASTNode[], scope: Scope): Bound[] {
  return nodes.map(node => bound(node, scope));
}

function stepsOf(bounds: Args): number {
  return bounds.reduce((sum, { steps }) => sum + steps, 0);
}

/** Lists an expression and all its parts. */
export function nodesOf(root: ASTNode): readonly ASTNode[] {
  const nodes = [root];
  for (let at = 0; at < nodes.length; at++) nodes.push(...partsOf(nodes[at]!));
  return nodes;
}

/** Returns the direct parts of an expression. */
export function partsOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}

function at(node: ASTNode, what: string, hint: string): Error {
  return predicateFault(what, node.range.start, node.range.end - node.range.start, hint);
}
