import { didYouMean, nearestName } from '../fleet/names.ts';
import type { Diagnostics, Range } from './diagnostics.ts';
import type { Draft, WrittenSubtask } from './subtask-reader.ts';

/** All the dependencies of a plan, so that a pattern in a matrix can't make a square of it. */
const MAX_DEPENDENCIES = 1_000_000;

/** Turns the names and patterns that subtasks depend on into indices, in their bodies. */
export function resolveDependencies(drafts: readonly Draft[], diagnostics: Diagnostics): void {
  const names = new Names(drafts, diagnostics);
  let count = 0;
  for (const draft of drafts) {
    const indices = new Set(
      draft.depends.flatMap(({ text, range }) => names.matching(text, range, draft.index)),
    );
    count += indices.size;
    if (count > MAX_DEPENDENCIES) {
      const message = `more than ${MAX_DEPENDENCIES} dependencies in all`;
      return diagnostics.error('too-large', message, draft.depends[0]!.range);
    }
    if (indices.size > 0) draft.body['depends_on'] = [...indices].sort((a, b) => a - b);
  }
}

/** How many names may be held against patterns in all: some tenths of a second. */
const MAX_COMPARED = 20_000_000;

/** The subtasks of a plan by their names. */
class Names {
  readonly #diagnostics: Diagnostics;
  readonly #byName = new Map<string, number>();
  /** A matrix may ask for the same pattern many times. */
  readonly #patterns = new Map<string, readonly number[]>();
  #compared = 0;

  constructor(drafts: readonly Draft[], diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
    for (const { index, body, written } of drafts) {
      const name = body['name'];
      // What a faulty placeholder leaves of a name says nothing; it has been told of.
      if (typeof name !== 'string' || name.includes('${{')) continue;
      const holder = this.#byName.get(name);
      if (holder === undefined) this.#byName.set(name, index);
      else this.#repeated(name, written, drafts[holder]!.written);
    }
  }

  /** The subtasks that a name or a pattern means for the one with this index. */
  matching(text: string, range: Range, index: number): readonly number[] {
    if (text.includes('*')) return this.#like(text, range, index);
    const found = this.#byName.get(text);
    if (found === undefined) this.#unknown(text, range);
    else if (found === index) this.#diagnostics.error('cycle', `'${text}' is the subtask itself`, range);
    return found === undefined || found === index ? [] : [found];
  }

  #like(pattern: string, range: Range, index: number): readonly number[] {
    const all = this.#patterns.get(pattern) ?? this.#compare(pattern);
    if (this.#compared > MAX_COMPARED) {
      this.#diagnostics.error('too-large', 'there are too many patterns for so many names', range);
      return [];
    }
    const others = all.filter(at => at !== index);
    if (others.length === 0)
      this.#diagnostics.error('unknown-dependency', `no other subtask has a name like '${pattern}'`, range);
    return others;
  }

  #compare(pattern: string): readonly number[] {
    this.#compared += this.#byName.size;
    if (this.#compared > MAX_COMPARED) return [];
    const isMeant = likeness(pattern);
    const all = [...this.#byName].filter(([name]) => isMeant(name)).map(([, at]) => at);
    this.#patterns.set(pattern, all);
    return all;
  }

  #unknown(text: string, range: Range): void {
    if (this.#diagnostics.isFull) return;
    const near = nearestName(text, this.#byName.keys());
    const fixes = near === undefined ? [] : [{ title: `Change to '${near}'`, range, text: near }];
    const message = `no subtask has the name '${text}'${didYouMean(text, this.#byName.keys())}`;
    this.#diagnostics.error('unknown-dependency', message, range, fixes);
  }

  #repeated(name: string, written: WrittenSubtask, first: WrittenSubtask): void {
    const message =
      written === first
        ? `the name '${name}' is that of ${written.indices.length} subtasks: it says nothing of the matrix`
        : `the name '${name}' is that of another subtask as well`;
    this.#diagnostics.error('duplicate-name', message, written.name?.range ?? written.range);
  }
}

/** Tells whether a name is like `test-*`, where each star stands for any characters, or none. Linear in both. */
export function likeness(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*');
  const [first, last] = [parts[0]!, parts.at(-1)!];
  const between = parts.slice(1, -1);
  return name => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
      return false;
    let at = first.length;
    for (const part of between) {
      const found = name.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return at <= name.length - last.length;
  };
}
