import { SCOPES, type Scope } from '../../../contract/tokens.ts';
import { FleetError } from '../../../errors.ts';
import { tokenMadeLines } from '../../render/token.ts';
import { until } from '../../until.ts';
import { defineVerb, list, text } from '../../verb.ts';

export const tokenCreate = defineVerb({
  path: 'token create',
  summary: 'Create a token with limited permissions',
  description: [
    'Scopes: read sees everything. write also writes records and runs tasks. control also starts and stops instances,',
    'freezes, and changes namespaces and tokens. write and control include read, but not each other.',
    '',
    'With --namespace, the token sees and changes only that namespace and those below. It is printed once. Its holder',
    'always acts as did:sync:user:token-‹id›. A token with scope write can run commands as you: to limit its executors,',
    'set a policy for its namespace.',
  ].join('\n'),
  examples: [
    ['spl token create --label dashboard --expires 30d', 'let a dashboard read for a month'],
    ['spl token create --scope write --namespace acme/web', 'let a holder work in one namespace'],
    ['spl token create --scope read,write,control', 'allow everything, revocably'],
  ],
  positionals: {},
  flags: {
    scope: list(
      '--scope <scopes>',
      'Scopes, comma-separated: read, write, control; repeatable (default: read)',
    ),
    namespace: text('--namespace <id>', 'Confine the token to a namespace and those below', 'namespaces'),
    expires: until('--expires <when>', 'End of its validity: 30d, 12h, or a date (default: never)'),
    label: text('--label <text>', 'Purpose of the token'),
  },
  async run(context, { scope, namespace, expires, label }) {
    const created = await context.submit('token.create', {
      scopes: scope.length === 0 ? ['read'] : [...new Set(scope.map(asScope))],
      namespace,
      // Not rounded, so that a date is printed as it was given.
      expires_secs: expires === null ? null : Math.max(0.001, expires - Date.now() / 1000),
      label,
    });
    context.print(created, () => tokenMadeLines(created, context.out.colours));
  },
});

function asScope(given: string): Scope {
  const scope = SCOPES.find(each => each === given);
  if (scope !== undefined) return scope;
  throw new FleetError('USAGE', `--scope '${given}' is not a scope`, {
    details: { scope: given },
    hint: `It must be one of ${SCOPES.join(', ')}.`,
  });
}
