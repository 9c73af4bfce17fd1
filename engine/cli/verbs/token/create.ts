import { SCOPES, type Scope } from '../../../contract/tokens.ts';
import { FleetError } from '../../../errors.ts';
import { tokenMadeLines } from '../../render/token.ts';
import { until } from '../../until.ts';
import { defineVerb, list, text } from '../../verb.ts';

export const tokenCreate = defineVerb({
  path: 'token create',
  summary: 'make a token that may do less than the home’s own',
  description: [
    'Scopes: read sees everything; write also writes records and runs tasks; control also starts and stops instances,',
    'freezes, and changes namespaces and tokens. write and control include read, and not each other.',
    '',
    'With --namespace it can see and change only what lies there or below. The token is shown once. Its holder writes in',
    'the name did:sync:user:token-‹id›, and can take no other. Whoever may run tasks can run commands as you, whatever the',
    'namespace: a policy of the namespace says which executors it may use.',
  ].join('\n'),
  examples: [
    ['spl token create --label dashboard --expires 30d', 'one that reads, for a month'],
    ['spl token create --scope write --namespace acme/web', 'one that works in a namespace'],
    ['spl token create --scope read,write,control', 'one that may do everything, and can be revoked'],
  ],
  positionals: {},
  flags: {
    scope: list('--scope <scopes>', 'read, write or control; may be given many times (default: read)'),
    namespace: text('--namespace <id>', 'confine it to a namespace and what lies below', 'namespaces'),
    expires: until('--expires <when>', 'how long it holds: 30d, 12h, or a date (default: without end)'),
    label: text('--label <text>', 'what it is for'),
  },
  async run(context, { scope, namespace, expires, label }) {
    const created = await context.submit('token.create', {
      scopes: scope.length === 0 ? ['read'] : [...new Set(scope.map(asScope))],
      namespace,
      // No whole seconds: a date is to be told as it was given.
      expires_secs: expires === null ? null : Math.max(0.001, expires - Date.now() / 1000),
      label,
    });
    context.print(created, () => tokenMadeLines(created, context.out.colours));
  },
});

function asScope(given: string): Scope {
  const scope = SCOPES.find(each => each === given);
  if (scope !== undefined) return scope;
  throw new FleetError('USAGE', `--scope '${given}' is none`, {
    details: { scope: given },
    hint: `It must be one of ${SCOPES.join(', ')}.`,
  });
}
