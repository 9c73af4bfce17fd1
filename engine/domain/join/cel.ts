import { Environment, EvaluationError, ParseError, TypeError, type ASTNode, type ParseResult } from 'cel-js';
import { FleetError, messageOf } from '../../errors.ts';
import type { JsonObject } from '../../record/canonical.ts';
import { nodesOf, refuseCostly, refuseDeepTree, SCALAR, text, type Shape } from './cel-cost.ts';
import { roundedProduct, roundedSum } from './decimal.ts';
import { findConstants, decideAhead, mentions } from './abstract-evaluation.ts';
import { didYouMean } from '../model/did-you-mean.ts';
import {
  predicateFault,
  type CelCompiler,
  type ChildFacts,
  type JoinFacts,
  type RuleFacts,
} from '../model/predicate.ts';

/** The adapter to the CEL library. Only this module imports the library, and it is itself imported on demand. */
export const celCompiler: CelCompiler = {
  compile(source, total, isAdmitted = false) {
    const program = check(source, JOINS);
    if (!isAdmitted) refuseCostly(program.ast, shapesFor(total));
    makeDecimal(program.ast);
    return {
      evaluate: facts => evaluate(program, bindingsOf(facts), JOINS),
      decideAhead: facts => decideAhead(program.ast, facts),
      dependsOnTime: mentions(program.ast, ['wall_time_secs']),
    };
  },
  findConstants(source, names) {
    return findConstants(check(source, JOINS).ast, names);
  },
  compileRule(source) {
    return inRule(() => {
      const program = check(source, RULES);
      refuseCostly(program.ast, RULE_SHAPES);
      return { evaluate: facts => inRule(() => evaluate(program, ruleBindings(facts), RULES)) };
    });
  },
};

/** A child in an expression. The library needs integers as BigInt; unset fields are empty. */
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

/** The task of the fan-out, as `parent` in an expression. */
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

/** The record that a rule checks. */
class Asked {
  readonly thread: string;
  readonly body: JsonObject;

  constructor({ thread, body }: RuleFacts) {
    this.thread = thread;
    this.body = body;
  }
}

const ASKED_FIELDS: Readonly<Record<keyof Asked, string>> = { thread: 'string', body: 'map<string, dyn>' };
/** CEL reserves the word `namespace`. */
const RULE_VARIABLES: Readonly<Record<string, string>> = {
  actor: 'string',
  act: 'string',
  ns: 'string',
  record: 'Record',
};

/** The names that an expression may use, with their types; for editors. */
export const JOIN_NAMES = { variables: VARIABLES, child: CHILD_FIELDS, parent: PARENT_FIELDS } as const;

/** Expressions over one set of names. */
interface Language {
  readonly environment: Environment;
  readonly variables: readonly string[];
  /** The words that are allowed instead of an expression. */
  readonly words: readonly string[];
  /** The fields of its types. */
  readonly fields: readonly string[];
  readonly hints: Readonly<Record<string, string>>;
}

function makeJoins(): Environment {
  const made = new Environment({ limits: { maxAstNodes: 4_000, maxDepth: 100 } });
  made.registerType('Child', { ctor: Child, fields: { ...CHILD_FIELDS } });
  made.registerType('Parent', { ctor: Parent, fields: { ...PARENT_FIELDS } });
  for (const [name, type] of Object.entries(VARIABLES)) made.registerVariable(name, type);
  return made;
}

function makeRules(): Environment {
  const made = new Environment({ limits: { maxAstNodes: 4_000, maxDepth: 100 } });
  made.registerType('Record', { ctor: Asked, fields: { ...ASKED_FIELDS } });
  for (const [name, type] of Object.entries(RULE_VARIABLES)) made.registerVariable(name, type);
  return made;
}

/** Parses an expression, and checks its types and that the result is a bool. */
function check(source: string, language: Language): ParseResult {
  const program = parse(source, language);
  refuseDeepTree(program.ast);
  const { valid, type, error } = program.check();
  if (!valid) throw faultOf(error, source, language);
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

function parse(source: string, language: Language): ParseResult {
  try {
    return language.environment.parse(source);
  } catch (error) {
    throw faultOf(error, source, language);
  }
}

function evaluate(program: ParseResult, bindings: Record<string, unknown>, language: Language): boolean {
  let value: unknown;
  try {
    value = program(bindings);
  } catch (error) {
    throw faultOf(error, program.ast.input, language);
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

function ruleBindings(facts: RuleFacts): Record<string, unknown> {
  const { actor, act, namespace } = facts;
  return { actor, act, ns: namespace, record: new Asked(facts) };
}

/** Words the faults of an expression for a rule. */
function inRule<T>(run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    if (!FleetError.is(thrown, 'INVALID_RECORD')) throw thrown;
    const { code, details } = thrown;
    const isCostly = thrown.message.includes(' with this many subtasks');
    const message = thrown.message.replace(/^join: /, 'rule: ').replace(' with this many subtasks', '');
    const hint = isCostly
      ? 'A body can be large: test one of its members instead of iterating over it.'
      : thrown.hint;
    throw new FleetError(code, message, {
      details,
      ...(hint === undefined ? {} : { hint }),
      cause: thrown,
    });
  }
}

/** The maximum size of the record with all goals of a fan-out, which bounds the average goal. */
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

/**
 * The assumed size of lists and texts of a body. It is so large that an expression that iterates over one is refused. A
 * text may be sixteen times as long, up to the size of a record; operations on a text are cheap enough for that.
 */
const MAX_BODY = 4 * 1024 * 1024;
const RULE_SHAPES: ReadonlyMap<string, Shape> = new Map([
  ['actor', text(160)],
  ['act', text(6)],
  ['ns', text(256)],
  ['record', { size: 1, fields: { thread: text(131), body: { size: MAX_BODY, item: text(MAX_BODY) } } }],
]);

type Evaluate = (...args: unknown[]) => unknown;

const ROUNDED: Readonly<Record<string, (value: number) => number>> = {
  '+': roundedSum,
  '-': roundedSum,
  '*': roundedProduct,
  '/': roundedProduct,
};

/**
 * Makes the arithmetic of an expression round fractions to decimals. The library does not allow replacing the operators
 * of its own types, so each operation is wrapped; the library itself assigns `evaluate` at a node's first evaluation.
 */
function makeDecimal(root: ASTNode): void {
  for (const node of nodesOf(root)) {
    const rounded = ROUNDED[node.op];
    if (rounded === undefined) continue;
    let evaluate = (node as unknown as { evaluate: Evaluate }).evaluate;
    const wrapped: Evaluate = (...args) => {
      const value = evaluate.apply(node, args);
      // Whole numbers are BigInt.
      return typeof value === 'number' ? rounded(value) : value;
    };
    Object.defineProperty(node, 'evaluate', {
      get: () => wrapped,
      set: (assigned: Evaluate) => {
        evaluate = assigned;
      },
    });
  }
}

/** Converts an error of the library. */
function faultOf(error: unknown, source: string, language: Language): FleetError {
  if (FleetError.is(error)) return error;
  const known = error instanceof ParseError || error instanceof TypeError || error instanceof EvaluationError;
  if (!known) return predicateFault(uncapitalised(messageOf(error)), 0, source.length);
  const { start, end } = error.range ?? { start: 0, end: source.length };
  const word = source.slice(start, end);
  const what = wording(error.code, word, source, language) ?? plainWords(error.summary);
  return predicateFault(what, start, end - start, language.hints[error.code]);
}

function wording(code: string, word: string, source: string, language: Language): string | undefined {
  switch (code) {
    case 'unknown_variable': {
      const words = word === source.trim() ? language.words : [];
      return `unknown name '${word}'${didYouMean(word, [...language.variables, ...words])}`;
    }
    case 'no_such_key':
      return `no such field '${word}'${didYouMean(word, language.fields)}`;
    default:
      return undefined;
  }
}

const OVERLOAD_HINT = "Whole numbers and fractions don't mix: write 5.0 instead of 5, or use double(x).";

const JOINS: Language = {
  environment: makeJoins(),
  variables: Object.keys(VARIABLES),
  words: ['all', 'any'],
  fields: Object.keys(CHILD_FIELDS),
  hints: {
    unknown_variable: `The names are ${Object.keys(VARIABLES).join(', ')}; or write all, any or k_of_n:K.`,
    no_such_key: `A child has ${Object.keys(CHILD_FIELDS).join(', ')}; the parent has ${Object.keys(PARENT_FIELDS).join(', ')}.`,
    no_such_overload: OVERLOAD_HINT,
  },
};

const RULES: Language = {
  environment: makeRules(),
  variables: Object.keys(RULE_VARIABLES),
  words: [],
  fields: Object.keys(ASKED_FIELDS),
  hints: {
    unknown_variable: `The names are ${Object.keys(RULE_VARIABLES).join(', ')}.`,
    no_such_key: `A record has ${Object.keys(ASKED_FIELDS).join(' and ')}; ask for what a body may not have with has().`,
    no_such_overload: OVERLOAD_HINT,
  },
};

function plainWords(summary: string): string {
  return uncapitalised(summary)
    .replace(/^unexpected token: EOF$/, 'it ends too early')
    .replace(/, got EOF$/, ', but it ends')
    .replace(/^exceeded maxDepth \((\d+)\)$/, 'it is nested more than $1 deep')
    .replace(/^exceeded maxAstNodes \((\d+)\)$/, 'it has more than $1 parts')
    .replace(/^exceeded max\w+ \((\d+)\)$/, 'it lists more than $1 items');
}

function uncapitalised(words: string): string {
  return words.charAt(0).toLowerCase() + words.slice(1);
}
