import { stringify } from 'yaml';
import type { Range } from '../diagnostics.ts';
import { FleetError } from '../../errors.ts';
import { combinations } from '../../subtask/matrix.ts';
import { filledIn, placeholders } from '../matrix.ts';
import type { PlanOutline } from '../plan.ts';
import type { Written } from '../plan-text.ts';
import type { WrittenSubtask } from '../subtask-reader.ts';
import { matcherOf, meantBy, nameAt } from './plan-document.ts';
import { patternOf } from './patterns.ts';

/** A part of a plan that an outline lists. */
export interface PlanSymbol {
  readonly name: string;
  readonly detail: string;
  readonly kind: 'goal' | 'subtask' | 'join';
  /** The whole range of the part, and the range to select. */
  readonly range: Range;
  readonly selection: Range;
}

export function symbolsOf({ goal, subtasks, join }: PlanOutline): readonly PlanSymbol[] {
  const top = (written: Written | null, kind: 'goal' | 'join'): PlanSymbol[] =>
    written === null || written.value.trim() === ''
      ? []
      : [{ name: written.value, detail: kind, kind, range: written.range, selection: written.range }];
  const all = [...top(goal, 'goal'), ...subtasks.map(subtaskSymbol), ...top(join, 'join')];
  return all.sort((a, b) => a.range.start - b.range.start);
}

function subtaskSymbol(subtask: WrittenSubtask, at: number): PlanSymbol {
  const { name, range, indices } = subtask;
  const first = { start: range.start, end: range.start + 1 };
  return {
    name: name === null || name.value.trim() === '' ? `subtask ${at}` : name.value,
    detail: indices.length > 1 ? `× ${indices.length}` : '',
    kind: 'subtask',
    range,
    selection: name?.range ?? first,
  };
}

/** Returns the ranges of the names of the subtasks at a place. */
export function definitionsAt(outline: PlanOutline, offset: number): readonly Range[] {
  return targetsAt(outline, offset).map(({ name, range }) => name?.range ?? range);
}

/** Returns the ranges of the name of the subtask at a place, and of its mentions in dependencies. */
export function referencesAt(outline: PlanOutline, offset: number): readonly Range[] {
  const targets = targetsAt(outline, offset);
  const names = targets.flatMap(({ name }) => name?.range ?? []);
  const uses = usesOf(outline, targets).map(({ written }) => written.range);
  return [...names, ...uses].sort((a, b) => a.start - b.start);
}

function targetsAt(outline: PlanOutline, offset: number): readonly WrittenSubtask[] {
  const place = nameAt(outline, offset);
  if (place === null) return [];
  return place.kind === 'name'
    ? [place.owner]
    : meantBy(outline, place.owner, place.written.value, outline.subtasks);
}

interface Use {
  readonly owner: WrittenSubtask;
  readonly written: Written;
}

function usesOf(outline: PlanOutline, targets: readonly WrittenSubtask[]): readonly Use[] {
  return outline.subtasks.flatMap(owner =>
    owner.depends
      .filter(({ value }) => meantBy(outline, owner, value, targets).length > 0)
      .map(written => ({ owner, written })),
  );
}

// --- renaming -----------------------------------------------------------------------------------------------------

export interface Edit {
  readonly range: Range;
  readonly text: string;
}

/** Returns the name that can be renamed at a place, or null. */
export function renamableAt(
  outline: PlanOutline,
  offset: number,
): { readonly range: Range; readonly name: string } | null {
  const place = nameAt(outline, offset);
  const [target, ...others] = targetsAt(outline, offset);
  if (place === null || target === undefined || target.name === null || others.length > 0) return null;
  return { range: place.written.range, name: target.name.value };
}

/**
 * Returns the edits that rename the subtask at a place, and its mentions in dependencies. A pattern that matches the new
 * name stays. Another pattern is replaced; if it also matches other subtasks, the new name is added beside it.
 * @throws INVALID_RECORD if the new name is invalid or taken
 */
export function renamed(text: string, outline: PlanOutline, offset: number, to: string): readonly Edit[] {
  const [target] = targetsAt(outline, offset);
  const old = target?.name;
  if (target === undefined || old == null || renamableAt(outline, offset) === null)
    throw new FleetError('INVALID_RECORD', 'this is not the name of a subtask');
  requireName(outline, target, old, to);
  const isFlow = text[target.range.start] === '{';
  const uses = usesOf(outline, [target]).flatMap(use => useRenamed(text, outline, target, use, to) ?? []);
  return [{ range: old.range, text: scalar(to, isFlow) }, ...uses];
}

function requireName({ subtasks }: PlanOutline, target: WrittenSubtask, old: Written, to: string): void {
  const why = whyNoName(to) ?? whyOtherPlaceholders(target, old.value, to);
  if (why !== null) throw new FleetError('INVALID_RECORD', why);
  if (subtasks.some(subtask => subtask !== target && subtask.name?.value === to))
    throw new FleetError('INVALID_RECORD', `the name '${to}' is that of another subtask`);
}

function whyNoName(to: string): string | null {
  if (to.trim() === '' || /\p{Cc}/u.test(to)) return 'a name is one line of text';
  return to.includes('*') ? "a name can't contain *: it would be a pattern in depends" : null;
}

function whyOtherPlaceholders({ indices }: WrittenSubtask, old: string, to: string): string | null {
  const keysOf = (name: string): string =>
    placeholders(name)
      .map(({ key }) => key)
      .sort()
      .join(' ');
  if (indices.length < 2 || keysOf(old) === keysOf(to)) return null;
  return 'keep the placeholders in the name: they tell the subtasks of the matrix apart';
}

function useRenamed(
  text: string,
  outline: PlanOutline,
  target: WrittenSubtask,
  { owner, written }: Use,
  to: string,
): Edit | null {
  const { value, range } = written;
  const olds = target.indices.map(index => String(outline.drafts[index]?.body['name']));
  const news = combinations(target.matrix ?? new Map()).map(combination => filledIn(to, combination));
  const form = formOf(text, owner, written);
  const change = (...names: readonly string[]): Edit => ({ range, text: form(names) });
  // Keeps the placeholders of a matrix that both sides have.
  if (value.includes('${{')) return change(value === target.name?.value ? to : patternOf(to));
  if (!value.includes('*')) return change(news[olds.indexOf(value)] ?? to);
  const isMeant = matcherOf(value);
  if (news.every(isMeant)) return null;
  const isAlone = meantBy(outline, owner, value, outline.subtasks).every(each => each === target);
  return isAlone ? change(patternOf(to)) : change(value, patternOf(to));
}

/**
 * Returns a function that writes names in place of a dependency, in the same form: a list on one line, one name per
 * line, or a single value.
 */
function formOf(
  text: string,
  { ranges }: WrittenSubtask,
  { range }: Written,
): (names: readonly string[]) => string {
  const list = ranges.get('depends') ?? range;
  const isFlow = text[list.start] === '[';
  const inFlow = (names: readonly string[]): string => names.map(name => scalar(name, true)).join(', ');
  if (isFlow) return inFlow;
  if (list.start === range.start) {
    return names => (names.length === 1 ? scalar(names[0]!, false) : `[${inFlow(names)}]`);
  }
  const lead = /\n( *)- *$/.exec(text.slice(0, range.start))?.[1] ?? '';
  return names => names.map(name => scalar(name, false)).join(`\n${lead}- `);
}

/** Writes a text in a plan, quoted if YAML would read it as something else. */
function scalar(text: string, isFlow: boolean): string {
  const options = { lineWidth: 0, collectionStyle: isFlow ? 'flow' : 'block' } as const;
  return stringify([text], options)
    .trim()
    .replace(/^(\[|-) */, '')
    .replace(isFlow ? / *\]$/ : /$/, '');
}
