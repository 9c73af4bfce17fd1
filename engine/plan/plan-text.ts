import {
  CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  parseDocument,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import * as v from 'valibot';
import { didYouMean, nearestName } from '../fleet/names.ts';
import { Diagnostics, type DiagnosticCode, type Range } from './diagnostics.ts';
import { choicesOf, isText } from './plan-keys.ts';
import { MAX_PLAN_CHARS } from './plan-limits.ts';
import { scalarOffsets } from './scalar-map.ts';

/** A plan needs four levels. */
const MAX_DEPTH = 50;

/** A text of a plan, with what is written for it. */
export interface Written {
  readonly value: string;
  readonly range: Range;
  /** Where each character of the value stands in the file, and its end. */
  offsets(): readonly number[];
}

/** A key of a mapping, and its value. */
export interface Entry {
  readonly key: string;
  readonly keyRange: Range;
  readonly node: Node | null;
  /** That of the value, or of the key where it has none. */
  readonly range: Range;
}

/** The YAML of a plan, node by node; what is not as asked for is told as a diagnostic. */
export class PlanText {
  readonly text: string;
  readonly diagnostics = new Diagnostics();
  readonly #document: Document.Parsed | null;

  constructor(text: string) {
    this.text = text;
    this.#document = this.#parse();
  }

  /** The root, or null where there is none to speak of. */
  get root(): Node | null {
    return this.#document?.contents ?? null;
  }

  /** The keys of a mapping by their names, each once. Null, with a diagnostic, for anything else. */
  entriesOf(node: Node | null, what: string, range: Range): readonly Entry[] | null {
    const map = this.#resolved(node);
    if (!isMap(map)) {
      this.diagnostics.error('invalid-value', `${what} must be a mapping: key: value, a line each`, range);
      return null;
    }
    return map.items.flatMap(pair => this.#entry(pair) ?? []);
  }

  /** The items of a list. Null, with a diagnostic, for anything else. */
  itemsOf({ key, node, range }: Entry): readonly Node[] | null {
    const list = this.#resolved(node);
    if (isSeq(list)) return list.items as Node[];
    this.diagnostics.error('invalid-value', `${key} must be a list: a line each that begins with -`, range);
    return null;
  }

  /** The items of a list, or the one value that stands in its place. */
  itemsOrOne(entry: Entry): readonly Node[] {
    const list = this.#resolved(entry.node);
    if (isSeq(list)) return list.items as Node[];
    return entry.node === null ? [] : [entry.node];
  }

  /** A text, which may be written without quotes whatever it looks like. Null, with a diagnostic, for anything else. */
  textOf(node: Node | null, what: string, range: Range): Written | null {
    const scalar = this.#resolved(node);
    if (!isScalar(scalar)) {
      this.diagnostics.error('invalid-value', `${what} must be text`, range);
      return null;
    }
    // A number or a word like `on` is taken as it is written, so that 3.10 stays 3.10.
    const value = typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? '');
    const place = this.rangeOf(scalar);
    const { type } = scalar;
    return {
      value,
      range: place,
      offsets: () => scalarOffsets(this.text, { type: type, value }, [place.start, place.end]),
    };
  }

  /** The value of a key, checked by the schema of its body. Undefined, with a diagnostic, where it is not to be used. */
  valueOf(entry: Entry, schema: v.GenericSchema): unknown {
    const { key, node, range } = entry;
    const value = isText(key) ? this.textOf(node, key, range)?.value : this.#scalarOf(entry);
    return value === undefined ? undefined : this.checked(key, value, schema, range);
  }

  /** @returns the value, or undefined, with a diagnostic, where the schema does not take it. */
  checked(key: string, value: unknown, schema: v.GenericSchema, range: Range): unknown {
    const result = v.safeParse(schema, value, { abortEarly: true });
    if (result.success) return value;
    const near = nearestName(String(value), choicesOf(key));
    const fixes = near === undefined ? [] : [{ title: `Change to '${near}'`, range, text: near }];
    this.diagnostics.error('invalid-value', `${key} ${result.issues[0].message}`, range, fixes);
    return undefined;
  }

  /** Says which keys are not known, with the nearest that is. */
  refuseUnknown(entries: readonly Entry[], known: readonly string[], of: string): void {
    for (const { key, keyRange: range } of entries) {
      if (known.includes(key)) continue;
      const near = nearestName(key, known);
      const message = `unknown key '${key}'${didYouMean(key, known)}; ${of} has ${known.join(', ')}`;
      const fixes = near === undefined ? [] : [{ title: `Change to '${near}'`, range, text: near }];
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
    return isAlias(node) && this.#document !== null ? (node.resolve(this.#document) ?? null) : node;
  }

  #parse(): Document.Parsed | null {
    const whole = { start: 0, end: this.text.length };
    if (this.text.length > MAX_PLAN_CHARS) {
      this.diagnostics.error('too-large', `a plan has at most ${MAX_PLAN_CHARS} characters`, whole);
      return null;
    }
    const deep = tooDeepAt(this.text);
    if (deep !== null) {
      this.diagnostics.error('yaml', `it is nested more than ${MAX_DEPTH} deep`, {
        start: deep,
        end: deep + 1,
      });
      return null;
    }
    const document = parseDocument(this.text, { prettyErrors: false, version: '1.2', merge: false });
    for (const { message, pos } of document.errors) this.#yamlError(message, pos);
    return document;
  }

  #yamlError(message: string, [start, end]: readonly [number, number]): void {
    const code: DiagnosticCode = 'yaml';
    const last = this.text.length;
    this.diagnostics.error(code, message, {
      start: Math.min(start, last),
      end: Math.min(Math.max(end, start + 1), last),
    });
  }
}

/**
 * Where a text is nested too deep, or null: the parser goes down into what is nested, and the stack has an end. Levels of a
 * block are told by their indentation, or, on one line, by the dashes and question marks that open them.
 */
function tooDeepAt(text: string): number | null {
  let at = 0;
  let flow = 0;
  let onLine = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const type = CST.tokenType(lexeme);
    if (type === 'newline') onLine = 0;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind') onLine += 1;
    else if (type === 'flow-seq-start' || type === 'flow-map-start') flow += 1;
    else if (type === 'flow-seq-end' || type === 'flow-map-end') flow -= 1;
    const isBlock = flow === 0 && type !== 'space';
    if (flow > MAX_DEPTH || (isBlock && onLine > MAX_DEPTH)) return at;
    // What is indented this far stands in this many blocks at most.
    if (type === 'space' && onLine === 0 && flow === 0 && lexeme.length > MAX_INDENT) return at;
    at += isMark(type) ? 0 : lexeme.length;
  }
  return null;
}

/** At most two columns a level are usual; texts in blocks are no tokens of their own. */
const MAX_INDENT = 200;

/** The lexer marks where documents and scalars begin with characters that are not in the text. */
const isMark = (type: CST.TokenType | null): boolean =>
  type === 'doc-mode' || type === 'flow-error-end' || type === 'scalar';
