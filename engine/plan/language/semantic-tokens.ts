import { JOIN_NAMES } from '../../domain/join/cel.ts';
import { placeholders } from '../matrix.ts';
import type { PlanOutline } from '../plan.ts';
import type { Written } from '../plan-text.ts';

/** The kinds of tokens, in the order of their numbers in the protocol. All are standard kinds. */
export const TOKEN_KINDS = [
  'function',
  'variable',
  'parameter',
  'property',
  'method',
  'string',
  'number',
  'operator',
  'keyword',
] as const;

export interface Token {
  readonly start: number;
  readonly length: number;
  readonly kind: (typeof TOKEN_KINDS)[number];
}

/**
 * Returns the tokens of a plan beyond YAML: names, dependencies, placeholders, and the parts of the join. They are in
 * the order of the text, do not overlap, and end on the line on which they begin.
 */
export function tokensOf(outline: PlanOutline, text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const { name, depends, range } of outline.subtasks) {
    if (name !== null) tokens.push(...nameTokens(name, text, 'function'));
    for (const dependency of depends) tokens.push(...nameTokens(dependency, text, 'variable'));
    tokens.push(...placeholderTokens(text, range.start, range.end));
  }
  if (outline.join !== null) tokens.push(...joinTokens(outline.join, text));
  const sorted = tokens.sort((a, b) => a.start - b.start || b.length - a.length);
  return withoutOverlaps(sorted).filter(
    ({ start, length }) => length > 0 && !text.slice(start, start + length).includes('\n'),
  );
}

/** Returns the tokens of a name without its placeholders, which have their own tokens. */
function nameTokens(written: Written, text: string, kind: Token['kind']): Token[] {
  const found = placeholders(written.value);
  if (found.length === 0) return [tokenIn(text, written, [0, written.value.length], kind)];
  const ends = [0, ...found.map(({ end }) => end)];
  const starts = [...found.map(({ start }) => start), written.value.length];
  return ends.flatMap((start, i) =>
    starts[i]! > start ? [tokenIn(text, written, [start, starts[i]!], kind)] : [],
  );
}

function placeholderTokens(text: string, from: number, to: number): Token[] {
  return placeholders(text.slice(from, to)).map(({ start, end }) => ({
    start: from + start,
    length: end - start,
    kind: 'parameter',
  }));
}

const CEL =
  /(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?u?)|(?<word>[A-Za-z_]\w*)|(?<operator>&&|\|\||[=!<>]=|[-+*/%!<>?:])/g;
const KEYWORDS: ReadonlySet<string> = new Set(['true', 'false', 'null', 'in', 'all', 'any']);

function joinTokens(join: Written, text: string): Token[] {
  const { value } = join;
  const word = /^\s*(all|any|k_of_n)\b/.exec(value);
  if (word !== null && (word[0].length === value.trimEnd().length || word[1] === 'k_of_n')) {
    const start = value.indexOf(word[1]!);
    return [tokenIn(text, join, [start, value.trimEnd().length], 'keyword')];
  }
  return Array.from(value.matchAll(CEL), match => {
    const kind = kindOf(match.groups!, value, match.index);
    return tokenIn(text, join, [match.index, match.index + match[0].length], kind);
  });
}

function kindOf(
  groups: Readonly<Record<string, string | undefined>>,
  text: string,
  at: number,
): Token['kind'] {
  if (groups['string'] !== undefined) return 'string';
  if (groups['number'] !== undefined) return 'number';
  const { word } = groups;
  if (word === undefined) return 'operator';
  const isMember = /\.\s*$/.test(text.slice(0, at));
  const isCalled = /^\s*\(/.test(text.slice(at + word.length));
  if (isMember) return isCalled ? 'method' : 'property';
  if (isCalled) return 'function';
  if (KEYWORDS.has(word)) return 'keyword';
  return word in JOIN_NAMES.variables ? 'variable' : 'parameter';
}

function tokenIn(
  text: string,
  written: Written,
  [from, to]: readonly [from: number, to: number],
  kind: Token['kind'],
): Token {
  const offsets = written.offsets(text);
  const start = offsets[from]!;
  if (from === to) return { start, length: 0, kind };
  // The last character may be written as several characters, such as an escape.
  const end = Math.max(offsets[to - 1]! + 1, Math.min(offsets[to]!, written.range.end));
  // The range of a text without quotes includes the carriage return after it.
  return { start, length: text.slice(start, end).trimEnd().length, kind };
}

function withoutOverlaps(sorted: readonly Token[]): readonly Token[] {
  let end = 0;
  return sorted.filter(({ start, length }) => {
    if (start < end) return false;
    end = start + length;
    return true;
  });
}
