import { ruleListLines } from '../../render/rule.ts';
import { defineVerb } from '../../verb.ts';

export const ruleList = defineVerb({
  path: 'rule list',
  summary: 'List permission rules',
  examples: [['spl rule list', 'list the rules by name']],
  positionals: {},
  flags: {},
  async run(context) {
    const document = await context.report('rules', {});
    context.print(document, () => ruleListLines(document));
  },
});
