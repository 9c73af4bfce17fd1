import { ruleTestSchema } from '../../contract/commands.ts';
import { ruleTestedSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { report } from '../operation.ts';

export const ruleTest = report({
  name: 'rule.test',
  about: 'evaluate the rules; writes nothing',
  method: 'POST',
  path: '/v1/rules/test',
  scope: 'read',
  body: ruleTestSchema,
  output: ruleTestedSchema,
  confine: refused('test rules'),
  answer: (input, { domain, coordinator: { state }, cel }) => domain.testRules(state.rules, cel, input),
});
