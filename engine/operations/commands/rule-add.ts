import { ruleAddSchema } from '../../contract/commands.ts';
import { ruleSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

export const ruleAdd = command({
  name: 'rule.add',
  about: 'add a rule',
  method: 'POST',
  path: '/v1/rules',
  scope: 'control',
  body: ruleAddSchema,
  output: ruleSchema,
  confine: refused('add rules'),
  run: (input, { domain, coordinator, cel, noted }) =>
    noted(issuer => domain.addRule(coordinator, input, cel, issuer)),
});
