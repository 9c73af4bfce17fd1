import type { RuleAdd } from '../../contract/commands.ts';
import type { RuleDocument } from '../../contract/documents.ts';
import { ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { FleetError } from '../../errors.ts';
import { RESERVED, type Did } from '../../record/ids.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import type { CelCompiler } from '../model/predicate.ts';
import { asJson, TOPIC, type RuleAddedBody, type RuleRemovedBody } from '../model/record-bodies.ts';
import type { Rule } from '../model/state.ts';
import { refusalOf, ruleDocument, type Rules } from '../policy/permission-rules.ts';

/** The maximum number of rules of a home. Every write evaluates all of them. */
export const MAX_RULES = 100;
const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/**
 * Adds a rule, or replaces the rule of the same name.
 * @throws INVALID_RECORD for an invalid name or expression; TOO_LARGE; CONFLICT for a rule that would lock its author
 * out
 */
export function addRule(
  coordinator: Coordinator,
  { name, rule, effect }: RuleAdd,
  cel: CelCompiler,
  issuer: { readonly actor: Did; readonly now: number },
): RuleDocument {
  const { rules } = coordinator.state;
  if (!NAME.test(name))
    throw new FleetError('INVALID_RECORD', `'${name}' is not a valid rule name`, {
      details: { name },
      hint: 'Use 1 to 63 of a-z, 0-9, - and _, beginning with a letter or a digit.',
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
  return ruleDocument(name, wanted);
}

/** Removes a rule. Rules can't refuse this. @throws NOT_FOUND */
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
  return ruleDocument(name, rule);
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
      hint: `Exclude yourself, for example: actor != '${actor}' && …`,
    },
  );
}

const removalBy = (name: string, actor: Did): RuleRemovedBody => ({
  topic: TOPIC.ruleRemoved,
  name,
  issued_by: actor,
});
