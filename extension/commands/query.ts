import * as vscode from 'vscode';
import type { QueryDocument } from '../../engine/contract/documents.ts';
import { table } from '../../engine/contract/format.ts';
import { engine, type Handler } from './context.ts';

const FIRST = 'SELECT topic, count(*) AS records FROM records GROUP BY topic ORDER BY records DESC';
const MAX_ROWS = 1000;

/** Queries the index of the log in SQL, read-only. */
export const query: Handler<'fleet.query'> = async context => {
  const sql = await vscode.window.showInputBox({
    title: vscode.l10n.t('Query Records'),
    prompt: vscode.l10n.t('One SELECT over the records of the log'),
    value: FIRST,
    ignoreFocusOut: true,
  });
  if (sql === undefined || sql.trim() === '') return;
  const answer = await (await engine(context)).report('query', { sql, limit: MAX_ROWS });
  await context.documents.show('query.txt', `${sql}\n\n${textOf(answer)}\n`);
};

function textOf({ columns, rows, truncated }: QueryDocument): string {
  const cells = rows.map(row => row.map(cell => (cell === null ? '' : String(cell))));
  const more = truncated ? [vscode.l10n.t('… and more than {0} rows', MAX_ROWS)] : [];
  return [...table(columns, cells), ...more].join('\n');
}
