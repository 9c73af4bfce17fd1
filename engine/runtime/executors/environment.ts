import { submittersEnvironment } from '../environment.ts';
import type { AttemptSpec } from './executor.ts';

/** The variable that marks every process of one attempt, so that those outside of its group can be found. */
const ATTEMPT_MARK = 'SPL_ATTEMPT_ID';

/** Returns the `NAME=value` in the environment of every process of an attempt. */
export const markOf = (id: string): string => `${ATTEMPT_MARK}=${id}`;

/** Matches the variables of an attempt, which are also in the environment of an attempt that submits others. */
const OF_ATTEMPT =
  /^SPL_(?:TASK|SUBTASK|ATTEMPT|ATTEMPT_ID|HINT|BRANCH|WORKTREE|PORT_BASE|PORT_COUNT|ITEM|(?:MATRIX|PARAM)_.*)$/;

/**
 * Matches a reference to a variable in a value of `env`. It is resolved when the attempt begins, and is in no record.
 */
const READ_AT_ATTEMPT = /\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;

const SECRET = /^SPL_.*(?:TOKEN|SECRET|PASSWORD|KEY)/i;

/** Returns an environment without the fleet's secrets, and without the variables of an editor or a hook. */
export function inheritedEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(submittersEnvironment(env)).filter(([name]) => !SECRET.test(name)),
  );
}

/**
 * Returns the environment of one attempt's command. `SPL_HINT` exists only when a retry gave a hint.
 * @param own the worker's environment, used when the submitter sent none
 */
export function attemptEnvironment(own: NodeJS.ProcessEnv, attempt: AttemptSpec): NodeJS.ProcessEnv {
  const inherited = attempt.environment === null ? own : inheritedEnvironment(attempt.environment);
  const kept = Object.entries(inherited).filter(([name]) => !OF_ATTEMPT.test(name));
  return {
    ...Object.fromEntries(kept),
    ...(own['SPL_SHARED'] !== undefined && { SPL_SHARED: own['SPL_SHARED'] }),
    ...filledIn(attempt.env, inherited),
    SPL_TASK: attempt.task,
    SPL_SUBTASK: String(attempt.index),
    SPL_ATTEMPT: String(attempt.attempt),
    [ATTEMPT_MARK]: attempt.id,
    ...(attempt.hint === null ? {} : { SPL_HINT: attempt.hint }),
  };
}

function filledIn(env: AttemptSpec['env'], inherited: NodeJS.ProcessEnv): Record<string, string> {
  const read = (value: string): string =>
    value.replace(READ_AT_ATTEMPT, (_whole, name: string) => inherited[name] ?? '');
  // Values of a matrix and of params, and items of a list, are literal.
  const isText = (name: string): boolean => name === 'SPL_ITEM' || /^SPL_(?:MATRIX|PARAM)_/.test(name);
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, isText(name) ? value : read(value)]),
  );
}
