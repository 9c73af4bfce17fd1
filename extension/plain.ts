import { FleetError, messageOf } from '../engine/errors.ts';

/** Text from elsewhere, escaped so that the editor shows it literally. */

/**
 * Escapes text for entries of a pick, where `$(trash)` would become an icon. Goals and command lines may contain such
 * text.
 */
export const iconless = (text: string): string => text.replaceAll('$(', '\\$(');

/** Escapes text for notifications, where `[Read on](command:…)` would become a link that runs a command. */
export const linkless = (text: string): string => text.replaceAll('](', '] (');

/** Returns a thrown value as sentences: the fault, and the hint if there is one. */
export function sentences(thrown: unknown): string {
  const hint = FleetError.is(thrown) && thrown.hint !== undefined ? ` ${thrown.hint}` : '';
  return `${messageOf(thrown)}.${hint}`;
}
