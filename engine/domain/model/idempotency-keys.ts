import { FleetError } from '../../errors.ts';
import type { Json } from '../../record/canonical.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import type { CommandDoneBody, KeyedBody } from './record-bodies.ts';
import type { FleetState, Keyed } from './state.ts';

/**
 * Idempotency keys. The record of a command about a task contains the command's key and digest. For any other command,
 * the same step writes a separate record, which also contains a short answer. Both are folded into one list of bounded
 * length.
 */

/** The issuer of a command, and its time. */
export interface Issuer {
  readonly actor: Did;
  /** The caller's idempotency key. */
  readonly key: string | undefined;
  /** The digest of the operation and its input; undefined without a key. */
  readonly digest?: string | undefined;
  /** The name of the stored environment of the caller, if there is one. */
  readonly environment?: string | undefined;
  readonly now: number;
}

/** The maximum number of keys; the newest are kept. Clients repeat a command within minutes. */
const MAX_KEYS = 10_000;
/** Returns the members of a record that identify a repetition of its command. */
export function keyOf({ key, digest }: Issuer): KeyedBody {
  if (key === undefined) return {};
  return { idempotency_key: key, ...(digest !== undefined && { idempotency_digest: digest }) };
}

/** Folds the idempotency key of a record's command. */
export function rememberKey(
  { idempotency }: FleetState,
  actor: Did,
  { idempotency_key: key, idempotency_digest: digest }: KeyedBody,
  thread: ThreadId | null,
  answer?: Json,
): void {
  if (key === undefined) return;
  const id = idOf(actor, key);
  // The newest key is last.
  idempotency.delete(id);
  idempotency.set(id, { digest: digest ?? null, thread, ...(answer !== undefined && { answer }) });
  if (idempotency.size > MAX_KEYS) idempotency.delete(idempotency.keys().next().value!);
}

/** Applies the record of a command that is not about a task. */
export function applyCommandDone(state: FleetState, body: CommandDoneBody): void {
  rememberKey(state, body.issued_by, body, null, body.answer);
}

/**
 * Returns the earlier command with the issuer's key; undefined for a new key.
 * @throws CONFLICT when the earlier command was another operation, or had another input
 */
export function keptFor(state: FleetState, issuer: Issuer): Keyed | undefined {
  if (issuer.key === undefined) return undefined;
  const kept = state.idempotency.get(idOf(issuer.actor, issuer.key));
  if (kept?.digest != null && issuer.digest !== undefined && kept.digest !== issuer.digest)
    throw keyTaken(state, kept, issuer.key);
  return kept;
}

/**
 * Returns the error for a key that another command has used. @param kept null while the command with the key still runs
 */
export function keyTaken(state: FleetState, kept: Keyed | null, key: string): FleetError {
  const task = kept?.thread == null ? undefined : state.tasks.get(kept.thread)?.alias;
  return new FleetError('CONFLICT', `the idempotency key '${key}' was given with another command`, {
    details: { key, ...(task !== undefined && { task }) },
    hint: 'Use a new key for each command, and the same key only to repeat it.',
  });
}

const idOf = (actor: Did, key: string): string => `${actor} ${key}`;
