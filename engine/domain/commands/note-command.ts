import type { Json } from '../../record/canonical.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { keptFor, keyOf, type Issuer } from '../model/idempotency-keys.ts';
import { TOPIC, type CommandDoneBody } from '../model/record-bodies.ts';

/**
 * Longer answers are not stored: a repetition runs the command again, which is safe for all commands with such answers.
 */
const MAX_ANSWER_CHARS = 8 * 1024;

/** Stores the idempotency key of a command whose own records have none. Call it in the step of the command. */
export function noteCommand(
  coordinator: Coordinator,
  operation: string,
  answer: unknown,
  issuer: Issuer,
): void {
  if (issuer.key === undefined) return;
  const isShort = answer !== undefined && JSON.stringify(answer).length <= MAX_ANSWER_CHARS;
  const body: CommandDoneBody = {
    topic: TOPIC.commandDone,
    operation,
    ...(isShort && { answer: answer as Json }),
    issued_by: issuer.actor,
    issued_at_unix: issuer.now / 1000,
    ...keyOf(issuer),
  };
  coordinator.noteDone(body, issuer.now);
}

/** Runs a command of one step whose records store no key, once per key: a repetition gets the first answer. */
export function noted<T>(
  coordinator: Coordinator,
  operation: string,
  issuer: Issuer,
  run: (issuer: Issuer) => T,
): T {
  const kept = keptFor(coordinator.state, issuer);
  if (kept?.answer !== undefined) return kept.answer as T;
  const answer = run(issuer);
  if (kept === undefined) noteCommand(coordinator, operation, answer, issuer);
  return answer;
}
