import { FleetError, messageOf } from '../../engine/errors.ts';
import type { Problem } from '../../webview/protocol.ts';

/** Returns what was thrown as the page shows it. */
export function problemOf(thrown: unknown): Problem {
  if (FleetError.is(thrown)) return { code: thrown.code, message: thrown.message, hint: thrown.hint ?? null };
  return { code: 'INTERNAL', message: messageOf(thrown), hint: null };
}
