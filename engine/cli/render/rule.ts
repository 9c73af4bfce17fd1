import type { RuleDocument, RulesDocument, RuleTested } from '../../contract/documents.ts';
import { oneLine, plural, table } from '../../contract/format.ts';
import type { Colours } from './colours.ts';

export function ruleChangedLine({ name, effect }: RuleDocument, what: string, colours: Colours): string {
  return `${colours.green('✓')} ${effect} rule '${name}' ${what}`;
}

export function ruleListLines({ rules }: RulesDocument): readonly string[] {
  if (rules.length === 0) return ['no rules: everything is allowed'];
  const rows = rules.map(({ name, effect, rule, issued_by: by }) => [name, effect, by, oneLine(rule, 80)]);
  return [...table(['NAME', 'EFFECT', 'BY', 'RULE'], rows), '', plural(rules.length, 'rule')];
}

export function ruleTestedLines({ allowed, reason, rules }: RuleTested, colours: Colours): readonly string[] {
  const rows = rules.map(({ name, effect, holds, error }) => [
    name,
    effect,
    error === null ? (holds ? 'holds' : 'does not hold') : `can't be decided: ${oneLine(error, 100)}`,
  ]);
  return [
    allowed ? `${colours.green('✓')} allowed` : `${colours.red('✗')} refused: ${reason}`,
    ...(rows.length === 0 ? [] : ['', ...table(['NAME', 'EFFECT', 'RESULT'], rows)]),
  ];
}
