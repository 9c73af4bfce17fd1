import type { Range } from '../diagnostics.ts';

/**
 * The syntax at a place of a plan, read from its lines alone, because a text that is being typed is seldom valid YAML.
 */
export interface Cursor {
  /** True inside the list of subtasks. */
  readonly inSubtask: boolean;
  /** The part at the cursor: a key, a value, or a name in a placeholder. */
  readonly part: 'key' | 'value' | 'placeholder';
  /** The key of the value at the cursor; empty for a key. */
  readonly key: string;
  /** The part of the value on this line, up to the cursor. */
  readonly before: string;
  /** The word at the cursor. Part of it may already be there. */
  readonly word: Range;
}

/** Matches the indentation and dashes before a key, and the key. */
const KEY_LINE = /^(\s*(?:- +)*)([A-Za-z][\w-]*):(?:\s|$)/;
const PLACEHOLDER = /\$\{\{\s*(?:(?:matrix|params)\.)?[\w-]*$|\$\{\{\s*subtasks\.[^}]*$/;

/** Returns the syntax at the cursor; null in comments, and in text without a key. */
export function cursorAt(text: string, offset: number): Cursor | null {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const line = text.slice(lineStart, offset);
  if (/^\s*#/.test(line) || /\s#\s[^"']*$/.test(line)) return null;
  const own = KEY_LINE.exec(line);
  const above = parentKey(text, lineStart);
  const inSubtask = isInSubtasks(text, lineStart);
  const word = wordAt(text, offset, line);
  if (PLACEHOLDER.test(line)) {
    const isNested = above?.key === 'env' || above?.key === 'matrix';
    const key = isNested ? above.key : (own?.[2] ?? above?.key ?? '');
    return { inSubtask, part: 'placeholder', key, before: line, word };
  }
  const inFlow = own === null ? flowPart(line) : null;
  if (inFlow !== null) return { inSubtask, ...inFlow, word };
  if (own !== null)
    return { inSubtask, part: 'value', key: own[2]!, before: line.slice(own[0].length), word };
  const item = /^\s*- +(.*)$/.exec(line)?.[1];
  if (above !== null && above.key !== 'subtasks' && (item !== undefined || above.isText))
    return { inSubtask, part: 'value', key: above.key, before: item ?? line.trimStart(), word };
  return /^\s*(?:- *)?[\w-]*$/.test(line) ? { inSubtask, part: 'key', key: '', before: '', word } : null;
}

/** Returns the key or value at the cursor in a mapping on one line, such as `- { name: a, dep|`; null elsewhere. */
function flowPart(line: string): Pick<Cursor, 'part' | 'key' | 'before'> | null {
  const open = line.lastIndexOf('{');
  if (open < 0 || line.includes('}', open)) return null;
  const last = line
    .slice(open + 1)
    .split(/,(?![^[]*\])/)
    .at(-1)!;
  const [, key, before] = /^\s*([\w-]+):\s*(.*)$/.exec(last) ?? [];
  return key === undefined
    ? { part: 'key', key: '', before: '' }
    : { part: 'value', key, before: before ?? '' };
}

/** Returns the key that a line without a key belongs to, and whether its value is a multi-line text. */
function parentKey(
  text: string,
  lineStart: number,
): { readonly key: string; readonly isText: boolean } | null {
  const line = lineAt(text, lineStart);
  const column = indentOf(line);
  const isItem = /^\s*-(\s|$)/.test(line);
  for (const { line: above } of linesAbove(text, lineStart)) {
    const found = KEY_LINE.exec(above);
    const at = found?.[1]!.length ?? Infinity;
    if (found !== null && (at < column || (isItem && at === column)))
      return { key: found[2]!, isText: /:\s+[|>]/.test(above) };
  }
  return null;
}

function isInSubtasks(text: string, lineStart: number): boolean {
  const line = lineAt(text, lineStart);
  if (/^[^\s-]/.test(line)) return false;
  if (line.trim() === '' && indentOf(line) === 0) return false;
  for (const { line: above } of linesAbove(text, lineStart)) {
    const found = KEY_LINE.exec(above);
    if (found?.[1] === '') return found[2] === 'subtasks';
  }
  return false;
}

/** Returns the range of the subtask item around a line, in whole lines. */
export function itemAround(text: string, offset: number): Range {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const column = itemColumn(text, lineStart);
  const beginsItem = (line: string): boolean => indentOf(line) === column && /^ *-(\s|$)/.test(line);
  let start = lineStart;
  if (!beginsItem(lineAt(text, lineStart))) {
    for (const above of linesAbove(text, lineStart)) {
      start = above.start;
      if (beginsItem(above.line) || /^[^\s-]/.test(above.line)) break;
    }
  }
  let end = nextLine(text, start);
  while (end < text.length) {
    const line = lineAt(text, end);
    if (line.trim() !== '' && indentOf(line) <= column) break;
    end = nextLine(text, end);
  }
  return { start, end };
}

/** Returns the indentation of the list items around a line, which is that of the first item. */
function itemColumn(text: string, lineStart: number): number {
  let column = indentOf(lineAt(text, lineStart));
  for (const { line } of linesAbove(text, lineStart)) {
    if (/^[^\s-]/.test(line) && !line.startsWith('#')) break;
    if (/^ *-(\s|$)/.test(line)) column = Math.min(column, indentOf(line));
  }
  return column;
}

/** Returns the keys of a subtask, or of the plan itself, judged by the lines. */
export function keysIn(text: string, { start, end }: Range): ReadonlySet<string> {
  const written = text.slice(start, end);
  const flow = /^\s*- *\{(.*)/.exec(written)?.[1];
  if (flow !== undefined)
    return new Set(Array.from(flow.matchAll(/(?:^|,)\s*([\w-]+)\s*:/g), match => match[1]!));
  const found = written.split('\n').flatMap(line => {
    const match = KEY_LINE.exec(line);
    return match === null ? [] : [{ column: match[1]!.length, key: match[2]! }];
  });
  const least = Math.min(...found.map(({ column }) => column));
  return new Set(found.filter(({ column }) => column === least).map(({ key }) => key));
}

function* linesAbove(
  text: string,
  lineStart: number,
): Generator<{ readonly line: string; readonly start: number }> {
  for (let end = lineStart - 1; end >= 0;) {
    const start = text.lastIndexOf('\n', end - 1) + 1;
    yield { line: text.slice(start, end).replace(/\r$/, ''), start };
    end = start - 1;
  }
}

const indentOf = (line: string): number => /^ */.exec(line)![0].length;

function lineAt(text: string, lineStart: number): string {
  const end = text.indexOf('\n', lineStart);
  return text.slice(lineStart, end === -1 ? text.length : end).replace(/\r$/, '');
}

function nextLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}

/** The length of the longest word that is examined. */
const MAX_WORD = 256;

function wordAt(text: string, offset: number, line: string): Range {
  const begun = /[\w-]*$/.exec(line.slice(-MAX_WORD))![0].length;
  const rest = /^[\w-]*/.exec(text.slice(offset, offset + MAX_WORD))![0].length;
  return { start: offset - begun, end: offset + rest };
}
