import { ruleListLines } from '../../render/rule.ts';
import { defineVerb } from '../../verb.ts';

export const ruleList = defineVerb({
  path: 'rule list',
  summary: 'list the rules',
  examples: [['spl rule list', 'in the order of their names']],
  positionals: {},
  flags: {},
  async run(context) {
    const document = await context.report('rules', {});
    context.print(document, () => ruleListLines(document));
  },
});
