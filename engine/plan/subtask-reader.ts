import type { Node } from 'yaml';
import { MAX_SUBTASKS, subtaskSchema } from '../contract/commands.ts';
import { didYouMean, nearestName } from '../fleet/names.ts';
import type { Range } from './diagnostics.ts';
import {
  combinations,
  filledCommand,
  filledIn,
  isPlainWord,
  MATRIX_NAME,
  placeholders,
  quotedPlaceholders,
  type Combination,
} from './matrix.ts';
import { isText, SUBTASK_KEY_NAMES, SUBTASK_KEYS, subtaskSchemaOf } from './plan-keys.ts';
import type { Entry, PlanText, Written } from './plan-text.ts';

/** A subtask as it is written once. */
export interface WrittenSubtask {
  /** The whole of it in the text. */
  readonly range: Range;
  /** Its name as it is written, placeholders and all. */
  readonly name: Written | null;
  /** Where each of its keys has its value. */
  readonly ranges: ReadonlyMap<string, Range>;
  /** The names and patterns of what it depends on, as they are written. */
  readonly depends: readonly Written[];
  /** The values of each key of its matrix; null where that is not to be used. */
  readonly matrix: Matrix | null;
  /** The indices of the subtasks that its matrix makes of it, ascending. */
  readonly indices: number[];
}

/** A subtask with what its matrix has filled in, but for what it depends on. */
export interface Draft {
  readonly index: number;
  readonly written: WrittenSubtask;
  /** As the body of a fan-out has it. */
  readonly body: Record<string, unknown>;
  readonly depends: readonly { readonly text: string; readonly range: Range }[];
}

export type Matrix = ReadonlyMap<string, readonly string[]>;
type Keys = ReadonlyMap<string, Entry>;

/** Reads the subtasks of a plan, each filled in for every combination of its matrix. */
export class SubtaskReader {
  readonly #plan: PlanText;
  readonly written: WrittenSubtask[] = [];
  readonly drafts: Draft[] = [];

  constructor(plan: PlanText) {
    this.#plan = plan;
  }

  /** Reads the list that stands behind `subtasks`. */
  read(list: Entry): void {
    const items = this.#plan.itemsOf(list);
    if (items?.length === 0) {
      const message = 'subtasks must not be empty: a fan-out has at least one';
      this.#plan.diagnostics.error('missing-key', message, list.keyRange);
    }
    for (const item of items ?? []) this.#subtask(item);
  }

  #subtask(item: Node): void {
    const range = this.#plan.rangeOf(item);
    const entries = this.#plan.entriesOf(item, 'a subtask', range);
    if (entries === null) return;
    this.#plan.refuseUnknown(entries, SUBTASK_KEY_NAMES, 'a subtask');
    const keys: Keys = new Map(entries.map(entry => [entry.key, entry]));
    const name = keys.get('name');
    const matrix = this.#matrix(keys.get('matrix'));
    const written: WrittenSubtask = {
      range,
      name: name === undefined ? null : this.#plan.textOf(name.node, 'name', name.range),
      ranges: new Map(entries.map(({ key, range: place }) => [key, place])),
      depends: this.#depends(keys.get('depends')),
      matrix,
      indices: [],
    };
    this.written.push(written);
    this.#goal(written, keys);
    if (matrix === null) return;
    for (const entry of entries) if (entry.key !== 'matrix') this.#placeholders(entry, matrix);
    for (const combination of combinations(matrix)) this.#fillIn(written, keys, combination);
  }

  #goal({ range }: WrittenSubtask, keys: Keys): void {
    const { diagnostics } = this.#plan;
    if (!['goal', 'prompt', 'name'].some(key => keys.has(key))) {
      const message = 'goal is missing: a subtask has a goal, a prompt or a name';
      diagnostics.error('missing-key', message, { start: range.start, end: range.start + 1 });
    }
    const prompt = keys.get('prompt');
    if (prompt === undefined || !keys.has('goal')) return;
    const message = 'prompt is not used: this subtask has a goal, which is what it is told';
    diagnostics.warning('unused', message, prompt.keyRange);
  }

  #fillIn(written: WrittenSubtask, keys: Keys, combination: Combination): void {
    const index = this.drafts.length;
    const body: Record<string, unknown> = {};
    for (const [key, bodyKey] of Object.entries(SUBTASK_KEYS)) {
      const value = this.#filled(keys.get(key), combination);
      if (value !== undefined) body[bodyKey] = value;
    }
    // Looked at also where it is not used: what is written there is to be sound.
    const prompt = this.#filled(keys.get('prompt'), combination);
    body['goal'] ??= prompt ?? body['name'];
    written.indices.push(index);
    const depends = written.depends.map(({ value, range }) => ({
      text: filledIn(value, combination),
      range,
    }));
    this.drafts.push({ index, written, body, depends });
  }

  #filled(entry: Entry | undefined, combination: Combination): unknown {
    if (entry === undefined) return undefined;
    const { key, range } = entry;
    const isPrompt = key === 'prompt';
    const schema = isPrompt ? subtaskSchema.entries.goal : subtaskSchemaOf(key);
    if (!isPrompt && !isText(key)) return this.#plan.valueOf(entry, schema);
    const text = this.#plan.textOf(entry.node, key, range)?.value;
    if (text === undefined) return undefined;
    const fill = key === 'run' ? filledCommand : filledIn;
    return this.#plan.checked(key, fill(text, combination), schema, range);
  }

  #depends(entry: Entry | undefined): readonly Written[] {
    if (entry === undefined) return [];
    return this.#plan
      .itemsOrOne(entry)
      .flatMap(item => this.#plan.textOf(item, 'depends', this.#plan.rangeOf(item)) ?? []);
  }

  // --- the matrix ---------------------------------------------------------------------------------------------

  /** The values of each key, none without a matrix; null, with a diagnostic, where it is not to be used. */
  #matrix(entry: Entry | undefined): Matrix | null {
    const matrix = new Map<string, readonly string[]>();
    const keys = entry === undefined ? [] : this.#plan.entriesOf(entry.node, 'matrix', entry.range);
    if (keys === null) return null;
    let count = 1;
    for (const key of keys) {
      const values = this.#values(key);
      if (values === null) return null;
      matrix.set(key.key, values);
      count *= values.length;
    }
    if (this.drafts.length + count <= MAX_SUBTASKS) return matrix;
    const range = entry?.range ?? { start: 0, end: 1 };
    this.#plan.diagnostics.error('too-large', `more than ${MAX_SUBTASKS} subtasks`, range);
    return null;
  }

  #values(key: Entry): readonly string[] | null {
    const { diagnostics } = this.#plan;
    if (!MATRIX_NAME.test(key.key)) {
      const message = `'${key.key}' can't be a key of a matrix: letters, digits, _ and -`;
      diagnostics.error('matrix', message, key.keyRange);
      return null;
    }
    const items = this.#plan.itemsOf(key);
    if (items?.length === 0)
      diagnostics.error('matrix', `${key.key} has no values, so that nothing would run`, key.range);
    const values = items?.map(item =>
      this.#plan.textOf(item, `a value of ${key.key}`, this.#plan.rangeOf(item)),
    );
    if (values === undefined || values.length === 0) return null;
    return values.every(value => value !== null && this.#isFit(value))
      ? values.map(value => value?.value ?? '')
      : null;
  }

  /** A line break ends a comment of a command line, and what is behind it would be run. */
  #isFit({ value, range }: Written): boolean {
    if (!/\p{Cc}/u.test(value)) return true;
    const message = 'a value of a matrix must have no line break or other control character';
    this.#plan.diagnostics.error('matrix', message, range);
    return false;
  }

  /** Says which placeholders would stay, or would not be safe in their command line. */
  #placeholders(entry: Entry, matrix: Matrix): void {
    for (const node of this.#plan.itemsOrOne(entry)) {
      const { start, end } = this.#plan.rangeOf(node);
      // Few have any; the others need not be looked at character by character.
      if (!this.#plan.text.slice(start, end).includes('${{')) continue;
      const written = this.#plan.textOf(node, entry.key, { start, end });
      if (written !== null) this.#placeholdersIn(entry.key, written, matrix);
    }
  }

  #placeholdersIn(key: string, written: Written, matrix: Matrix): void {
    const offsets = written.offsets();
    const placeOf = ({ start, end }: Range): Range => ({ start: offsets[start]!, end: offsets[end]! });
    for (const found of placeholders(written.value)) {
      if (found.key === null) {
        const message = 'a placeholder is written ${{ matrix.KEY }}';
        this.#plan.diagnostics.error('matrix', message, placeOf(found));
      } else if (!matrix.has(found.key)) {
        this.#unknownKey(found.key, placeOf(found), [...matrix.keys()]);
      }
    }
    if (key !== 'run') return;
    for (const found of quotedPlaceholders(written.value)) {
      const odd = matrix.get(found.key ?? '')?.find(value => !isPlainWord(value));
      if (odd !== undefined) this.#unsafe(odd, placeOf(found));
    }
  }

  #unsafe(value: string, range: Range): void {
    const message = [
      `'${value}' of its values is not safe here: it stands in quotes, or in a part of the command that is not looked into.`,
      'Take it out of the quotes: values are quoted by themselves',
    ].join(' ');
    this.#plan.diagnostics.error('matrix', message, range);
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
