import { Environment, EvaluationError, ParseError, TypeError, type ParseResult } from 'cel-js';
import { FleetError, messageOf } from '../errors.ts';
import { refuseCostly, refuseDeepTree, SCALAR, text, type Shape } from './cel-cost.ts';
import { didYouMean } from './names.ts';
import { predicateFault, type CelCompiler, type ChildFacts, type JoinFacts } from './predicate.ts';

/** The adapter to the CEL library: the only module that imports it, and itself imported only when it is needed. */
export const celCompiler: CelCompiler = {
  compile(source, total) {
    const program = check(source);
    refuseCostly(program.ast, shapesFor(total));
    return { evaluate: facts => evaluate(program, facts) };
  },
};

/** A child in an expression. Integers are BigInt for the library, and what is not set is empty. */
class Child {
  readonly index: bigint;
  readonly name: string;
  readonly goal: string;
  readonly thread: string;
  readonly worker: string;
  readonly verdict: string;
  readonly cost_usd: number;
  readonly wall_time_secs: number;
  readonly exit_code: bigint;
  readonly summary: string;
  readonly attempt: bigint;

  constructor(child: ChildFacts) {
    this.index = BigInt(child.index);
    this.name = child.name ?? '';
    this.goal = child.goal;
    this.thread = child.thread;
    this.worker = child.worker ?? '';
    this.verdict = child.verdict ?? '';
    this.cost_usd = child.costUsd;
    this.wall_time_secs = child.wallTimeSecs;
    this.exit_code = BigInt(child.exitCode ?? -1);
    this.summary = child.summary ?? '';
    this.attempt = BigInt(child.attempt);
  }
}

/** The task that was fanned out. */
class Parent {
  readonly thread: string;
  readonly alias: string;
  readonly goal: string;
  readonly record: string;

  constructor({ thread, alias, goal, record }: JoinFacts['parent']) {
    this.thread = thread;
    this.alias = alias;
    this.goal = goal;
    this.record = record;
  }
}

const CHILD_FIELDS: Readonly<Record<keyof Child, string>> = {
  index: 'int',
  name: 'string',
  goal: 'string',
  thread: 'string',
  worker: 'string',
  verdict: 'string',
  cost_usd: 'double',
  wall_time_secs: 'double',
  exit_code: 'int',
  summary: 'string',
  attempt: 'int',
};
const PARENT_FIELDS: Readonly<Record<keyof Parent, string>> = {
  thread: 'string',
  alias: 'string',
  goal: 'string',
  record: 'string',
};
const VARIABLES: Readonly<Record<string, string>> = {
  total: 'int',
  accepted: 'int',
  rejected: 'int',
  failed: 'int',
  timed_out: 'int',
  cancelled: 'int',
  running: 'int',
  pending: 'int',
  cost_usd: 'double',
  wall_time_secs: 'double',
  children: 'list<Child>',
  parent: 'Parent',
  now: 'google.protobuf.Timestamp',
};

const environment = makeEnvironment();

function makeEnvironment(): Environment {
  const made = new Environment({ limits: { maxAstNodes: 4_000, maxDepth: 100 } });
  made.registerType('Child', { ctor: Child, fields: { ...CHILD_FIELDS } });
  made.registerType('Parent', { ctor: Parent, fields: { ...PARENT_FIELDS } });
  for (const [name, type] of Object.entries(VARIABLES)) made.registerVariable(name, type);
  return made;
}

/** Parses, and checks the types and that the result is a bool. */
function check(source: string): ParseResult {
  const program = parse(source);
  refuseDeepTree(program.ast);
  const { valid, type, error } = program.check();
  if (!valid) throw faultOf(error, source);
  if (type !== 'bool') {
    throw predicateFault(
      `the result is ${type} and must be bool`,
      0,
      source.length,
      'Compare it with something.',
    );
  }
  return program;
}

function parse(source: string): ParseResult {
  try {
    return environment.parse(source);
  } catch (error) {
    throw faultOf(error, source);
  }
}

function evaluate(program: ParseResult, facts: JoinFacts): boolean {
  let value: unknown;
  try {
    value = program(bindingsOf(facts));
  } catch (error) {
    throw faultOf(error, program.ast.input);
  }
  if (typeof value === 'boolean') return value;
  throw predicateFault('the result is not a bool', 0, program.ast.input.length);
}

function bindingsOf(facts: JoinFacts): Record<string, unknown> {
  const { counts } = facts;
  return {
    total: BigInt(facts.children.length),
    accepted: BigInt(counts.accepted),
    rejected: BigInt(counts.rejected),
    failed: BigInt(counts.failed),
    timed_out: BigInt(counts.timed_out),
    cancelled: BigInt(counts.cancelled),
    running: BigInt(counts.running),
    pending: BigInt(counts.pending),
    cost_usd: facts.costUsd,
    wall_time_secs: facts.wallTimeSecs,
    children: facts.children.map(child => new Child(child)),
    parent: new Parent(facts.parent),
    now: new Date(facts.nowMs),
  };
}

/** All the goals of a fan-out share one record of at most this size, which bounds their average. */
const MAX_ALL_GOALS = 64 * 1024 * 1024;
const MAX_GOAL = 64 * 1024;

function shapesFor(total: number): ReadonlyMap<string, Shape> {
  const goal = text(Math.min(MAX_GOAL, Math.ceil(MAX_ALL_GOALS / total)));
  const id = text(140);
  const name = text(256);
  const fields = { name, goal, thread: id, worker: id, verdict: text(9), summary: text(2_000) };
  const scalars = {
    index: SCALAR,
    cost_usd: SCALAR,
    wall_time_secs: SCALAR,
    exit_code: SCALAR,
    attempt: SCALAR,
  };
  const child: Shape = { size: 1, fields: { ...fields, ...scalars } };
  const parent: Shape = { size: 1, fields: { thread: id, alias: id, goal: text(MAX_GOAL), record: id } };
  return new Map([
    ['children', { size: total, item: child }],
    ['parent', parent],
  ]);
}

/** The library's error in our words. */
function faultOf(error: unknown, source: string): FleetError {
  if (FleetError.is(error)) return error;
  const known = error instanceof ParseError || error instanceof TypeError || error instanceof EvaluationError;
  if (!known) return predicateFault(uncapitalised(messageOf(error)), 0, source.length);
  const { start, end } = error.range ?? { start: 0, end: source.length };
  const word = source.slice(start, end);
  const what = wording(error.code, word, source) ?? plainWords(error.summary);
  return predicateFault(what, start, end - start, HINTS[error.code]);
}

function wording(code: string, word: string, source: string): string | undefined {
  switch (code) {
    case 'unknown_variable': {
      const native = word === source.trim() ? ['all', 'any'] : [];
      return `unknown name '${word}'${didYouMean(word, [...Object.keys(VARIABLES), ...native])}`;
    }
    case 'no_such_key':
      return `no such field '${word}'${didYouMean(word, Object.keys(CHILD_FIELDS))}`;
    default:
      return undefined;
  }
}

const HINTS: Readonly<Record<string, string>> = {
  unknown_variable: `The names are ${Object.keys(VARIABLES).join(', ')}; or write all, any or k_of_n:K.`,
  no_such_key: `A child has ${Object.keys(CHILD_FIELDS).join(', ')}; the parent has ${Object.keys(PARENT_FIELDS).join(', ')}.`,
  no_such_overload: 'Whole numbers and fractions do not mix: write 5.0 beside a fraction, or double(x).',
};

function plainWords(summary: string): string {
  return uncapitalised(summary)
    .replace(/^unexpected token: EOF$/, 'it ends too early')
    .replace(/, got EOF$/, ', but it ends')
    .replace(/^exceeded maxDepth \((\d+)\)$/, 'it is nested more than $1 deep')
    .replace(/^exceeded maxAstNodes \((\d+)\)$/, 'it has more than $1 parts')
    .replace(/^exceeded max\w+ \((\d+)\)$/, 'it lists more than $1 things');
}

function uncapitalised(words: string): string {
  return words.charAt(0).toLowerCase() + words.slice(1);
}
