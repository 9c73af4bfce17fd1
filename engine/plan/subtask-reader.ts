import { isDeepStrictEqual } from 'node:util';
import { isScalar, type Node } from 'yaml';
import { resultName, type ResultRef } from '../subtask/results.ts';
import { decodeAhead } from '../subtask/decode.ts';
import {
  combinations,
  MATRIX_NAME,
  variableOf,
  wholeResultRef,
  type Combination,
} from '../subtask/matrix.ts';
import { MAX_SUBTASKS } from '../subtask/subtask-ref.ts';
import { mostWith } from '../domain/model/matrices.ts';
import { didYouMean, nearestName } from '../domain/model/did-you-mean.ts';
import type { Range } from './diagnostics.ts';
import { readEnv, valuesOf } from './env-reader.ts';
import {
  commandWithVariables,
  filledIn,
  placeholders,
  variablesIn,
  type ParamValues,
  type Placeholder,
} from './matrix.ts';
import { requireParam } from './params.ts';
import type { WrittenKey } from '../subtask/table.ts';
import { isText, SUBTASK_KEY_NAMES, SUBTASK_KEYS } from './plan-keys.ts';
import type { Entry, PlanText, Written } from './plan-text.ts';
import { misplacedPlaceholders, type Misplaced, type Obstacle } from './shell-places.ts';

/** A subtask in the text, before its matrix expands it. */
export interface WrittenSubtask {
  /** Its range in the text. */
  readonly range: Range;
  /** Its name in the text, with placeholders. */
  readonly name: Written | null;
  /** The range of the value of each of its keys. */
  readonly ranges: ReadonlyMap<string, Range>;
  /** The names and patterns of its dependencies, as in the text. */
  readonly depends: readonly Written[];
  /** The results of other subtasks that its texts use. */
  readonly results: ResultUse[];
  /** The values of each key of its matrix; null for an invalid matrix. A key over a result has its own placeholder. */
  readonly matrix: Matrix | null;
  /** The keys of its matrix whose values are results, each with its reference. */
  readonly sources: Sources;
  /** The indices of the subtasks that the matrix makes, ascending. */
  readonly indices: number[];
}

/** A placeholder of a result, with its place. */
export interface ResultUse extends ResultRef {
  readonly range: Range;
}

/** A subtask after its matrix was expanded. */
export interface Draft {
  readonly index: number;
  readonly written: WrittenSubtask;
  /** The body, as in a fan-out. Its dependencies are added last. */
  readonly body: Record<string, unknown>;
  readonly depends: readonly { readonly text: string; readonly range: Range }[];
  readonly filled: Filled;
}

/** A subtask for one combination of its matrix, which readings of the same text share. */
interface Filled {
  readonly body: Readonly<Record<string, unknown>>;
  readonly depends: Draft['depends'];
  /** The decoded body, with the dependencies that it had then. */
  decoded?: { readonly input: unknown; readonly on: unknown };
}

/** The reading of an item of the list. */
interface ReadSubtask {
  readonly written: WrittenSubtask;
  readonly filled: readonly Filled[];
  /** The ranges in it, relative to `at`. They move with the text. */
  readonly ranges: ReadonlySet<{ start: number; end: number }>;
  at: number;
}

/** Readings without diagnostics, by the nodes of their text. */
export type ReadSubtasks = WeakMap<Node, ReadSubtask>;

/** Returns a draft for the engine's rules, decoded unless it has a fault. Folders are resolved when the plan runs. */
export function decodedDraft({ body, filled }: Draft): unknown {
  const on = body['depends_on'];
  if (filled.decoded === undefined || !isDeepStrictEqual(filled.decoded.on, on)) {
    const input = decodeAhead(body['dir'] === undefined ? body : { ...body, dir: '/' });
    filled.decoded = { input, on };
  }
  return filled.decoded.input;
}

/** True for a subtask that the join is about: all but the follow-ups. */
export const isMember = ({ body: { when = 'accepted' } }: Draft): boolean => when === 'accepted';

/** Returns the most members of the join: a matrix over a result makes any number of subtasks. */
export function mostMembersIn(drafts: readonly Draft[]): number {
  const members = drafts.filter(isMember);
  return mostWith(members.length, members.filter(({ written }) => written.sources.size > 0).length);
}

/** The obstacle of a misplaced placeholder, with the hint. */
const MISPLACED: Readonly<Record<Obstacle, string>> = {
  'double quotes': 'in double quotes. Take it out of them: "a "${{ matrix.x }}" b"',
  'single quotes': "in single quotes. Take it out of them: 'a '${{ matrix.x }}' b'",
  backquotes: 'in backquotes. Write $(…) in their place',
  'an expansion': 'in an expansion. Give the value a name before: x=${{ matrix.x }}',
  arithmetic: 'in arithmetic. Give the value a name before: x=${{ matrix.x }}',
  'a here-document': 'in a here-document. Give the value a name before: x=${{ matrix.x }}',
  'a backslash': 'behind a backslash. Take the backslash away',
  'a dollar': 'behind a dollar. Take the dollar away',
};

export type Matrix = ReadonlyMap<string, readonly string[]>;
type Sources = ReadonlyMap<string, ResultUse>;
type Keys = ReadonlyMap<string, Entry>;

/** The keys whose texts a matrix over results fills in. */
const FILLED_LATER: readonly string[] = ['name', 'goal', 'prompt', 'run', 'dir', 'env', 'inputs', 'outputs'];

const placeholderOf = (key: string): string => `\${{ matrix.${key} }}`;

/** The params of a plan, for its subtasks. */
interface Params {
  /** The declared names; some may have no value yet. */
  readonly names: readonly string[];
  readonly values: ParamValues;
}
const NO_PARAMS: Params = { names: [], values: new Map() };

/** Reads the subtasks of a plan, and fills each in for every combination of its matrix. */
export class SubtaskReader {
  readonly #plan: PlanText;
  readonly #params: Params;
  readonly #known: ReadSubtasks | undefined;
  readonly written: WrittenSubtask[] = [];
  readonly drafts: Draft[] = [];

  /** @param known earlier readings, whose ranges become invalid */
  constructor(plan: PlanText, params: Params = NO_PARAMS, known?: ReadSubtasks) {
    this.#plan = plan;
    this.#params = params;
    this.#known = known;
  }

  /** Reads the list `subtasks`. */
  read(list: Entry): void {
    const items = this.#plan.itemsOf(list);
    if (items?.length === 0) {
      const message = 'there are no subtasks yet: add one here, such as - run: npm test';
      this.#plan.diagnostics.error('missing-key', message, list.keyRange);
    }
    for (const item of items ?? []) {
      const read = this.#knownOf(item) ?? this.#readAnew(item);
      if (read !== null) this.#add(read);
    }
  }

  /** Returns the earlier reading of a node, moved to its place. */
  #knownOf(item: Node): ReadSubtask | undefined {
    const known = this.#known?.get(item);
    if (known === undefined || this.drafts.length + known.filled.length > MAX_SUBTASKS) return undefined;
    const by = this.#plan.rangeOf(item).start - known.at;
    known.at += by;
    if (by !== 0)
      for (const range of known.ranges) {
        range.start += by;
        range.end += by;
      }
    return known;
  }

  #readAnew(item: Node): ReadSubtask | null {
    const { diagnostics } = this.#plan;
    const before = diagnostics.reported;
    const read = this.#subtask(item);
    if (read !== null && diagnostics.reported === before) this.#known?.set(item, read);
    return read;
  }

  #add({ written: read, filled: all }: ReadSubtask): void {
    const written = { ...read, indices: [] as number[] };
    this.written.push(written);
    for (const filled of all) {
      const index = this.drafts.length;
      written.indices.push(index);
      this.drafts.push({ index, written, body: { ...filled.body }, depends: filled.depends, filled });
    }
  }

  #subtask(item: Node): ReadSubtask | null {
    const range = this.#plan.rangeOf(item);
    const entries = this.#plan.entriesOf(item, 'a subtask', range);
    if (entries === null) return null;
    this.#plan.refuseUnknown(entries, SUBTASK_KEY_NAMES, 'a subtask');
    const keys: Keys = new Map(entries.map(entry => [entry.key, entry]));
    const name = keys.get('name');
    const sources = new Map<string, ResultUse>();
    const matrix = this.#matrix(keys.get('matrix'), sources);
    const written: WrittenSubtask = {
      range,
      name: name === undefined ? null : this.#plan.textOf(name.node, 'name', name.range),
      ranges: new Map(entries.map(({ key, range: place }) => [key, place])),
      depends: this.#depends(keys.get('depends')),
      results: [...sources.values()],
      matrix,
      sources,
      indices: [],
    };
    this.#goal(written, keys);
    for (const entry of matrix === null ? [] : entries)
      if (entry.key !== 'matrix') this.#placeholders(entry, written);
    const all = matrix === null ? [] : combinations(matrix);
    const filled = all.map(combination => this.#fillIn(written, keys, combination));
    return { written, filled, ranges: rangesOf(written), at: range.start };
  }

  #goal({ range }: WrittenSubtask, keys: Keys): void {
    const { diagnostics } = this.#plan;
    if (!['goal', 'prompt', 'name'].some(key => keys.has(key))) {
      const message = 'goal is missing: a subtask has a goal, a prompt or a name';
      diagnostics.error('missing-key', message, { start: range.start, end: range.start + 1 });
    }
    const prompt = keys.get('prompt');
    if (prompt === undefined || !keys.has('goal')) return;
    const message = 'prompt is not used: the goal of this subtask takes precedence';
    diagnostics.warning('unused', message, prompt.keyRange);
  }

  #fillIn(written: WrittenSubtask, keys: Keys, combination: Combination): Filled {
    const body: Record<string, unknown> = {};
    for (const { key, field, kind } of SUBTASK_KEYS.values()) {
      if (field === null || kind === 'variables' || kind === 'names' || kind === 'values') continue;
      const value = this.#filled(keys.get(key), combination);
      if (value !== undefined) body[field] = value;
    }
    const env = {
      ...this.#env(keys.get('env'), combination),
      ...this.#valuesOf(keys.get('run'), withoutKeys(combination, written.sources)),
    };
    if (Object.keys(env).length > 0) body['env'] = env;
    // Checked even if it is not used, so that faults are reported.
    const prompt = this.#filled(keys.get('prompt'), combination);
    body['goal'] ??= prompt ?? body['name'];
    const sources = Array.from(written.sources, ([key, ref]) => [key, `\${{ subtasks.${resultName(ref)} }}`]);
    if (sources.length > 0) body['matrix'] = Object.fromEntries(sources);
    const depends = written.depends.map(({ value, range }) => ({
      text: this.#fill(value, combination),
      range,
    }));
    return { body, depends };
  }

  #filled(entry: Entry | undefined, combination: Combination): unknown {
    if (entry === undefined) return undefined;
    const { key, range } = entry;
    const row = SUBTASK_KEYS.get(key)!;
    if (row.kind === 'globs') return this.#globs(entry, row, combination);
    if (!isText(row)) return this.#plan.valueOf(entry, row);
    const text = this.#plan.textOf(entry.node, key, range)?.value;
    if (text === undefined) return undefined;
    const filled = key === 'run' ? commandWithVariables(text) : this.#fill(text, combination);
    return this.#plan.checked(key, filled, row.written ?? row.schema, range, row.choices);
  }

  #globs(entry: Entry, { key, schema }: WrittenKey, combination: Combination): unknown {
    const written = this.#plan
      .itemsOrOne(entry)
      .map(item => this.#plan.textOf(item, key, this.#plan.rangeOf(item)));
    if (written.includes(null)) return undefined;
    const globs = written.map(each => filledIn(each!.value, combination));
    return this.#plan.checked(key, globs, schema, entry.range);
  }

  #env(entry: Entry | undefined, combination: Combination): Readonly<Record<string, string>> {
    const variables = entry === undefined ? undefined : readEnv(this.#plan, entry);
    if (variables === undefined) return {};
    return valuesOf(this.#plan, variables, text => this.#fill(text, combination));
  }

  #fill(text: string, combination: Combination): string {
    return filledIn(text, combination, this.#params.values);
  }

  /** Returns the values of the matrix and the params that a command names. */
  #valuesOf(run: Entry | undefined, combination: Combination): Readonly<Record<string, string>> {
    const text = run === undefined ? undefined : this.#plan.textOf(run.node, 'run', run.range)?.value;
    return text === undefined ? {} : variablesIn(text, combination, this.#params.values);
  }

  #depends(entry: Entry | undefined): readonly Written[] {
    if (entry === undefined) return [];
    return this.#plan
      .itemsOrOne(entry)
      .flatMap(item => this.#plan.textOf(item, 'depends', this.#plan.rangeOf(item)) ?? []);
  }

  // --- the matrix ---------------------------------------------------------------------------------------------

  /**
   * Reads the values of each key; none without a matrix. Null, with a diagnostic, for an invalid matrix.
   * @param sources receives the keys whose values are results
   */
  #matrix(entry: Entry | undefined, sources: Map<string, ResultUse>): Matrix | null {
    const matrix = new Map<string, readonly string[]>();
    const whole = entry && this.#expression(entry);
    if (whole !== undefined) {
      const ref = whole && this.#source(whole);
      if (ref === null) return null;
      sources.set(ref.key, ref);
      return matrix.set(ref.key, [placeholderOf(ref.key)]);
    }
    const keys = entry === undefined ? [] : this.#plan.entriesOf(entry.node, 'matrix', entry.range);
    if (keys === null) return null;
    let count = 1;
    for (const key of keys) {
      const values = this.#values(key, sources);
      if (values === null) return null;
      const twin = [...matrix.keys()].find(other => variableOf(other) === variableOf(key.key));
      if (twin !== undefined) this.#twins(key, twin);
      matrix.set(key.key, values);
      count *= values.length;
    }
    if (this.drafts.length + count <= MAX_SUBTASKS) return matrix;
    const range = entry?.range ?? { start: 0, end: 1 };
    this.#plan.diagnostics.error('too-large', `more than ${MAX_SUBTASKS} subtasks`, range);
    return null;
  }

  /** Returns a value that is written as an expression; undefined for any other, null for one that is not readable. */
  #expression({ node, key, range }: Entry): Written | null | undefined {
    const { start, end } = range;
    if (!isScalar(node) || !this.#plan.text.slice(start, end).includes('${{')) return undefined;
    return this.#plan.textOf(node, key, range);
  }

  /** Reads the reference to the result that has the values of a key. Null, with a diagnostic, for another text. */
  #source({ value, range }: Written): ResultUse | null {
    const ref = wholeResultRef(value);
    if (ref !== null) return { ...ref, range };
    const message = 'the values of a result are written ${{ subtasks.NAME.results.KEY }}, and nothing else';
    this.#plan.diagnostics.error('matrix', message, range);
    return null;
  }

  #values(key: Entry, sources: Map<string, ResultUse>): readonly string[] | null {
    const { diagnostics } = this.#plan;
    if (!MATRIX_NAME.test(key.key)) {
      const message = `'${key.key}' can't be a key of a matrix: letters, digits, _ and -`;
      diagnostics.error('matrix', message, key.keyRange);
      return null;
    }
    const expression = this.#expression(key);
    if (expression !== undefined) {
      const ref = expression && this.#source(expression);
      if (ref === null) return null;
      sources.set(key.key, ref);
      return [placeholderOf(key.key)];
    }
    const items = this.#plan.itemsOf(key);
    if (items?.length === 0)
      diagnostics.error('matrix', `${key.key} has no values: nothing would run`, key.range);
    const values = items?.map(item =>
      this.#plan.textOf(item, `a value of ${key.key}`, this.#plan.rangeOf(item)),
    );
    if (values === undefined || values.length === 0) return null;
    return values.every(value => value !== null && this.#isFit(value))
      ? values.map(value => value?.value ?? '')
      : null;
  }

  /** Refuses control characters in a value of a matrix, because names and goals are shown on one line. */
  #isFit({ value, range }: Written): boolean {
    if (!/\p{Cc}/u.test(value)) return true;
    const message = 'a value of a matrix must have no line break or other control character';
    this.#plan.diagnostics.error('matrix', message, range);
    return false;
  }

  #twins({ key, keyRange }: Entry, twin: string): void {
    const message = `'${key}' and '${twin}' are one variable, ${variableOf(key)}, to a command: rename one of them`;
    this.#plan.diagnostics.error('matrix', message, keyRange);
  }

  /** Reports placeholders that are unknown, or are not separate words of their command line. */
  #placeholders(entry: Entry, subtask: WrittenSubtask): void {
    if (entry.key === 'env') {
      const variables = readEnv(this.#plan, entry)?.values() ?? [];
      for (const written of variables) this.#placeholdersIn('env', written, subtask);
      return;
    }
    for (const node of this.#plan.itemsOrOne(entry)) {
      const { start, end } = this.#plan.rangeOf(node);
      // Few texts have placeholders. The others need no scan by character.
      if (!this.#plan.text.slice(start, end).includes('${{')) continue;
      const written = this.#plan.textOf(node, entry.key, { start, end });
      if (written !== null) this.#placeholdersIn(entry.key, written, subtask);
    }
  }

  #placeholdersIn(key: string, written: Written, subtask: WrittenSubtask): void {
    const found = placeholders(written.value);
    if (found.length === 0) return;
    const offsets = written.offsets(this.#plan.text);
    const placeOf = ({ start, end }: Range): Range => ({ start: offsets[start]!, end: offsets[end]! });
    for (const each of found) {
      const range = placeOf(each);
      this.#placeholder(key, each, range, subtask);
      if (each.result !== null) subtask.results.push({ ...each.result, range });
    }
    if (key !== 'run') return;
    for (const each of misplacedPlaceholders(written.value)) this.#misplaced(each, written, placeOf(each));
  }

  #placeholder(key: string, placeholder: Placeholder, range: Range, subtask: WrittenSubtask): void {
    const { key: of, variable, param, result } = placeholder;
    requireParam(placeholder, this.#params.names, range, this.#plan.diagnostics);
    if (param !== null) return;
    const { sources, matrix } = subtask;
    if (of !== null && !matrix!.has(of)) this.#unknownKey(of, range, [...matrix!.keys()]);
    const source = of === null ? undefined : sources.get(of);
    if (source !== undefined && !FILLED_LATER.includes(key)) {
      const message = `\${{ matrix.${of} }} is known when '${source.subtask}' has ended, and only ${FILLED_LATER.slice(0, -1).join(', ')} and ${FILLED_LATER.at(-1)} can wait for that`;
      this.#plan.diagnostics.error('matrix', message, range);
    }
    const mayWait = key === 'run' || key === 'env';
    if (of !== null || (mayWait && (variable !== null || result !== null))) return;
    const what = result === null ? variable && `env.${variable}` : `subtasks.${resultName(result)}`;
    const message =
      what === null
        ? 'a placeholder is written ${{ matrix.KEY }}, ${{ params.NAME }}, ${{ env.NAME }} or ${{ subtasks.NAME.results.KEY }}'
        : `\${{ ${what} }} is read when an attempt begins, and only run and env can wait for that`;
    this.#plan.diagnostics.error('matrix', message, range);
  }

  /**
   * Refuses a placeholder that cannot be a word. In quotes, the fix closes the quotes before it and reopens them after
   * it.
   */
  #misplaced({ obstacle, start, end }: Misplaced, { value, range: whole }: Written, range: Range): void {
    const message = `a placeholder stands for a quoted variable, and can't stand ${MISPLACED[obstacle]}`;
    const quote = { 'double quotes': '"', 'single quotes': "'" }[obstacle as string];
    const text = value.slice(start, end);
    // In a quoted scalar, the quotes of the fix would end the scalar.
    const isPlain = !/["']/.test(this.#plan.text[whole.start] ?? '');
    const fixes =
      quote === undefined || !isPlain
        ? []
        : [{ title: 'Take it out of the quotes', range, text: `${quote}${text}${quote}` }];
    this.#plan.diagnostics.error('matrix', message, range, fixes);
  }

  #unknownKey(key: string, range: Range, known: readonly string[]): void {
    const near = nearestName(key, known);
    const has = known.length === 0 ? 'this subtask has no matrix' : `the matrix has ${known.join(', ')}`;
    const message = `no key '${key}'${didYouMean(key, known)}: ${has}`;
    const fixes =
      near === undefined ? [] : [{ title: `Change to '${near}'`, range, text: `\${{ matrix.${near} }}` }];
    this.#plan.diagnostics.error('matrix', message, range, fixes);
  }
}

/** Returns the values that are known when the plan is read. */
const withoutKeys = (combination: Combination, sources: Sources): Combination =>
  sources.size === 0 ? combination : new Map([...combination].filter(([key]) => !sources.has(key)));

function rangesOf({ range, name, ranges, depends, results }: WrittenSubtask): ReadonlySet<Range> {
  return new Set([
    range,
    ...(name === null ? [] : [name.range]),
    ...ranges.values(),
    ...depends.map(each => each.range),
    ...results.map(each => each.range),
  ]);
}
