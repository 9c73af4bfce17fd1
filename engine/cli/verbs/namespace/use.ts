import { ROOT_NAMESPACE } from '../../../contract/namespaces.ts';
import { FleetError } from '../../../errors.ts';
import { homePaths } from '../../../home/paths.ts';
import { writeUsedNamespace } from '../../../home/used-namespace.ts';
import type { Context } from '../../verb.ts';
import { inheritedNamespace } from '../../used-namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceUse = defineVerb({
  path: 'namespace use',
  summary: 'choose the namespace that commands take which name none',
  description:
    'It holds for task add, for task fan-out where it lies within the task’s, and for intend, do, know and learn. ' +
    'It is kept in the home; spl namespace show tells it. SPL_NAMESPACE goes before it, and --namespace before both.',
  examples: [
    ['spl namespace use acme/web', 'from now on, at this home'],
    ['spl namespace use default', 'as it was'],
  ],
  positionals: { namespace: word('id', 'segments with / between', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const isRoot = namespace === ROOT_NAMESPACE;
    if (!isRoot) await requireActive(context, namespace);
    const inherited = inheritedNamespace(context);
    await writeUsedNamespace(homePaths(context.settings.home), isRoot ? null : namespace);
    const { colours } = context.out;
    context.print({ namespace, overridden_by: inherited }, () => [
      `${colours.green('✓')} namespace '${namespace}' is taken where none is named`,
      ...(inherited === null ? [] : [`${colours.yellow('⚠')} ${overridden(inherited)}`]),
    ]);
  },
});

const overridden = (inherited: string): string =>
  `but not here, where SPL_NAMESPACE says '${inherited}', which goes before it`;

async function requireActive(context: Context, namespace: string): Promise<void> {
  const { status, archived_by: by } = await context.report('namespace', { namespace });
  if (status === 'active') return;
  throw new FleetError('NAMESPACE_REJECTED', `namespace '${namespace}' is rejected: '${by}' is archived`, {
    details: { namespace, failing: by },
    hint: `Make it active again with: spl namespace create ${by}`,
  });
}
