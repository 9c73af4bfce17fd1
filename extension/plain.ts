import { FleetError, messageOf } from '../engine/errors.ts';

/** Text from elsewhere, written so that the editor shows it as it is. */

/** For entries of a pick, where `$(trash)` would become an icon: a goal or a command line may well hold it. */
export const iconless = (text: string): string => text.replaceAll('$(', '\\$(');

/** For notifications, where `[Read on](command:…)` would become a link that runs a command. */
export const linkless = (text: string): string => text.replaceAll('](', '] (');

/** Returns a thrown value as sentences: the fault, and the way out where one is known. */
export function sentences(thrown: unknown): string {
  const hint = FleetError.is(thrown) && thrown.hint !== undefined ? ` ${thrown.hint}` : '';
  return `${messageOf(thrown)}.${hint}`;
}
