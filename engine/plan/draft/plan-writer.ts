/** A value of a plan, before it is written as YAML. */
export type PlanValue =
  string | number | readonly string[] | Readonly<Record<string, string | readonly string[]>>;
export type PlanEntries = readonly (readonly [key: string, value: PlanValue])[];

/** A plan that is to be written: comments, keys and subtasks, in order. */
export interface PlanSketch {
  readonly head: readonly string[];
  readonly entries: PlanEntries;
  readonly subtasks: readonly PlanEntries[];
  /** The keys after the subtasks. */
  readonly ending?: PlanEntries;
  /** Lines at the end. */
  readonly tail?: readonly string[];
}

/** Writes a plan as YAML. */
export function writePlan({ head, entries, subtasks, ending = [], tail = [] }: PlanSketch): string {
  return [
    ...head.map(comment),
    ...entries.flatMap(entry => linesOf(entry, '')),
    '',
    ...(subtasks.length === 0 ? ['subtasks: []'] : ['subtasks:', ...subtasks.flatMap(subtaskLines)]),
    '',
    ...ending.flatMap(entry => linesOf(entry, '')),
    ...tail,
    '',
  ].join('\n');
}

/** Returns a comment of one line, whatever is in the text. */
const comment = (text: string): string => `# ${text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')}`.trimEnd();

function subtaskLines(entries: PlanEntries): readonly string[] {
  const lines = entries.flatMap(entry => linesOf(entry, '    '));
  return [`  - ${lines[0]!.slice(4)}`, ...lines.slice(1)];
}

function linesOf([key, value]: readonly [string, PlanValue], indent: string): readonly string[] {
  if (typeof value === 'number') return [`${indent}${key}: ${value}`];
  if (typeof value !== 'string') return [`${indent}${key}: ${flow(value)}`];
  if (!isBlock(value)) return [`${indent}${key}: ${scalar(value)}`];
  return [`${indent}${key}: |-`, ...value.split('\n').map(line => (line === '' ? '' : `${indent}  ${line}`))];
}

function flow(value: Exclude<PlanValue, string | number>): string {
  if (Array.isArray(value)) return `[${(value as readonly string[]).map(flowScalar).join(', ')}]`;
  const members = Object.entries(value as Readonly<Record<string, string | readonly string[]>>);
  return `{ ${members.map(([key, each]) => `${flowScalar(key)}: ${typeof each === 'string' ? flowScalar(each) : flow(each)}`).join(', ')} }`;
}

/** True for several lines that a block text keeps as they are. */
const isBlock = (text: string): boolean =>
  /^\S[^]*\n[^]*\S$/.test(text) && !/[^\P{Cc}\n]|[\u2028\u2029\ufeff\p{Surrogate}]/u.test(text);

/** A word that YAML reads as another kind of value than text. */
const isSpecial = (text: string): boolean => /^(true|false|null|yes|no|on|off|~)$/i.test(text);

/** Returns a scalar of a block that is read as the same text. */
const scalar = (text: string): string =>
  /^[A-Za-z$./][A-Za-z0-9 _./$@+*=(){}|<>^~%,;:?-]*$/.test(text) &&
  !/:( |$)| $/.test(text) &&
  !isSpecial(text)
    ? text
    : quoted(text);

/** Returns a text in the quotes that need the fewest escapes. */
const quoted = (text: string): string =>
  /["\\]/.test(text) && !/[\p{Cc}'\u2028\u2029\ufeff\p{Surrogate}]/u.test(text)
    ? `'${text}'`
    : JSON.stringify(text);

const flowScalar = (text: string): string =>
  /^[A-Za-z][A-Za-z0-9_./*-]*$/.test(text) && !isSpecial(text) ? text : JSON.stringify(text);
