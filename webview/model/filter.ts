import { isUnaccepted } from '../../engine/contract/fan-out-documents.ts';
import type { ChildRow } from '../protocol.ts';
import { costOf, elapsedOf, titleOf } from './fan-out.ts';
import { LOOKS, lookOf, type Look } from './looks.ts';

export const SORT_KEYS = ['index', 'title', 'state', 'worker', 'attempt', 'elapsed', 'cost'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** The filter and the order of the listed subtasks. */
export interface Listing {
  /** Every word of it must occur in a row's name, goal, worker, target or reason. */
  readonly text: string;
  /** `unaccepted` stands for every end but acceptance. */
  readonly state: 'all' | 'unaccepted' | Look;
  readonly sort: SortKey;
  readonly descending: boolean;
}

export const EVERYTHING: Listing = { text: '', state: 'all', sort: 'index', descending: false };

/** Returns the rows to list, in order. Equal rows stay in the order of their indices. */
export function list(
  rows: readonly (ChildRow | undefined)[],
  listing: Listing,
  nowUnix: number,
): readonly ChildRow[] {
  const words = listing.text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = rows.filter(
    row => row !== undefined && hasState(row, listing.state) && words.every(word => mentions(row, word)),
  ) as ChildRow[];
  if (listing.sort === 'index') return listing.descending ? shown.reverse() : shown;
  const compare = comparator(listing.sort, nowUnix);
  const sign = listing.descending ? -1 : 1;
  return shown.sort((a, b) => sign * compare(a, b) || a.index - b.index);
}

/** Returns the present rows in their former order, with new rows at the end. */
export function inPlace(
  before: readonly ChildRow[],
  listed: readonly ChildRow[],
  rows: readonly (ChildRow | undefined)[],
): readonly ChildRow[] {
  const known = new Set(before.map(({ index }) => index));
  return [
    ...before.flatMap(({ index }) => rows[index] ?? []),
    ...listed.filter(({ index }) => !known.has(index)),
  ];
}

function hasState(row: ChildRow, state: Listing['state']): boolean {
  const look = lookOf(row);
  if (state === 'all') return true;
  if (state === 'unaccepted') return isUnaccepted(row);
  return look === state;
}

function mentions(row: ChildRow, word: string): boolean {
  const { name, goal, worker, target, reason, index } = row;
  if (word === `#${index}`) return true;
  return [name, goal, worker, target, reason].some(text => text?.toLowerCase().includes(word));
}

function comparator(key: SortKey, nowUnix: number): (a: ChildRow, b: ChildRow) => number {
  switch (key) {
    case 'index':
      return (a, b) => a.index - b.index;
    case 'title':
      return (a, b) => compareText(titleOf(a), titleOf(b));
    case 'state':
      return (a, b) => LOOKS.indexOf(lookOf(a)) - LOOKS.indexOf(lookOf(b));
    case 'worker':
      return (a, b) => compareText(a.worker ?? '', b.worker ?? '');
    case 'attempt':
      return (a, b) => a.attempt - b.attempt;
    case 'elapsed':
      return (a, b) => (elapsedOf(a, nowUnix) ?? -1) - (elapsedOf(b, nowUnix) ?? -1);
    case 'cost':
      return (a, b) => costOf(a) - costOf(b);
  }
}

const collator = new Intl.Collator('en', { numeric: true });
const compareText = (a: string, b: string): number => collator.compare(a, b);
