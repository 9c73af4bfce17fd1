import { oneLine, printable } from '../../contract/format.ts';
import type { ChildDocument } from '../../contract/documents.ts';
import type { Colours } from '../render/colours.ts';

/** The width of the longest name that is shown before a line. */
const MAX_WIDTH = 24;
/** The colours of names, in turn. Red stands for a failure. */
const COLOURS = ['cyan', 'magenta', 'yellow', 'blue', 'green'] as const;

type Named = Pick<ChildDocument, 'index' | 'name' | 'goal'>;

/** Returns the name of a subtask for people: its own, else its goal. */
export const labelOf = ({ name, goal }: Pick<Named, 'name' | 'goal'>): string => oneLine(name ?? goal, 60);

/** Returns the text before each line of a subtask's output: its name, coloured and aligned. */
export function prefixes(all: readonly Named[], colours: Colours): (child: Named) => string {
  const short = (child: Named): string => oneLine(printable(child.name ?? child.goal), MAX_WIDTH);
  const width = Math.max(0, ...all.map(child => short(child).length));
  return child => {
    const paint = colours[COLOURS[child.index % COLOURS.length]!];
    return `${paint(short(child).padEnd(width))} ${colours.dim('│')} `;
  };
}
