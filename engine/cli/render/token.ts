import { moment, oneLine, table } from '../../contract/format.ts';
import type { TokenCreated, TokenDocument, TokensDocument } from '../../contract/tokens.ts';
import type { Colours } from './colours.ts';

/** Returns the lines of a created token. The token is alone on the last line, so that a script can read it. */
export function tokenMadeLines(created: TokenCreated, colours: Colours): readonly string[] {
  const { id, scopes, namespace, actor } = created;
  return [
    `${colours.green('✓')} token ${id} made: ${scopes.join(', ')} in ${namespace ?? 'all namespaces'}, ${endOf(created)}`,
    `  writes as ${actor}; it is not shown again`,
    created.token,
  ];
}

export function tokenListLines({ tokens }: TokensDocument): readonly string[] {
  if (tokens.length === 0) return ['no tokens except the home’s own'];
  const rows = tokens.map(token => [
    token.id,
    token.scopes.join(','),
    token.namespace ?? '–',
    endOf(token),
    token.created_by,
    oneLine(token.label ?? '', 60),
  ]);
  return table(['ID', 'SCOPES', 'NAMESPACE', 'ENDS', 'MADE BY', 'LABEL'], rows);
}

function endOf({ expires_unix: expires, expired }: TokenDocument): string {
  if (expires === null) return 'without end';
  return `${expired ? 'expired' : 'until'} ${moment(expires)}`;
}
