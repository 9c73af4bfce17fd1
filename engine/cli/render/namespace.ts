import type { NamespaceShown, NamespacesDocument } from '../../contract/documents.ts';
import { fields, oneLine, table } from '../../contract/format.ts';
import type { Colours } from './colours.ts';

export function namespaceListLines({ namespaces, explicit }: NamespacesDocument): readonly string[] {
  const rows = namespaces.map(({ id, status, level, description }) => [
    id,
    status,
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
      ['Status', shown.status],
      ['Level', shown.level],
      ['Depth', String(shown.depth)],
      ['Description', shown.description === null ? null : oneLine(shown.description, 200)],
    ]),
    '',
    'Ancestor chain:',
    ...shown.chain.map(({ id, active }) => `  ${active ? colours.green('✓') : colours.red('✗')} ${id}`),
  ];
}
