import type { NamespaceDocument, NamespaceShown, NamespacesDocument } from '../../contract/documents.ts';
import { fields, oneLine, table } from '../../contract/format.ts';
import type { Colours } from './colours.ts';

/** What a change says when it is written down. */
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
    ]),
    '',
    'Ancestor chain:',
    ...shown.chain.map(({ id, active }) => `  ${active ? colours.green('✓') : colours.red('✗')} ${id}`),
  ];
}

/** A namespace may be active itself, and closed by one above it. */
function statusText({ id, status, own_status: own, archived_by: by }: NamespaceDocument): string {
  if (status === 'active' || by === null) return status;
  if (own !== 'active') return by === id ? own : `${own}, and '${by}' above it is as well`;
  return `${status} with '${by}'; active itself`;
}
