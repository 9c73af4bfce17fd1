import { ruleChangedLine } from '../../render/rule.ts';
import { defineVerb, word } from '../../verb.ts';

export const ruleRemove = defineVerb({
  path: 'rule remove',
  summary: 'take a rule away',
  description: 'No rule can refuse that.',
  examples: [['spl rule remove no-agents', 'it is asked no more']],
  positionals: { name: word('name', 'as spl rule list tells it') },
  flags: {},
  async run(context, { name }) {
    const removed = await context.submit('rule.remove', { rule: name });
    context.print(removed, () => [ruleChangedLine(removed, 'removed', context.out.colours)]);
  },
});
