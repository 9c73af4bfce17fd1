import { isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import * as v from 'valibot';
import { nearestName } from '../domain/model/did-you-mean.ts';
import { Diagnostics, type Range } from './diagnostics.ts';
import type { WrittenKey } from '../subtask/table.ts';
import { suggestionFor } from './foreign-keys.ts';
import { isText } from './plan-keys.ts';
import { MAX_PLAN_CHARS } from './plan-limits.ts';
import { scalarOffsets } from './scalar-map.ts';
import { parseYaml, type YamlSource } from './yaml-source.ts';

/** A text value of a plan, with its range. */
export interface Written {
  readonly value: string;
  readonly range: Range;
  /** Returns the offset in the file's text of each character of the value, and of its end. */
  offsets(text: string): readonly number[];
}

/** A key of a mapping, and its value. */
export interface Entry {
  readonly key: string;
  readonly keyRange: Range;
  readonly node: Node | null;
  /** The range of the value, or of the key if there is no value. */
  readonly range: Range;
}

/** The YAML of a plan, node by node. A node of the wrong kind becomes a diagnostic. */
export class PlanText {
  readonly text: string;
  readonly diagnostics = new Diagnostics();
  readonly #yaml: YamlSource | null;

  /** @param parse reads the text; an editor passes an incremental parser */
  constructor(text: string, parse: (text: string) => YamlSource = parseYaml) {
    this.text = text;
    this.#yaml = this.#isLarge() ? null : parse(text);
    for (const { message, range } of this.#yaml?.faults ?? []) this.diagnostics.error('yaml', message, range);
  }

  /** The root, or null for an empty text. */
  get root(): Node | null {
    return this.#yaml?.root ?? null;
  }

  /** Returns the keys of a mapping, each once. Null, with a diagnostic, for another node. */
  entriesOf(node: Node | null, what: string, range: Range): readonly Entry[] | null {
    const map = this.#resolved(node);
    if (!isMap(map)) {
      this.diagnostics.error('invalid-value', `${what} must be a mapping: key: value, a line each`, range);
      return null;
    }
    return map.items.flatMap(pair => this.#entry(pair) ?? []);
  }

  /** Returns true for a mapping. */
  isMapping(node: Node | null): boolean {
    return isMap(this.#resolved(node));
  }

  /** Returns true if nothing is written, or `null`. */
  isEmpty(node: Node | null): boolean {
    const scalar = this.#resolved(node);
    return scalar === null || (isScalar(scalar) && scalar.value === null);
  }

  /** Returns the items of a list. Null, with a diagnostic, for another node. */
  itemsOf({ key, node, range }: Entry): readonly Node[] | null {
    const list = this.#resolved(node);
    if (isSeq(list)) return list.items as Node[];
    this.diagnostics.error('invalid-value', `${key} must be a list: a line each that begins with -`, range);
    return null;
  }

  /** Returns the items of a list, or a single value as a list of one. */
  itemsOrOne(entry: Entry): readonly Node[] {
    const list = this.#resolved(entry.node);
    if (isSeq(list)) return list.items as Node[];
    return entry.node === null ? [] : [entry.node];
  }

  /** Returns a text, which needs no quotes whatever it looks like. Null, with a diagnostic, for another node. */
  textOf(node: Node | null, what: string, range: Range): Written | null {
    const scalar = this.#resolved(node);
    if (!isScalar(scalar)) {
      this.diagnostics.error('invalid-value', `${what} must be text`, range);
      return null;
    }
    // A number, or a word like `on`, keeps its written form, so that 3.10 stays 3.10.
    const value = typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? '');
    const place = this.rangeOf(scalar);
    const { type } = scalar;
    return {
      value,
      range: place,
      offsets: text => scalarOffsets(text, { type: type, value }, [place.start, place.end]),
    };
  }

  /** Returns the value of a key, checked by its schema. Undefined, with a diagnostic, if it is invalid. */
  valueOf(entry: Entry, row: WrittenKey, fill: (text: string) => string = text => text): unknown {
    const { key, node, range } = entry;
    const text = isText(row) ? this.textOf(node, key, range)?.value : undefined;
    const value = isText(row) ? text && fill(text) : this.#scalarOf(entry);
    return value === undefined
      ? undefined
      : this.checked(key, value, row.written ?? row.schema, range, row.choices);
  }

  /** Checks a value. @returns the value; undefined, with a diagnostic, if the schema refuses it */
  checked(
    key: string,
    value: unknown,
    schema: v.GenericSchema,
    range: Range,
    choices: readonly string[] = [],
  ): unknown {
    const result = v.safeParse(schema, value, { abortEarly: true });
    if (result.success) return value;
    const near = nearestName(String(value), choices);
    const fixes = near === undefined ? [] : [{ title: `Change to '${near}'`, range, text: near }];
    this.diagnostics.error('invalid-value', `${key} ${result.issues[0].message}`, range, fixes);
    return undefined;
  }

  /** Reports unknown keys, each with the known one that it probably means. */
  refuseUnknown(entries: readonly Entry[], known: readonly string[], of: string): void {
    for (const { key, keyRange: range } of entries) {
      if (known.includes(key)) continue;
      const { text, instead } = suggestionFor(key, known);
      const message = `unknown key '${key}'${text}; ${of} has ${known.join(', ')}`;
      const fixes = instead === undefined ? [] : [{ title: `Change to '${instead}'`, range, text: instead }];
      this.diagnostics.error('unknown-key', message, range, fixes);
    }
  }

  #scalarOf({ key, node, range }: Entry): string | number | boolean | undefined {
    const scalar = this.#resolved(node);
    const value: unknown = isScalar(scalar) ? scalar.value : undefined;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    this.diagnostics.error('invalid-value', `${key} must be one value`, range);
    return undefined;
  }

  rangeOf(node: Node | null): Range {
    const [start, end] = node?.range ?? [0, 0];
    return { start, end };
  }

  #entry({ key, value }: Pair): Entry | null {
    const keyNode = this.#resolved(key as Node | null);
    if (!isScalar(keyNode)) {
      this.diagnostics.error('invalid-value', 'a key must be text', this.rangeOf(key as Node | null));
      return null;
    }
    const node = value as Node | null;
    const keyRange = this.rangeOf(keyNode);
    const range = this.rangeOf(node);
    return {
      key: String(keyNode.value),
      keyRange,
      node,
      range: node === null || range.end <= range.start ? keyRange : range,
    };
  }

  #resolved(node: Node | null): Node | null {
    return this.#yaml === null ? node : this.#yaml.resolve(node);
  }

  #isLarge(): boolean {
    if (this.text.length <= MAX_PLAN_CHARS) return false;
    const whole = { start: 0, end: this.text.length };
    this.diagnostics.error('too-large', `a plan has at most ${MAX_PLAN_CHARS} characters`, whole);
    return true;
  }
}
