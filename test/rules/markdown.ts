/** Parses the parts of Markdown that this repository's documents use. */

/** A piece of code. `language` is null for an inline piece, and '' for a block without one. */
export interface Code {
  readonly text: string;
  readonly language: string | null;
}

/** A block of code. `file` is the name after the language, and '' if there is none. */
export interface Block {
  readonly text: string;
  readonly language: string;
  readonly file: string;
}

const FENCE = /^```(\w*) *([^\n]*)\n([^]*?)^```$/gm;

/** Returns the blocks of code, in order. */
export function blocksIn(markdown: string): Block[] {
  return [...markdown.matchAll(FENCE)].map(([, language, file, text]) => ({
    text: text!,
    language: language!,
    file: file!,
  }));
}

/** Returns all code, blocks first. */
export function codesIn(markdown: string): Code[] {
  const blocks = blocksIn(markdown);
  const prose = markdown.replace(FENCE, '');
  return [
    ...blocks,
    ...[...prose.matchAll(/`([^`]+)`/g)].map(([, text]) => ({
      text: text!.replace(/\s+/g, ' '),
      language: null,
    })),
  ];
}

/** Returns the links to other parts of the repository. `anchor` is '' if there is none. */
export function linksIn(markdown: string): { readonly path: string; readonly anchor: string }[] {
  return [...markdown.replace(FENCE, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter(target => !/^\w+:/.test(target))
    .map(target => {
      const [path = '', anchor = ''] = target.split('#');
      return { path, anchor };
    });
}

/** Returns the anchors of the headings, as the usual renderers make them. */
export function headings(markdown: string): string[] {
  return [...markdown.replace(FENCE, '').matchAll(/^#+ (.*)$/gm)].map(([, title]) => anchorOf(title!));
}

/**
 * Returns the text below a heading, up to the next one of the same or a higher level. @throws if there is no such
 * heading
 */
export function sectionOf(markdown: string, title: string): string {
  const lines = markdown.split('\n');
  const start = lines.findIndex(line => /^#+ /.test(line) && line.replace(/^#+ /, '') === title);
  if (start === -1) throw new Error(`there is no heading '${title}'`);
  const level = /^#+/.exec(lines[start]!)![0].length;
  const length = lines.slice(start + 1).findIndex(line => new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

/** Returns the rows of all tables of a text, without their heads, as cells. */
export function tableIn(markdown: string): string[][] {
  const lines = markdown.split('\n');
  return lines
    .filter((line, i) => line.startsWith('|') && !isRule(line) && !isRule(lines[i + 1] ?? ''))
    .map(line =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map(cell => cell.trim()),
    );
}

/** Returns a table as the formatter writes it. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const isRule = (line: string): boolean => /^\|[-:| ]+\|$/.test(line);

function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}
