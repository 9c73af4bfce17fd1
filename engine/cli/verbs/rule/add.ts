import { RULE_EFFECTS } from '../../../contract/commands.ts';
import { ruleChangedLine } from '../../render/rule.ts';
import { choice, defineVerb, word } from '../../verb.ts';

export const ruleAdd = defineVerb({
  path: 'rule add',
  summary: 'Add a permission rule',
  description: [
    'A rule is a CEL expression over actor, act, ns (the namespace) and record (record.thread, record.body). A record is',
    'refused if a deny rule holds, or if there are allow rules and none of them holds. A rule that can’t be evaluated',
    'refuses the record: test for optional members with has(record.body.x).',
    '',
    'Rules judge a command as the record that it writes: task add writes an INTEND with the topic task. Removing a rule,',
    'undoing a freeze and cancelling a task are always allowed. A rule that would lock you out is refused. A rule with',
    'an existing name replaces that rule.',
  ].join('\n'),
  examples: [
    [
      `spl rule add no-agents "act == 'INTEND' && actor.startsWith('did:sync:agent:')"`,
      'deny goals from agents',
    ],
    [
      `spl rule add acme "ns == 'acme' || ns.startsWith('acme/')" --effect allow`,
      'allow only what is in acme',
    ],
  ],
  positionals: {
    name: word('name', 'Name: a-z, 0-9, - and _'),
    rule: word('cel', 'CEL expression with a boolean result'),
  },
  flags: {
    effect: choice('--effect <effect>', 'Effect of the rule when it holds (default: deny)', RULE_EFFECTS),
  },
  async run(context, { name, rule, effect }) {
    const added = await context.submit('rule.add', { name, rule, effect: effect ?? 'deny' });
    context.print(added, () => [ruleChangedLine(added, 'added', context.out.colours)]);
  },
});
