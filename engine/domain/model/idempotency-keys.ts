import { FleetError } from '../../errors.ts';
import type { Json } from '../../record/canonical.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import type { CommandDoneBody, KeyedBody } from './record-bodies.ts';
import type { FleetState, Keyed } from './state.ts';

/**
 * Idempotency keys. A command that writes about a task has its key and its digest in that record; any other is followed,
 * in the same step, by a record of its own that also keeps a short answer. Both are folded into one list of bounded length.
 */

/** The issuer of a command, with the time. */
export interface Issuer {
  readonly actor: Did;
  /** The caller's idempotency key. */
  readonly key: string | undefined;
  /** Of the operation and its input; undefined without a key. */
  readonly digest?: string | undefined;
  /** The name under which the caller's environment is kept, where it gave one. */
  readonly environment?: string | undefined;
  readonly now: number;
}

/** The newest keys are remembered: a lost answer is asked for within minutes. */
const MAX_KEYS = 10_000;
/** The members of a record by which its command is done once. */
export function keyOf({ key, digest }: Issuer): KeyedBody {
  if (key === undefined) return {};
  return { idempotency_key: key, ...(digest !== undefined && { idempotency_digest: digest }) };
}

/** Folds what a record says of its command's key. */
export function rememberKey(
  { idempotency }: FleetState,
  actor: Did,
  { idempotency_key: key, idempotency_digest: digest }: KeyedBody,
  thread: ThreadId | null,
  answer?: Json,
): void {
  if (key === undefined) return;
  const id = idOf(actor, key);
  // The newest stand last.
  idempotency.delete(id);
  idempotency.set(id, { digest: digest ?? null, thread, ...(answer !== undefined && { answer }) });
  if (idempotency.size > MAX_KEYS) idempotency.delete(idempotency.keys().next().value!);
}

/** Applies the record of a command that is about no task. */
export function applyCommandDone(state: FleetState, body: CommandDoneBody): void {
  rememberKey(state, body.issued_by, body, null, body.answer);
}

/**
 * The command that was given before with the issuer's key; undefined where it is a new one.
 * @throws CONFLICT when that was another operation, or the same one with another input.
 */
export function keptFor(state: FleetState, issuer: Issuer): Keyed | undefined {
  if (issuer.key === undefined) return undefined;
  const kept = state.idempotency.get(idOf(issuer.actor, issuer.key));
  if (kept?.digest != null && issuer.digest !== undefined && kept.digest !== issuer.digest)
    throw keyTaken(state, kept, issuer.key);
  return kept;
}

/** @param kept null while the command that had the key is under way */
export function keyTaken(state: FleetState, kept: Keyed | null, key: string): FleetError {
  const task = kept?.thread == null ? undefined : state.tasks.get(kept.thread)?.alias;
  return new FleetError('CONFLICT', `the idempotency key '${key}' was given with another command`, {
    details: { key, ...(task !== undefined && { task }) },
    hint: 'Use a new key for each command, and the same key only to repeat it.',
  });
}

const idOf = (actor: Did, key: string): string => `${actor} ${key}`;
