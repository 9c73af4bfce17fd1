import type {
  EffectivePolicy,
  NamespaceDocument,
  NamespaceShown,
  NamespacesDocument,
} from '../../contract/documents.ts';
import { policyParts, usageLines } from '../../contract/effective.ts';
import { fields, oneLine, table } from '../../contract/format.ts';
import type { Colours } from './colours.ts';

/** Returns the line about a written change of a namespace. */
export function namespaceChangedLine({ id, status }: NamespaceDocument, colours: Colours): string {
  return `${colours.green('✓')} namespace '${id}' → ${status}`;
}

export function namespaceListLines({ namespaces, explicit }: NamespacesDocument): readonly string[] {
  const rows = namespaces.map(({ id, status, own_status: own, level, description }) => [
    id,
    own === 'deleted' ? own : status,
    level,
    oneLine(description ?? '', 80),
  ]);
  return [
    ...table(['ID', 'STATUS', 'LEVEL', 'DESCRIPTION'], rows),
    '',
    `${explicit} explicit + 1 implicit (default)`,
  ];
}

export function namespaceLines(shown: NamespaceShown, colours: Colours): readonly string[] {
  return [
    shown.id,
    ...fields([
      ['Status', statusText(shown)],
      ['Level', shown.level],
      ['Depth', String(shown.depth)],
      ['Description', shown.description === null ? null : oneLine(shown.description, 200)],
      ['Policy', shown.policy === null ? null : `its own; see spl namespace resolve ${shown.id}`],
    ]),
    '',
    'Ancestor chain:',
    ...shown.chain.map(({ id, active }) => `  ${active ? colours.green('✓') : colours.red('✗')} ${id}`),
  ];
}

/** Returns the effective policy of a namespace, with the source after each part. */
export function effectiveLines(effective: EffectivePolicy): readonly string[] {
  const { namespace, archived_by: by, usage } = effective;
  return [
    `Effective policy of ${namespace}`,
    ...(by === null ? [] : [`  '${by}' is archived: new work is refused, and nothing starts`]),
    ...fields(
      policyParts(effective).map(({ part, holds, setBy }) => [
        part,
        setBy.length === 0 ? holds : `${holds}  (${setBy.join(' and ')})`,
      ]),
    ),
    ...(usage.length === 0
      ? []
      : ['', 'Usage, with everything below:', ...usageLines(usage).map(line => `  ${line}`)]),
  ];
}

/** Describes the status of a namespace, which may be active itself and closed by one above it. */
function statusText({ id, status, own_status: own, archived_by: by }: NamespaceDocument): string {
  if (status === 'active' || by === null) return status;
  if (own !== 'active') return by === id ? own : `${own}, and '${by}' above it is as well`;
  return `${status} with '${by}'; active itself`;
}
