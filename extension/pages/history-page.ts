import * as vscode from 'vscode';
import type { ReplayDocument } from '../../engine/contract/documents.ts';
import { oneLine, plural } from '../../engine/contract/format.ts';
import { localTime, userText } from '../views/words.ts';
import { literal, page, table } from './markdown.ts';

/** Returns the page of a history: each event, and the status after it where the event changed it. */
export function historyPage(title: string, { steps, final_status: status, count }: ReplayDocument): string {
  const t = vscode.l10n.t;
  return page(
    `# ${literal(t('History of {0}', title))}`,
    literal(t('{0}, after {1}.', status, plural(count, 'event'))),
    table(
      [t('Time'), t('Status'), t('What'), t('Who')],
      steps.map(step => [
        literal(localTime(step.at_unix)),
        step.changed ? `**${literal(step.status)}**` : '',
        literal(oneLine(step.body, 160)),
        literal(userText(step.actor)),
      ]),
    ),
  );
}
