import type { RuleAdd, RuleTest } from '../contract/commands.ts';
import type { RuleDocument, RulesDocument, RuleTested } from '../contract/documents.ts';
import { ROOT_NAMESPACE } from '../contract/namespaces.ts';
import { FleetError, messageOf } from '../errors.ts';
import type { JsonObject } from '../record/canonical.ts';
import { RESERVED, type Did, type ThreadId } from '../record/ids.ts';
import type { Act, FleetRecord } from '../record/record.ts';
import {
  asJson,
  TOPIC,
  topicOf,
  type RuleAddedBody,
  type RuleRemovedBody,
  type TopicBody,
} from './bodies.ts';
import type { Coordinator } from './coordinator.ts';
import type { CelCompiler, CelRule } from './predicate.ts';
import type { FleetState, Rule } from './state.ts';

/** What a rule is asked about: a record that is about to be written, or a command as the record that it becomes. */
export interface Asked {
  readonly actor: Did;
  readonly act: Act;
  readonly namespace: string;
  readonly thread: ThreadId;
  readonly body: JsonObject;
}

type Rules = FleetState['rules'];

/** The most rules of a home: each is asked of everything that is written. */
export const MAX_RULES = 100;
const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** What no rule is asked about: rules are taken away, and what was stopped goes on, whatever they say. */
const ALWAYS: ReadonlySet<unknown> = new Set([
  TOPIC.ruleRemoved,
  TOPIC.unfreeze,
  TOPIC.emergencyClear,
  TOPIC.cancel,
]);

/**
 * Whether the rules let this be written. No rules let in everything; a deny rule that holds refuses, and where there are
 * allow rules one of them must hold. A rule that has no value for what it is asked about counts against it.
 * @throws SCOPE_FORBIDDEN naming the rule, and how it is taken away.
 */
export function requirePermitted({ rules }: FleetState, cel: CelCompiler, asked: Asked): void {
  if (rules.size === 0 || ALWAYS.has(asked.body['topic'])) return;
  const refusal = refusalOf(rules, cel, asked);
  if (refusal === null) return;
  const { words, name } = refusal;
  throw new FleetError('SCOPE_FORBIDDEN', `${asked.actor} may not write this ${asked.act}: ${words}`, {
    details: { actor: asked.actor, act: asked.act, namespace: asked.namespace, rule: name },
    hint:
      name === null ? 'List them with: spl rule list' : `Take the rule away with: spl rule remove ${name}`,
  });
}

/**
 * Adds a rule, or puts another one in the place of the one with its name.
 * @throws INVALID_RECORD for a name or an expression that is none; TOO_LARGE; CONFLICT for a rule by which its own author
 * could not take it away.
 */
export function addRule(
  coordinator: Coordinator,
  { name, rule, effect }: RuleAdd,
  cel: CelCompiler,
  issuer: { readonly actor: Did; readonly now: number },
): RuleDocument {
  const { rules } = coordinator.state;
  if (!NAME.test(name))
    throw new FleetError('INVALID_RECORD', `'${name}' is no name of a rule`, {
      details: { name },
      hint: 'It has at most 63 of a-z, 0-9, - and _, and begins with a letter or a digit.',
    });
  if (rules.size >= MAX_RULES && !rules.has(name))
    throw new FleetError('TOO_LARGE', `there are ${MAX_RULES} rules already`, {
      details: { limit: MAX_RULES },
    });
  cel.compileRule(rule);
  const wanted: Rule = { source: rule, effect, issuedBy: issuer.actor };
  refuseLockOut(new Map([...rules, [name, wanted]]), cel, name, issuer.actor);
  const body: RuleAddedBody = { topic: TOPIC.ruleAdded, name, rule, effect, issued_by: issuer.actor };
  coordinator.write({ act: 'LEARN', thread: RESERVED.engineConfig, body }, issuer.now);
  return documentOf(name, wanted);
}

/** Takes a rule away; no rule is asked. @throws NOT_FOUND */
export function removeRule(
  coordinator: Coordinator,
  name: string,
  issuer: { readonly actor: Did; readonly now: number },
): RuleDocument {
  const rule = coordinator.state.rules.get(name);
  if (rule === undefined)
    throw new FleetError('NOT_FOUND', `no rule is named '${name}'`, {
      details: { name },
      hint: 'List them with: spl rule list',
    });
  const body = removalBy(name, issuer.actor);
  coordinator.write({ act: 'LEARN', thread: RESERVED.engineConfig, body }, issuer.now);
  return documentOf(name, rule);
}

/** Applies a record about rules: of several about one name, the latest counts. */
export function applyRule({ rules }: FleetState, record: FleetRecord): void {
  const topic = topicOf(record);
  if (topic === TOPIC.ruleRemoved) rules.delete((record.body as unknown as RuleRemovedBody).name);
  if (topic !== TOPIC.ruleAdded) return;
  const { name, rule, effect, issued_by: issuedBy } = record.body as unknown as RuleAddedBody;
  rules.set(name, { source: rule, effect, issuedBy });
}

/** All of them, in the order of their names. */
export function rulesDocument(rules: Rules): RulesDocument {
  return { rules: sorted(rules).map(([name, rule]) => documentOf(name, rule)) };
}

/** What the rules would say of something. */
export function testRules(rules: Rules, cel: CelCompiler, input: RuleTest): RuleTested {
  const asked: Asked = { ...input, thread: input.thread as ThreadId, body: input.body as JsonObject };
  const refusal = ALWAYS.has(asked.body['topic']) ? null : refusalOf(rules, cel, asked);
  return {
    allowed: refusal === null,
    reason: refusal?.words ?? null,
    rules: sorted(rules).map(([name, rule]) => {
      const { holds, error } = ask(rule, cel, asked);
      return { name, effect: rule.effect, holds, error };
    }),
  };
}

/** The command that a record stands for may name a namespace in another way than a record does. */
export function namespaceOfBody({ tasks }: FleetState, thread: ThreadId, body: TopicBody): string {
  if (body.topic === TOPIC.namespaceStatus) return body.id;
  if ('namespace' in body && typeof body.namespace === 'string') return body.namespace;
  const task = tasks.get(thread);
  return task?.fanOut?.namespace ?? task?.facts.namespace ?? ROOT_NAMESPACE;
}

interface Refusal {
  /** Null where it is no single rule's. */
  readonly name: string | null;
  readonly words: string;
}

function refusalOf(rules: Rules, cel: CelCompiler, asked: Asked): Refusal | null {
  const errors: string[] = [];
  let hasAllow = false;
  let isAllowed = false;
  for (const [name, rule] of sorted(rules)) {
    const { holds, error } = ask(rule, cel, asked);
    if (rule.effect === 'deny') {
      if (error !== null) return { name, words: `rule '${name}' can't be decided: ${error}` };
      if (holds) return { name, words: `rule '${name}' denies it` };
    } else {
      hasAllow = true;
      isAllowed ||= holds;
      if (error !== null) errors.push(`'${name}' can't be decided: ${error}`);
    }
  }
  if (!hasAllow || isAllowed) return null;
  return { name: null, words: ['no rule allows it', ...errors].join('; ') };
}

/** A rule that can't be read any more, or has no value, does not hold. */
function ask(
  rule: Rule,
  cel: CelCompiler,
  asked: Asked,
): { readonly holds: boolean; readonly error: string | null } {
  try {
    return { holds: programOf(rule, cel).evaluate(asked), error: null };
  } catch (thrown) {
    return { holds: false, error: messageOf(thrown) };
  }
}

const programs = new WeakMap<Rule, CelRule>();

/** Compiled when it is asked for the first time: who opens a home need not load the language. */
function programOf(rule: Rule, cel: CelCompiler): CelRule {
  let program = programs.get(rule);
  if (program === undefined) programs.set(rule, (program = cel.compileRule(rule.source)));
  return program;
}

function refuseLockOut(rules: Rules, cel: CelCompiler, name: string, actor: Did): void {
  const removal = { act: 'LEARN', namespace: ROOT_NAMESPACE, thread: RESERVED.engineConfig } as const;
  const refusal = refusalOf(rules, cel, { ...removal, actor, body: asJson(removalBy(name, actor)) });
  if (refusal === null) return;
  throw new FleetError(
    'CONFLICT',
    `under this rule ${actor} could not take it away again: ${refusal.words}`,
    {
      details: { name, actor },
      hint: `Leave yourself out of it, for example: actor != '${actor}' && …`,
    },
  );
}

const removalBy = (name: string, actor: Did): RuleRemovedBody => ({
  topic: TOPIC.ruleRemoved,
  name,
  issued_by: actor,
});

const sorted = (rules: Rules): [string, Rule][] => [...rules].sort(([a], [b]) => (a < b ? -1 : 1));

const documentOf = (name: string, { source, effect, issuedBy }: Rule): RuleDocument => ({
  name,
  rule: source,
  effect,
  issued_by: issuedBy,
});
