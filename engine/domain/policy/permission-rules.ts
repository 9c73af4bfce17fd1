import type { RuleTest } from '../../contract/commands.ts';
import type { RuleDocument, RulesDocument, RuleTested } from '../../contract/documents.ts';
import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { FleetError, messageOf } from '../../errors.ts';
import type { JsonObject } from '../../record/canonical.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import type { Act, FleetRecord } from '../../record/record.ts';
import {
  TOPIC,
  topicOf,
  type RuleAddedBody,
  type RuleRemovedBody,
  type TopicBody,
} from '../model/record-bodies.ts';
import type { CelCompiler, CelRule } from '../model/predicate.ts';
import type { FleetState, Rule } from '../model/state.ts';

/** The subject of a rule: a record to be written, or a command as the record that it becomes. */
export interface Asked {
  readonly actor: Did;
  readonly act: Act;
  readonly namespace: string;
  readonly thread: ThreadId;
  readonly body: JsonObject;
}

export type Rules = FleetState['rules'];

/** The topics exempt from rules, so that rules can always be removed and freezes always ended. */
const ALWAYS: ReadonlySet<unknown> = new Set([
  TOPIC.ruleRemoved,
  TOPIC.unfreeze,
  TOPIC.emergencyClear,
  TOPIC.cancel,
]);

/**
 * Checks that the rules allow a write. Without rules everything is allowed. A deny rule that holds refuses it; where
 * there are allow rules, one of them must hold. A rule without a value for the record counts against it.
 * @throws SCOPE_FORBIDDEN naming the rule, and how to remove it
 */
export function requirePermitted({ rules }: FleetState, cel: CelCompiler, asked: Asked): void {
  if (rules.size === 0 || ALWAYS.has(asked.body['topic'])) return;
  const refusal = refusalOf(rules, cel, asked);
  if (refusal === null) return;
  const { words, name } = refusal;
  throw new FleetError('SCOPE_FORBIDDEN', `${asked.actor} may not write this ${asked.act}: ${words}`, {
    details: { actor: asked.actor, act: asked.act, namespace: asked.namespace, rule: name },
    hint: name === null ? 'List them with: spl rule list' : `Remove the rule with: spl rule remove ${name}`,
  });
}

/** Applies a record about rules. The latest of several about one name counts. */
export function applyRule({ rules }: FleetState, record: FleetRecord): void {
  const topic = topicOf(record);
  if (topic === TOPIC.ruleRemoved) rules.delete((record.body as unknown as RuleRemovedBody).name);
  if (topic !== TOPIC.ruleAdded) return;
  const { name, rule, effect, issued_by: issuedBy } = record.body as unknown as RuleAddedBody;
  rules.set(name, { source: rule, effect, issuedBy });
}

/** Returns all rules, sorted by name. */
export function rulesDocument(rules: Rules): RulesDocument {
  return { rules: sorted(rules).map(([name, rule]) => ruleDocument(name, rule)) };
}

/** Returns the verdict of the rules on a record, without writing it. */
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

/** Returns the namespace of a body. A command may name it differently from a record. */
export function namespaceOfBody({ tasks }: FleetState, thread: ThreadId, body: TopicBody): string {
  if (body.topic === TOPIC.namespaceStatus) return body.id;
  if ('namespace' in body && typeof body.namespace === 'string') return body.namespace;
  const task = tasks.get(thread);
  return task?.fanOut?.namespace ?? task?.facts.namespace ?? ROOT_NAMESPACE;
}

interface Refusal {
  /** Null where no single rule decides. */
  readonly name: string | null;
  readonly words: string;
}

export function refusalOf(rules: Rules, cel: CelCompiler, asked: Asked): Refusal | null {
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

/** Evaluates a rule. A rule that can no longer be parsed, or has no value, does not hold. */
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

/** Compiles a rule on first use, so that opening a home does not load CEL. */
function programOf(rule: Rule, cel: CelCompiler): CelRule {
  let program = programs.get(rule);
  if (program === undefined) programs.set(rule, (program = cel.compileRule(rule.source)));
  return program;
}

const sorted = (rules: Rules): [string, Rule][] => [...rules].sort(([a], [b]) => (a < b ? -1 : 1));

export const ruleDocument = (name: string, { source, effect, issuedBy }: Rule): RuleDocument => ({
  name,
  rule: source,
  effect,
  issued_by: issuedBy,
});
