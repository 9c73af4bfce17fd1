import { JOIN_NAMES } from '../../domain/join/cel.ts';
import type { Range } from '../diagnostics.ts';
import { matrixOf } from '../../subtask/matrix.ts';
import type { WrittenKey } from '../../subtask/table.ts';
import { PLAN_KEYS, SUBTASK_KEYS } from '../plan-keys.ts';
import { notInstalled, type PlanKnown, type PlanOutline } from '../plan.ts';
import type { WrittenSubtask } from '../subtask-reader.ts';
import { cursorAt, itemAround, keysIn, type Cursor } from './cursor.ts';
import { JOIN_TEXTS, LOSERS_TEXTS } from './key-texts.ts';
import { patternOf } from './patterns.ts';

/** A completion at a place in a plan. */
export interface Completion {
  readonly label: string;
  readonly kind: 'key' | 'value' | 'subtask' | 'variable' | 'field' | 'function' | 'worker';
  /** One or two words after the label. */
  readonly detail: string | null;
  /** Markdown. */
  readonly documentation: string | null;
  /** The text that replaces `range`. `$1` and `$2` are the positions of the cursor. */
  readonly insert: string;
  readonly range: Range;
}

/** The context of completion in addition to the text. */
export interface CompletionContext {
  readonly known: PlanKnown;
  /** The outline of the text, or of the last readable text. */
  readonly outline: PlanOutline | null;
}

/** Returns the completions at a place, the likeliest first. */
export function completionsAt(
  text: string,
  offset: number,
  context: CompletionContext,
): readonly Completion[] {
  const cursor = cursorAt(text, offset);
  if (cursor === null) return [];
  switch (cursor.part) {
    case 'key':
      return keys(text, offset, cursor);
    case 'placeholder':
      return placeholders(text, offset, cursor, context);
    case 'value':
      return values(text, offset, cursor, context);
  }
}

function item(
  cursor: Cursor,
  label: string,
  kind: Completion['kind'],
  rest: Partial<Omit<Completion, 'label' | 'kind'>> = {},
): Completion {
  return {
    label,
    kind,
    detail: null,
    documentation: null,
    insert: escaped(label),
    range: cursor.word,
    ...rest,
  };
}

/** Escapes a text for a snippet. */
const escaped = (text: string): string => text.replace(/[\\$}]/g, '\\$&');

// --- keys ---------------------------------------------------------------------------------------------------------

/** The initial text of a value that consists of several values. */
const BEGINNINGS: { readonly [K in WrittenKey['kind']]?: string } = {
  subtasks: '\n  - name: $1\n    run: $2',
  names: ' [$1]',
  globs: ' [$1]',
  values: ' { $1: [$2] }',
  variables: ' { $1: $2 }',
  params: '\n  $1: $2',
};

function keys(text: string, offset: number, cursor: Cursor): readonly Completion[] {
  const { inSubtask } = cursor;
  const rows = inSubtask ? SUBTASK_KEYS : PLAN_KEYS;
  const there = keysIn(text, inSubtask ? itemAround(text, offset) : { start: 0, end: text.length });
  return [...rows.values()]
    .filter(({ key }) => !there.has(key))
    .map(({ key, kind, help }) =>
      item(cursor, key, 'key', { documentation: help, insert: `${key}:${BEGINNINGS[kind] ?? ' $1'}` }),
    );
}

function placeholders(
  text: string,
  offset: number,
  cursor: Cursor,
  { outline }: CompletionContext,
): readonly Completion[] {
  const { start, end } = itemAround(text, offset);
  if (/\$\{\{\s*subtasks\./.test(cursor.before)) return [];
  const owner = /(matrix|params)\.[\w-]*$/.exec(cursor.before)?.[1];
  const space = cursor.before.endsWith(' ') ? '' : ' ';
  const closing = text.startsWith('}}', cursor.word.end) ? '' : '}}';
  const offered = (of: string, names: readonly string[]): readonly Completion[] =>
    owner !== undefined && owner !== of
      ? []
      : names.map(name =>
          item(cursor, `${of}.${name}`, 'variable', {
            insert: owner === of ? name : `${space}${of}.${name} ${closing}`,
          }),
        );
  return [
    ...(cursor.inSubtask && cursor.key !== 'matrix'
      ? offered('matrix', namesUnder('matrix', text.slice(start, end)))
      : []),
    ...(cursor.key === 'matrix' ? [] : offered('params', namesUnder('params', text))),
    ...(owner === undefined && WITH_RESULTS.includes(cursor.key) && outline !== null
      ? dependedOn(text.slice(start, end), outline).map(name =>
          item(cursor, `subtasks.${name}.results.`, 'variable', {
            insert: `${space}subtasks.${escaped(name)}.results.$1 ${closing}`,
          }),
        )
      : []),
  ];
}

/** The keys whose placeholders may be results. */
const WITH_RESULTS: readonly (string | undefined)[] = ['run', 'env', 'matrix'];

/** Returns the names of the subtasks that a subtask names in its dependencies. */
function dependedOn(written: string, { subtasks }: PlanOutline): readonly string[] {
  const own = ownName(written);
  const depends = subtasks.find(({ name }) => name?.value === own)?.depends ?? [];
  const names = new Set(subtasks.flatMap(({ name }) => name?.value ?? []));
  return depends.map(({ value }) => value).filter(value => names.has(value));
}

const ownName = (written: string): string | undefined => /^\s*(?:- +)?name:\s*(.+?)\s*$/m.exec(written)?.[1];

/** Returns the keys of a mapping, such as a subtask's matrix, judged by its lines. */
function namesUnder(owner: 'matrix' | 'params', written: string): readonly string[] {
  const dashes = owner === 'matrix' ? ' *(?:- +)?' : '';
  const result = new RegExp(`^${dashes}matrix:\\s*(\\$\\{\\{.*\\}\\})\\s*$`, 'm').exec(written)?.[1];
  if (owner === 'matrix' && result !== undefined) return Object.keys(matrixOf(result) ?? {});
  const flow = new RegExp(`^${dashes}${owner}:\\s*\\{(.*)$`, 'm').exec(written)?.[1];
  if (flow !== undefined)
    return Array.from(flow.matchAll(/(?:^|,)\s*([A-Za-z_][\w-]*)\s*:/g), match => match[1]!);
  const inLines = new RegExp(`^(${dashes})${owner}:[ ]*\\r?\\n((?: +.*\\r?\\n?)*)`, 'm');
  const [, lead, block] = inLines.exec(written) ?? [];
  const column = /^ */.exec(block ?? '')![0].length;
  if (block === undefined || column <= lead!.length) return [];
  const at = new RegExp(`^ {${column}}([A-Za-z_][\\w-]*)\\s*:`, 'gm');
  return Array.from(block.matchAll(at), match => match[1]!);
}

// --- values -------------------------------------------------------------------------------------------------------

const TARGETS = ['least-loaded-worker', 'round-robin'] as const;

function values(
  text: string,
  offset: number,
  cursor: Cursor,
  context: CompletionContext,
): readonly Completion[] {
  const { known } = context;
  const all = (
    names: readonly string[],
    texts: Readonly<Record<string, string>> = {},
  ): readonly Completion[] =>
    names.map(name =>
      item(cursor, name, 'value', {
        documentation: texts[name] ?? null,
        range: wholeValue(text, cursor, offset),
      }),
    );
  switch (cursor.key) {
    case 'executor':
      return (known.executors ?? ['echo', 'shell']).map(name =>
        item(cursor, name, 'value', {
          detail: missingText(known.missing?.[name]),
          range: wholeValue(text, cursor, offset),
        }),
      );
    case 'namespace':
      return all((known.namespaces ?? []).filter(({ status }) => status === 'active').map(({ id }) => id));
    case 'target': {
      const workers = (known.workers ?? []).map(({ alias, did }) =>
        item(cursor, alias, 'worker', { detail: did }),
      );
      return [...workers, ...all(TARGETS)];
    }
    case 'depends':
      return cursor.inSubtask ? dependencies(text, offset, cursor, context) : [];
    case 'join':
      return cursor.inSubtask ? [] : joins(cursor, context);
    case undefined:
      return [];
    default:
      return all(choicesOf(cursor.key), cursor.key === 'losers' ? LOSERS_TEXTS : {});
  }
}

/** Returns the allowed words of a key's value; none if any text is allowed. */
const choicesOf = (key: string): readonly string[] =>
  (SUBTASK_KEYS.get(key) ?? PLAN_KEYS.get(key))?.choices ?? [];

const missingText = (program: string | undefined): string | null =>
  program === undefined ? null : notInstalled(program);

/** Returns the range of a whole value. Names may contain slashes and colons, which end a word elsewhere. */
function wholeValue(text: string, { before, word }: Cursor, offset: number): Range {
  const begun = /[^\s,[\]{}"']*$/.exec(before)![0].length;
  const rest = /^[^\s,[\]{}"'#]*/.exec(text.slice(offset, offset + 256))![0].length;
  return { start: Math.min(offset - begun, word.start), end: Math.max(offset + rest, word.end) };
}

/** Returns the subtasks that this one may depend on: not itself, and none that depends on it. */
function dependencies(
  text: string,
  offset: number,
  cursor: Cursor,
  { outline }: CompletionContext,
): readonly Completion[] {
  if (outline === null) return [];
  const { start, end } = itemAround(text, offset);
  const written = text.slice(start, end);
  const own = ownName(written);
  const range = wholeValue(text, cursor, offset);
  const there = new Set(cursor.before.split(/[[\],\s]+/).slice(0, -1));
  const waiting = own === undefined ? new Set<WrittenSubtask>() : waitingFor(own, outline);
  return outline.subtasks.flatMap(subtask => {
    const name = subtask.name?.value;
    if (name === undefined || name === own || waiting.has(subtask)) return [];
    const label = patternOf(name);
    if (there.has(label)) return [];
    const count = subtask.indices.length;
    return [item(cursor, label, 'subtask', { detail: count > 1 ? `${count} subtasks` : null, range })];
  });
}

/** Returns the subtasks that wait for the one with this name, directly or indirectly. */
function waitingFor(name: string, { subtasks, drafts }: PlanOutline): ReadonlySet<WrittenSubtask> {
  const own = subtasks.find(subtask => subtask.name?.value === name);
  const reached = new Set<number>(own?.indices);
  for (let before = -1; before !== reached.size;) {
    before = reached.size;
    for (const { index, body } of drafts) {
      const on = (body['depends_on'] ?? []) as readonly number[];
      if (on.some(each => reached.has(each))) reached.add(index);
    }
  }
  return new Set(subtasks.filter(({ indices }) => indices.some(index => reached.has(index))));
}

// --- the join -----------------------------------------------------------------------------------------------------

const LIST_MACROS = ['all', 'exists', 'exists_one', 'filter', 'map'] as const;

function joins(cursor: Cursor, { outline }: CompletionContext): readonly Completion[] {
  const { before } = cursor;
  const owner = /([A-Za-z_]\w*|\))\s*\.\s*\w*$/.exec(before)?.[1];
  if (owner === undefined) return names(cursor, outline?.drafts.length ?? 1);
  if (owner === 'parent') return fields(cursor, JOIN_NAMES.parent);
  if (owner === 'children' || owner === ')') return listMembers(cursor);
  return owner in JOIN_NAMES.variables ? [] : fields(cursor, JOIN_NAMES.child);
}

function names(cursor: Cursor, total: number): readonly Completion[] {
  const words = cursor.before.trim() === '' || /^["']?\w*$/.test(cursor.before.trim());
  const whole = words ? ['all', 'any', `k_of_n:${Math.min(2, Math.max(total, 1))}`] : [];
  const lambda = Array.from(cursor.before.matchAll(/\.\s*\w+\(\s*([A-Za-z_]\w*)\s*,/g), match => match[1]!);
  return [...new Set(lambda), ...whole, ...Object.keys(JOIN_NAMES.variables)].map(name => {
    const type = JOIN_NAMES.variables[name] ?? (lambda.includes(name) ? 'Child' : null);
    const isWhole = whole.includes(name);
    return item(cursor, name, isWhole ? 'value' : 'variable', {
      detail: type,
      documentation: isWhole ? null : (JOIN_TEXTS[name] ?? null),
    });
  });
}

function fields(cursor: Cursor, types: Readonly<Record<string, string>>): readonly Completion[] {
  return Object.entries(types).map(([name, type]) =>
    item(cursor, name, 'field', { detail: type, documentation: JOIN_TEXTS[name] ?? null }),
  );
}

function listMembers(cursor: Cursor): readonly Completion[] {
  const macros = LIST_MACROS.map(name =>
    item(cursor, name, 'function', { documentation: JOIN_TEXTS[name] ?? null, insert: `${name}(c, $1)` }),
  );
  return [
    ...macros,
    item(cursor, 'size', 'function', { documentation: JOIN_TEXTS['size'] ?? null, insert: 'size()' }),
  ];
}
