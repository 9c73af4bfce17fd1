import { FleetError } from '../../errors.ts';
import { JOIN_NAMES } from '../../domain/join/cel.ts';
import {
  evaluateFinal,
  explain,
  parsePredicate,
  type CelCompiler,
  type JoinFacts,
} from '../../domain/model/predicate.ts';
import type { Range } from '../diagnostics.ts';
import { placeholders } from '../matrix.ts';
import { PLAN_KEYS, SUBTASK_KEYS } from '../plan-keys.ts';
import type { Written } from '../plan-text.ts';
import { isMember, mostMembersIn } from '../subtask-reader.ts';
import type { PlanOutline } from '../plan.ts';
import { cursorAt } from './cursor.ts';
import { JOIN_TEXTS } from './key-texts.ts';
import { contains, meantBy, nameAt } from './plan-document.ts';

export interface Hover {
  /** Markdown. */
  readonly text: string;
  readonly range: Range;
}

export interface HoverContext {
  /** The plan of this text; null if it can't be parsed. */
  readonly outline: PlanOutline | null;
  readonly cel: CelCompiler;
  /** The results of the subtasks in the last run of the plan; null without a run. */
  readonly lastRun: JoinFacts | null;
}

/** Returns the hover text of a place, or null. */
export function hoverAt(text: string, offset: number, context: HoverContext): Hover | null {
  return keyHover(text, offset) ?? (context.outline && outlineHover(context.outline, text, offset, context));
}

function keyHover(text: string, offset: number): Hover | null {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const found = /^(\s*(?:- +)*)([A-Za-z][\w-]*):(?=\s|$)/.exec(text.slice(lineStart, lineStart + 256));
  if (found === null) return null;
  const start = lineStart + found[1]!.length;
  const range = { start, end: start + found[2]!.length };
  const cursor = contains(range, offset) ? cursorAt(text, start) : null;
  if (cursor === null) return null;
  const row = (cursor.inSubtask ? SUBTASK_KEYS : PLAN_KEYS).get(found[2]!);
  return row === undefined ? null : { text: `**${row.key}** — ${row.help}`, range };
}

function outlineHover(
  outline: PlanOutline,
  text: string,
  offset: number,
  context: HoverContext,
): Hover | null {
  const { join } = outline;
  if (join !== null && contains(join.range, offset)) {
    const at = join.offsets(text).findLastIndex(each => each <= offset);
    return joinHover(join, at, outline, context);
  }
  return (
    placeholderHover(outline, text, offset) ?? paramHover(outline, text, offset) ?? nameHover(outline, offset)
  );
}

/** The most names in a list. The others are only counted. */
const MAX_LISTED = 12;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map(code).join(', ');
  const rest = names.length - MAX_LISTED;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

/** Returns a text as Markdown code, whatever characters it contains. */
function code(text: string): string {
  const ticks = '`'.repeat(Math.max(0, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length)) + 1);
  return text.includes('`') ? `${ticks} ${text} ${ticks}` : `${ticks}${text}${ticks}`;
}

function placeholderHover({ subtasks }: PlanOutline, text: string, offset: number): Hover | null {
  const owner = subtasks.find(({ range }) => contains(range, offset));
  if (owner === undefined) return null;
  const { start } = owner.range;
  const found = placeholders(text.slice(start, owner.range.end)).find(each =>
    contains({ start: start + each.start, end: start + each.end }, offset),
  );
  if (found?.result != null)
    return {
      text: `the result \`${found.result.key}\` that ${code(found.result.subtask)} writes to \`$SPL_RESULTS\``,
      range: { start: start + found.start, end: start + found.end },
    };
  const values = found?.key == null ? undefined : owner.matrix?.get(found.key);
  if (found === undefined || values === undefined) return null;
  const source = owner.sources.get(found.key!);
  return {
    text:
      source === undefined
        ? `one subtask for each of: ${listed(values)}`
        : `one subtask for each element of the result \`${source.key}\` of ${code(source.subtask)}, made when that has ended`,
    range: { start: start + found.start, end: start + found.end },
  };
}

/** Describes the param that is declared or used at a place. */
function paramHover({ params }: PlanOutline, text: string, offset: number): Hover | null {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = text.indexOf('\n', offset);
  const line = text.slice(lineStart, lineEnd === -1 ? undefined : lineEnd);
  const used = placeholders(line)
    .map(({ param, start, end }) => ({ param, range: { start: lineStart + start, end: lineStart + end } }))
    .find(({ range }) => contains(range, offset));
  const declared = [...params.values()].find(({ range }) => contains(range, offset));
  const param = used?.param == null ? declared : params.get(used.param);
  if (param === undefined) return null;
  const { name, otherwise, description } = param;
  const value = otherwise === null ? 'must be given' : `${code(otherwise)} unless it is given`;
  return {
    text: [...(description === null ? [] : [description]), `${value}: \`--param ${name}=…\``].join('\n\n'),
    range: used?.range ?? param.range,
  };
}

function nameHover(outline: PlanOutline, offset: number): Hover | null {
  const place = nameAt(outline, offset);
  if (place === null) return null;
  const { written, owner, kind } = place;
  const nameOf = (index: number): string => {
    const name = outline.drafts[index]?.body['name'];
    return typeof name === 'string' ? name : `[${index}]`;
  };
  if (kind === 'name') {
    const waiting = outline.subtasks.filter(subtask =>
      subtask.depends.some(({ value }) => meantBy(outline, subtask, value, [owner]).length > 0),
    );
    const makes = owner.indices.length > 1 ? [`makes ${listed(owner.indices.map(nameOf))}`] : [];
    const before = waiting.flatMap(({ name }) => name?.value ?? []);
    const waits = before.length > 0 ? [`before ${listed(before)}`] : [];
    const lines = [...makes, ...waits];
    return lines.length === 0 ? null : { text: lines.join('\n\n'), range: written.range };
  }
  const meant = meantBy(outline, owner, written.value, outline.subtasks);
  const names = meant.flatMap(({ indices }) => indices.map(nameOf));
  return names.length === 0 ? null : { text: `waits for ${listed(names)}`, range: written.range };
}

/** Explains the word at the cursor with its type. For the whole expression, adds its result in the last run. */
function joinHover(join: Written, at: number, outline: PlanOutline, context: HoverContext): Hover {
  const { value, range } = join;
  const word = wordAround(value, at);
  const types: Readonly<Record<string, string>> = {
    ...JOIN_NAMES.child,
    ...JOIN_NAMES.parent,
    ...JOIN_NAMES.variables,
  };
  const meaning = JOIN_TEXTS[word];
  const type = types[word] === undefined ? '' : `: ${types[word]}`;
  const lines = [
    ...(meaning === undefined ? [] : [`\`${word}${type}\` — ${meaning}`]),
    meaningOf(value, outline, context),
    lastRunLine(value, context),
  ];
  return { text: lines.filter(line => line !== '').join('\n\n'), range };
}

function wordAround(text: string, at: number): string {
  const begun = /\w*$/.exec(text.slice(0, at))![0];
  return begun + /^\w*/.exec(text.slice(at))![0];
}

const NO_COUNTS = { accepted: 0, rejected: 0, failed: 0, timed_out: 0, cancelled: 0, running: 0 };

function meaningOf(value: string, { drafts }: PlanOutline, { cel }: HoverContext): string {
  const total = drafts.filter(isMember).length;
  try {
    const most = mostMembersIn(drafts);
    const predicate = parsePredicate(value, most, cel);
    const whose = most > total ? 'the subtasks' : `the ${total}`;
    if (predicate.kind === 'cel') return `decided once no end of ${whose} can change it`;
    return explain(predicate, { ...NO_COUNTS, pending: total }, total, most);
  } catch (thrown) {
    // A diagnostic describes the fault.
    if (FleetError.is(thrown, 'INVALID_RECORD')) return '';
    throw thrown;
  }
}

function lastRunLine(value: string, { lastRun, cel }: HoverContext): string {
  if (lastRun === null) return 'The plan has not been run from here yet.';
  try {
    const { outcome, reason } = evaluateFinal(parsePredicate(value, lastRun.children.length, cel), lastRun);
    return `For the last run it gives: **${outcome}** — ${reason}`;
  } catch (thrown) {
    if (FleetError.is(thrown, 'INVALID_RECORD')) return '';
    throw thrown;
  }
}
