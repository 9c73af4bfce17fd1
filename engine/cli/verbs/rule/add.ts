import { RULE_EFFECTS } from '../../../contract/commands.ts';
import { ruleChangedLine } from '../../render/rule.ts';
import { choice, defineVerb, word } from '../../verb.ts';

export const ruleAdd = defineVerb({
  path: 'rule add',
  summary: 'ask a rule of everything that is written',
  description: [
    'A rule is a CEL expression over actor, act, ns (the namespace) and record (record.thread, record.body). A deny rule that',
    'holds refuses; where there are allow rules, one of them must hold. A rule that has no value for what it is asked',
    'about counts against it: ask for what a body may not have with has(record.body.x).',
    '',
    'Commands are asked about as the record that they become: task add is an INTEND whose body has the topic task.',
    'No rule is asked when a rule is removed, a freeze undone, or a task cancelled. A rule by which you could not take',
    'it away again is refused. Another one with the same name takes its place.',
  ].join('\n'),
  examples: [
    [
      `spl rule add no-agents "act == 'INTEND' && actor.startsWith('did:sync:agent:')"`,
      'agents give no work',
    ],
    [`spl rule add acme "ns == 'acme' || ns.startsWith('acme/')" --effect allow`, 'nothing outside of acme'],
  ],
  positionals: {
    name: word('name', 'a-z, 0-9, - and _'),
    rule: word('cel', 'an expression that is true or false'),
  },
  flags: { effect: choice('--effect <effect>', 'what it does where it holds (default: deny)', RULE_EFFECTS) },
  async run(context, { name, rule, effect }) {
    const added = await context.submit('rule.add', { name, rule, effect: effect ?? 'deny' });
    context.print(added, () => [ruleChangedLine(added, 'added', context.out.colours)]);
  },
});
