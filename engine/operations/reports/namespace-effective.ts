import { effectivePolicySchema } from '../../contract/documents.ts';
import { isWithin } from '../../contract/namespaces.ts';
import { within } from '../confinement.ts';
import { report } from '../operation.ts';

export const namespaceEffective = report({
  name: 'namespace.effective',
  about: 'get the effective policy, and the level that set each part',
  method: 'GET',
  path: '/v1/namespaces/:namespace/effective',
  scope: 'read',
  output: effectivePolicySchema,
  confine: async (input, inside, call) => {
    const effective = await within(input, inside, call);
    // The usage above the token's namespace includes others' work, so it is left out.
    const usage = effective.usage.filter(level => isWithin(level.namespace, inside.namespace));
    return { ...effective, usage };
  },
  answer: ({ namespace }, { domain, coordinator: { state } }) => domain.effectivePolicy(state, namespace),
});
