import { ROOT_NAMESPACE } from '../../../contract/namespaces.ts';
import { FleetError } from '../../../errors.ts';
import { homePaths } from '../../../home/paths.ts';
import { writeUsedNamespace } from '../../../home/used-namespace.ts';
import type { Context } from '../../verb.ts';
import { inheritedNamespace } from '../../used-namespace.ts';
import { defineVerb, word } from '../../verb.ts';

export const namespaceUse = defineVerb({
  path: 'namespace use',
  summary: 'Set the namespace used by commands that name none',
  description:
    'The commands are task add, task fan-out (if it is within the namespace of the task), intend, do, know and learn. ' +
    'The home keeps the setting, and spl namespace show prints it. SPL_NAMESPACE overrides it, and --namespace overrides both.',
  examples: [
    ['spl namespace use acme/web', 'use it from now on, in this home'],
    ['spl namespace use default', 'remove the setting'],
  ],
  positionals: { namespace: word('id', 'Segments separated by /', 'namespaces') },
  flags: {},
  async run(context, { namespace }) {
    const isRoot = namespace === ROOT_NAMESPACE;
    if (!isRoot) await requireActive(context, namespace);
    const inherited = inheritedNamespace(context);
    await writeUsedNamespace(homePaths(context.settings.home), isRoot ? null : namespace);
    const { colours } = context.out;
    context.print({ namespace, overridden_by: inherited }, () => [
      `${colours.green('✓')} namespace '${namespace}' is used by commands that name none`,
      ...(inherited === null ? [] : [`${colours.yellow('⚠')} ${overridden(inherited)}`]),
    ]);
  },
});

const overridden = (inherited: string): string =>
  `SPL_NAMESPACE overrides it in this shell, with '${inherited}'`;

async function requireActive(context: Context, namespace: string): Promise<void> {
  const { status, archived_by: by } = await context.report('namespace', { namespace });
  if (status === 'active') return;
  throw new FleetError('NAMESPACE_REJECTED', `namespace '${namespace}' is rejected: '${by}' is archived`, {
    details: { namespace, failing: by },
    hint: `Make it active again with: spl namespace create ${by}`,
  });
}
