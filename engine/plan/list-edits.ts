import type { Fix, Range } from './diagnostics.ts';
import type { WrittenSubtask } from './subtask-reader.ts';

/** Removes one name from the dependencies of a subtask, in any form of the list. */
export function withoutDependency(
  text: string,
  { ranges, depends }: Pick<WrittenSubtask, 'ranges' | 'depends'>,
  item: Range,
): Fix {
  const title = `Remove the dependency on '${text.slice(item.start, item.end)}'`;
  const at = depends.findIndex(({ range }) => range.start === item.start);
  const list = ranges.get('depends') ?? item;
  const [before, after] = [depends[at - 1]?.range, depends[at + 1]?.range];
  if (before === undefined && after === undefined)
    return { title, range: { start: list.start, end: Math.max(item.end, flowEnd(text, list)) }, text: '[]' };
  if (text[list.start] !== '[') return { title, range: lineOf(text, item), text: '' };
  const range =
    after === undefined ? { start: before!.end, end: item.end } : { start: item.start, end: after.start };
  return { title, range, text: '' };
}

/** Returns the end of a list: the bracket of a list on one line, otherwise the end of the last item. */
const flowEnd = (text: string, { start, end }: Range): number => (text[start] === '[' ? end : 0);

/** Returns the range of all lines of a list item. */
function lineOf(text: string, { start, end }: Range): Range {
  const next = text.indexOf('\n', end);
  return { start: text.lastIndexOf('\n', start - 1) + 1, end: next === -1 ? text.length : next + 1 };
}
