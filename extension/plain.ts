import { FleetError, messageOf } from '../engine/errors.ts';

/** Text from elsewhere, escaped so that the editor shows it literally. */

/**
 * Escapes text for entries of a pick, where `$(trash)` would become an icon. Goals and command lines may contain such
 * text.
 */
export const iconless = (text: string): string => text.replaceAll('$(', '\\$(');

/** Escapes text for notifications, where `[Read on](command:…)` would become a link that runs a command. */
export const linkless = (text: string): string => text.replaceAll('](', '] (');

/**
 * Returns a thrown value as sentences: the fault, and the hint if there is one. Leaves out advice for a command line; the
 * editor offers a button in its place.
 */
export function sentences(thrown: unknown): string {
  const hint = (FleetError.is(thrown) && thrown.hint) || '';
  // A name, such as that of a setting, keeps its letters.
  const fault = messageOf(thrown).replace(/^[a-z](?=[a-z]* )/, first => first.toUpperCase());
  return [`${fault}.`, hint].map(adviceless).join(' ').trim();
}

/** Leaves out the clauses that name a command of `spl`. */
export function adviceless(text: string): string {
  const clauses = text.split(/(?<=[.;])\s+/).filter(clause => !/\bspl [a-z]/.test(clause));
  return clauses.join(' ').replace(/[;,]$/, '');
}
