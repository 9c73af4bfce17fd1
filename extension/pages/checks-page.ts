import * as v from 'valibot';
import * as vscode from 'vscode';
import { literal, page, table } from './markdown.ts';

/** The answer of `spl doctor --json`. */
export const checksSchema = v.object({
  checks: v.array(
    v.object({
      name: v.string(),
      level: v.picklist(['PASS', 'WARN', 'FAIL']),
      detail: v.string(),
      hint: v.optional(v.string()),
    }),
  ),
});

/** Returns the page of the checks of the machine, the home and the log: what is wrong first. */
export function checksPage({ checks }: v.InferOutput<typeof checksSchema>): string {
  const t = vscode.l10n.t;
  const rank = { FAIL: 0, WARN: 1, PASS: 2 } as const;
  const words = { FAIL: `✗ ${t('wrong')}`, WARN: `⚠ ${t('note')}`, PASS: `✓ ${t('fine')}` };
  const wrong = checks.filter(({ level }) => level === 'FAIL').length;
  return page(
    `# ${t('Checks of the fleet')}`,
    wrong === 0
      ? t('Nothing is wrong.')
      : t('{0} of {1} checks found something wrong.', wrong, checks.length),
    table(
      ['', t('Check'), t('Found'), t('Way out')],
      checks
        .toSorted((a, b) => rank[a.level] - rank[b.level])
        .map(({ name, level, detail, hint }) => [
          words[level],
          literal(name),
          literal(detail),
          literal(hint ?? ''),
        ]),
    ),
  );
}
