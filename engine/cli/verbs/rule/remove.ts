import { ruleChangedLine } from '../../render/rule.ts';
import { defineVerb, word } from '../../verb.ts';

export const ruleRemove = defineVerb({
  path: 'rule remove',
  summary: 'Remove a permission rule',
  description: 'No rule can refuse the removal.',
  examples: [['spl rule remove no-agents', 'remove the rule']],
  positionals: { name: word('name', 'Name of the rule, from spl rule list') },
  flags: {},
  async run(context, { name }) {
    const removed = await context.submit('rule.remove', { rule: name });
    context.print(removed, () => [ruleChangedLine(removed, 'removed', context.out.colours)]);
  },
});
