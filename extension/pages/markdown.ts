/** Markdown of pages. Text from elsewhere is escaped, so that it is shown literally. */

/** Escapes text for Markdown. Lines become one. */
export const literal = (text: string): string =>
  text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]()#+\-.!|<>&~$:@]/g, '\\$&');

/** Returns code in a line. Nothing in it is Markdown. */
export function code(text: string): string {
  const line = text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const fence = '`'.repeat(1 + Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length)));
  return `${fence} ${line} ${fence}`;
}

/** Returns a table of Markdown cells; '' without rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A name and its Markdown; null for a fact that there is none of. */
export type Fact = readonly [name: string, value: string | null];

/** Returns a table of facts, without those that there are none of. */
export const factTable = (facts: readonly Fact[]): string =>
  table(
    ['', ''],
    facts.flatMap(([name, value]) => (value === null ? [] : [[`**${name}**`, value]])),
  );

/** Joins the parts of a page that are not empty. */
export const page = (...parts: readonly string[]): string =>
  parts.filter(part => part !== '').join('\n\n') + '\n';
