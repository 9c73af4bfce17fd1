import { didYouMean, likeness, nearestName } from '../domain/model/did-you-mean.ts';
import type { Fix, Range } from './diagnostics.ts';
import { withoutDependency } from './list-edits.ts';
import { placeholders } from './matrix.ts';
import type { PlanText } from './plan-text.ts';
import type { Draft, ResultUse, WrittenSubtask } from './subtask-reader.ts';

/** The limit of all dependencies of a plan. A pattern in a matrix could make their number quadratic. */
const MAX_DEPENDENCIES = 1_000_000;

/** Turns the names and patterns of dependencies into indices, in the bodies of the subtasks. */
export function resolveDependencies(drafts: readonly Draft[], plan: PlanText): void {
  const names = new Names(drafts, plan);
  let count = 0;
  for (const draft of drafts) {
    if (draft.depends.length === 0) continue;
    const indices = new Set(draft.depends.flatMap(({ text, range }) => names.matching(text, range, draft)));
    count += indices.size;
    if (count > MAX_DEPENDENCIES) {
      const message = `more than ${MAX_DEPENDENCIES} dependencies in all`;
      return plan.diagnostics.error('too-large', message, draft.depends[0]!.range);
    }
    if (indices.size > 0) draft.body['depends_on'] = [...indices].sort((a, b) => a - b);
  }
  for (const draft of drafts) for (const use of draft.written.results) names.requireResult(use, draft);
}

/** The limit of comparisons of names with patterns: they take some tenths of a second. */
const MAX_COMPARED = 20_000_000;

/** The subtasks of a plan by their names. */
class Names {
  readonly #plan: PlanText;
  readonly #byName = new Map<string, number>();
  /** The matches of each pattern. A matrix may use the same pattern many times. */
  readonly #patterns = new Map<string, readonly number[]>();
  #compared = 0;

  constructor(drafts: readonly Draft[], plan: PlanText) {
    this.#plan = plan;
    const repeated: [name: string, written: WrittenSubtask, first: WrittenSubtask][] = [];
    for (const { index, body, written } of drafts) {
      const name = body['name'];
      // A name with a faulty placeholder already has a diagnostic.
      const isOpen = written.sources.size > 0;
      if (typeof name !== 'string' || (name.includes('${{') && !isOpen)) continue;
      if (isOpen && index === written.indices[0] && lacksKey(written))
        repeated.push([name, written, written]);
      const holder = this.#byName.get(name);
      if (holder === undefined) this.#byName.set(name, index);
      else repeated.push([name, written, drafts[holder]!.written]);
    }
    // Reported once all names are known, so that the suggested name is free.
    for (const each of repeated) if (!this.#plan.diagnostics.isFull) this.#repeated(...each);
  }

  /** Reports the use of a result of a subtask that does not exist, or that need not have ended. */
  requireResult({ subtask, key, range }: ResultUse, { body, written }: Draft): void {
    const index = this.#byName.get(subtask);
    const on = (body['depends_on'] ?? []) as readonly number[];
    if (index !== undefined && on.includes(index)) return;
    if (index !== undefined) {
      const message = `this subtask does not depend on '${subtask}', so that its results may not exist: add it to depends`;
      return this.#plan.diagnostics.error('results', message, range);
    }
    const names = [...this.#byName].filter(([, at]) => on.includes(at)).map(([name]) => name);
    const near = nearestName(subtask, names.length > 0 ? names : this.#byName.keys());
    const text = `\${{ subtasks.${near}.results.${key} }}`;
    const fixes = near === undefined ? [] : [{ title: `Change to '${near}'`, range, text }];
    const message = `no subtask has the name '${subtask}'${near === undefined ? '' : ` (did you mean '${near}'?)`}`;
    if (!written.depends.some(each => each.value === subtask))
      this.#plan.diagnostics.error('results', message, range, fixes);
  }

  /** Returns the subtasks that a name or pattern matches, for the subtask with this index. */
  matching(text: string, range: Range, { index, written }: Draft): readonly number[] {
    if (text.includes('*')) return this.#like(text, range, index, written);
    const found = this.#byName.get(text);
    if (found === undefined) this.#unknown(text, range, written);
    else if (found === index) {
      const fixes = [withoutDependency(this.#plan.text, written, range)];
      this.#plan.diagnostics.error('cycle', `'${text}' is the subtask itself`, range, fixes);
    }
    return found === undefined || found === index ? [] : [found];
  }

  #like(pattern: string, range: Range, index: number, written: WrittenSubtask): readonly number[] {
    const all = this.#patterns.get(pattern) ?? this.#compare(pattern);
    if (this.#compared > MAX_COMPARED) {
      this.#plan.diagnostics.error('too-large', 'too many patterns for this many names', range);
      return [];
    }
    const others = all.filter(at => at !== index);
    if (others.length === 0) {
      const fixes = [withoutDependency(this.#plan.text, written, range)];
      const message = `no other subtask has a name like '${pattern}'`;
      this.#plan.diagnostics.error('unknown-dependency', message, range, fixes);
    }
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

  #unknown(text: string, range: Range, written: WrittenSubtask): void {
    if (this.#plan.diagnostics.isFull) return;
    const near = nearestName(text, this.#byName.keys());
    const change = near === undefined ? [] : [{ title: `Change to '${near}'`, range, text: near }];
    const fixes = [...change, withoutDependency(this.#plan.text, written, range)];
    const message = `no subtask has the name '${text}'${didYouMean(text, this.#byName.keys())}`;
    this.#plan.diagnostics.error('unknown-dependency', message, range, fixes);
  }

  #repeated(name: string, written: WrittenSubtask, first: WrittenSubtask): void {
    const message =
      written === first
        ? `the name '${name}' is that of ${written.sources.size > 0 ? 'every subtask of its matrix' : `${written.indices.length} subtasks`}: add a placeholder of the matrix to it`
        : `the name '${name}' is that of another subtask as well`;
    const range = written.name?.range ?? written.range;
    this.#plan.diagnostics.error('duplicate-name', message, range, this.#otherName(name, written, first));
  }

  /** Suggests a free name, if it can be appended to the one in the text without changing its quotes. */
  #otherName(name: string, written: WrittenSubtask, first: WrittenSubtask): readonly Fix[] {
    const range = written.name?.range;
    if (range === undefined || this.#plan.text.slice(range.start, range.end) !== written.name?.value)
      return [];
    const ending = written === first ? this.#matrixEnding(written) : this.#freeEnding(name, written);
    if (ending === null) return [];
    const text = `${written.name.value}${ending}`;
    return [{ title: `Change to '${text}'`, range, text }];
  }

  #matrixEnding({ matrix, name, range }: WrittenSubtask): string | null {
    const there = placeholders(name?.value ?? '').map(({ key }) => key);
    const keys = [...(matrix?.keys() ?? [])].filter(key => !there.includes(key));
    // In a mapping on one line, YAML would read the braces of a placeholder as its own.
    if (keys.length === 0 || this.#plan.text[range.start] === '{') return null;
    return keys.map(key => `-\${{ matrix.${key} }}`).join('');
  }

  #freeEnding(name: string, { indices }: WrittenSubtask): string | null {
    if (indices.length > 1) return null;
    let number = 2;
    while (this.#byName.has(`${name}-${number}`)) number++;
    return `-${number}`;
  }
}

/** Returns true where the name of all subtasks of a matrix over results would be the same. */
function lacksKey({ name, matrix, sources }: WrittenSubtask): boolean {
  const keys = placeholders(name?.value ?? '').flatMap(({ key }) => key ?? []);
  // A name with an unknown key already has a diagnostic.
  return keys.every(key => matrix?.has(key)) && [...sources.keys()].some(each => !keys.includes(each));
}
