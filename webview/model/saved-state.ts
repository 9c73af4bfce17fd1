import * as v from 'valibot';
import { EVERYTHING, SORT_KEYS, type Listing } from './filter.ts';
import { LOOKS } from './looks.ts';

const listingSchema = v.object({
  text: v.pipe(v.string(), v.maxLength(1000)),
  state: v.picklist(['all', 'unaccepted', ...LOOKS]),
  sort: v.picklist(SORT_KEYS),
  descending: v.boolean(),
});

const savedStateSchema = v.object({
  thread: v.fallback(v.nullable(v.string()), null),
  listing: v.fallback(listingSchema, EVERYTHING),
  selected: v.fallback(v.nullable(v.number()), null),
});

/**
 * The state that the editor keeps for a view while it is hidden or the window is closed. The serializer reads `thread`.
 */
export interface SavedState {
  readonly thread: string | null;
  readonly listing: Listing;
  readonly selected: number | null;
}

export const NOTHING_SAVED: SavedState = {
  thread: null,
  listing: EVERYTHING,
  selected: null,
};

/** Reads a saved state. From another version's state, takes the parts that it understands. */
export function readSavedState(saved: unknown): SavedState {
  const result = v.safeParse(savedStateSchema, saved);
  return result.success ? result.output : NOTHING_SAVED;
}
