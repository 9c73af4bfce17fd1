import { MAX_SUBTASKS } from '../../subtask/subtask-ref.ts';
import { FleetError } from '../../errors.ts';
import { placeholders } from '../../plan/matrix.ts';
import type { PlannedSubtask } from '../../plan/plan.ts';
import { misplacedPlaceholders, type Misplaced, type Obstacle } from '../../plan/shell-places.ts';
import type { Host } from '../host.ts';
import { linesOf } from '../lines.ts';

/** The variable that gives a command its line. */
const ITEM = 'SPL_ITEM';
const PLACEHOLDER = `\${{ env.${ITEM} }}`;
const MAX_NAME_CHARS = 256;
/** The longest goal, which only people read. */
const MAX_GOAL_CHARS = 1_000;
/** The longest line: the system limits the length of a variable. */
const MAX_LINE_CHARS = 100_000;

/** The obstacles of a misplaced `{}`, with the way out. */
const MISPLACED: Readonly<Record<Obstacle, string>> = {
  'double quotes': 'in double quotes. Take it out of them: "a "{}" b"',
  'single quotes': "in single quotes. Take it out of them: 'a '{}' b'",
  backquotes: 'in backquotes. Write $(…) in their place',
  'an expansion': 'in an expansion. Give the value a name before: x={}',
  arithmetic: 'in arithmetic. Give the value a name before: x={}',
  'a here-document': 'in a here-document. Give the value a name before: x={}',
  'a backslash': 'behind a backslash. Take the backslash away',
  'a dollar': 'behind a dollar. Take the dollar away',
};

/**
 * Reads a subtask per line of a file that is not empty. The command gets the line as a variable, so that no line
 * becomes shell syntax.
 * @throws USAGE for a `{}` that cannot stand for a variable; INVALID_RECORD for a file without lines
 */
export async function readEach(
  host: Pick<Host, 'cwd' | 'env' | 'stdin'>,
  file: string,
  command: string,
): Promise<readonly PlannedSubtask[]> {
  const text = commandWithPlace(command);
  const run = commandOfItem(text);
  const subtasks: PlannedSubtask[] = [];
  const names = new Set<string>();
  for await (const { line } of linesOf(file, host, { what: 'items', maxChars: MAX_LINE_CHARS })) {
    const item = line.replace(/\r$/, '');
    if (item.trim() === '') continue;
    if (subtasks.length === MAX_SUBTASKS)
      throw new FleetError('TOO_LARGE', `more than ${MAX_SUBTASKS} lines`, {
        details: { limit: MAX_SUBTASKS },
      });
    const isName = item.length <= MAX_NAME_CHARS && !names.has(item);
    names.add(item);
    const goal = text.replaceAll('{}', () => item).slice(0, MAX_GOAL_CHARS);
    subtasks.push({ goal, run, env: { [ITEM]: item }, ...(isName && { name: item }) });
  }
  if (subtasks.length > 0) return subtasks;
  throw new FleetError(
    'INVALID_RECORD',
    file === '-' ? 'standard input has no lines' : `'${file}' has no lines`,
    {
      details: { file },
      hint: 'Each line becomes a subtask.',
    },
  );
}

/** Matches a quoted word in which nothing is replaced. */
const QUOTED = /'[^']*'|"[^"$`\\]*"/g;
/** Matches what makes a command more than one program with its words, or makes its end no place for a word. */
const NOT_SIMPLE = /[;&|<>()`#\n]|\\$/;

/** Returns a command that has `{}`: as its last word if it has none. @throws USAGE if that might not be a word of it */
export function commandWithPlace(command: string): string {
  if (command.includes('{}')) return command;
  const text = `${command.trim()} {}`;
  if (!NOT_SIMPLE.test(command.trim().replace(QUOTED, 'x')) && misplaced(text) === undefined) return text;
  throw new FleetError('USAGE', `the command has no {} for the line: ${command}`, {
    hint: 'Only the command of one program gets the line as its last word. Write {} where the line belongs.',
  });
}

/** Returns the command with a quoted variable for each `{}`. @throws USAGE for one where a variable is not one word */
export function commandOfItem(command: string): string {
  const marked = command.replaceAll('{}', () => PLACEHOLDER);
  const fault = misplaced(command);
  if (fault === undefined) return marked.replaceAll(PLACEHOLDER, () => `"$${ITEM}"`);
  const nth = placeholders(marked.slice(0, fault.start)).length;
  const position = fault.start - nth * (PLACEHOLDER.length - 2) + 1;
  throw new FleetError('USAGE', `{} at position ${position} is ${MISPLACED[fault.obstacle]}`, {
    details: { position, command },
    hint: 'A line is given to the command as a quoted variable, so that it is never run as shell text.',
  });
}

const misplaced = (command: string): Misplaced | undefined =>
  misplacedPlaceholders(command.replaceAll('{}', () => PLACEHOLDER))[0];
