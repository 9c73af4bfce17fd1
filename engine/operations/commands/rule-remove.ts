import { ruleSchema } from '../../contract/documents.ts';
import { refused } from '../confinement.ts';
import { command } from '../operation.ts';

export const ruleRemove = command({
  name: 'rule.remove',
  about: 'remove a rule',
  method: 'DELETE',
  path: '/v1/rules/:rule',
  scope: 'control',
  output: ruleSchema,
  confine: refused('remove rules'),
  run: ({ rule }, { domain, coordinator, noted }) =>
    noted(issuer => domain.removeRule(coordinator, rule, issuer)),
});
