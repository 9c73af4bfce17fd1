import { oneLine, printable } from '../../contract/format.ts';
import type { ChildDocument } from '../../contract/documents.ts';
import type { Colours } from '../render/colours.ts';

/** The width of the longest name that is shown before a line. */
const MAX_WIDTH = 24;
/** The longest part of a name that is compared with others. */
const MAX_NAME = 250;
/** The colours of names, in turn. Red stands for a failure. */
const COLOURS = ['cyan', 'magenta', 'yellow', 'blue', 'green'] as const;

type Named = Pick<ChildDocument, 'index' | 'name' | 'goal'>;

/** Returns the name of a subtask for people: its own, else its goal. */
export const labelOf = ({ name, goal }: Pick<Named, 'name' | 'goal'>): string => oneLine(name ?? goal, 60);

/** Returns the text before each line of a subtask's output: its name, coloured and aligned. */
export function prefixes(all: readonly Named[], colours: Colours): (child: Named) => string {
  const names = shortened(all.map(({ name, goal }) => oneLine(printable(name ?? goal), MAX_NAME)));
  const short = new Map(all.map(({ index }, at) => [index, names[at]!]));
  const width = Math.max(0, ...new Set(names.map(({ length }) => length)));
  return ({ index, name, goal }) => {
    const paint = colours[COLOURS[index % COLOURS.length]!];
    const label = short.get(index) ?? oneLine(printable(name ?? goal), MAX_WIDTH);
    return `${paint(label.padEnd(width))} ${colours.dim('│')} `;
  };
}

/** Shortens names. Those that would look the same begin where they differ. */
function shortened(names: readonly string[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const name of new Set(names)) {
    const group = groups.get(oneLine(name, MAX_WIDTH));
    if (group === undefined) groups.set(oneLine(name, MAX_WIDTH), [name]);
    else group.push(name);
  }
  const starts = new Map([...groups].map(([short, group]) => [short, differenceOf(group)]));
  return names.map(name => {
    const short = oneLine(name, MAX_WIDTH);
    const start = starts.get(short)!;
    return start === 0 ? short : oneLine(`…${name.slice(start)}`, MAX_WIDTH);
  });
}

/** Returns the start of the word in which several names differ first; 0 for one name. */
function differenceOf([first = '', ...rest]: readonly string[]): number {
  if (rest.length === 0) return 0;
  let common = first.length;
  for (const name of rest) while (!name.startsWith(first.slice(0, common))) common -= 1;
  return first.slice(0, common).search(/[^\s/]*$/);
}
