import { submittersEnvironment } from '../environment.ts';
import { isLiteral, resultName, resultRefOf } from '../../subtask/results.ts';
import type { AttemptSpec } from './executor.ts';

/** The variable that marks every process of one attempt, so that those outside of its group can be found. */
const ATTEMPT_MARK = 'SPL_ATTEMPT_ID';

/** Returns the `NAME=value` in the environment of every process of an attempt. */
export const markOf = (id: string): string => `${ATTEMPT_MARK}=${id}`;

/** Matches the variables of an attempt, which are also in the environment of an attempt that submits others. */
const OF_ATTEMPT =
  /^SPL_(?:TASK|SUBTASK|ATTEMPT|ATTEMPT_ID|HINT|BRANCH|WORKTREE|PORT_BASE|PORT_COUNT|ITEM|RESULTS|(?:MATRIX|PARAM|RESULT)_.*)$/;

/**
 * Matches a reference in a value of `env`: to a variable, which is in no record, or to a result of a dependency. It is
 * resolved when the attempt begins.
 */
const READ_AT_ATTEMPT = /\$\{\{(?:\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*|(\s*subtasks\.[^}]*))\}\}/g;

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
 * @param results the file that the command may write its results to
 */
export function attemptEnvironment(
  own: NodeJS.ProcessEnv,
  attempt: AttemptSpec,
  results: string,
): NodeJS.ProcessEnv {
  const inherited = attempt.environment === null ? own : inheritedEnvironment(attempt.environment);
  const kept = Object.entries(inherited).filter(([name]) => !OF_ATTEMPT.test(name));
  return {
    ...Object.fromEntries(kept),
    ...(own['SPL_SHARED'] !== undefined && { SPL_SHARED: own['SPL_SHARED'] }),
    ...filledIn(attempt, inherited),
    SPL_TASK: attempt.task,
    SPL_SUBTASK: String(attempt.index),
    SPL_ATTEMPT: String(attempt.attempt),
    SPL_RESULTS: results,
    [ATTEMPT_MARK]: attempt.id,
    ...(attempt.hint === null ? {} : { SPL_HINT: attempt.hint }),
  };
}

/** Fills in the values of `env` in one pass, so that nothing that a result contains is read again. */
function filledIn(
  { env, results }: Pick<AttemptSpec, 'env' | 'results'>,
  inherited: NodeJS.ProcessEnv,
): Record<string, string> {
  const resultIn = (inside: string): string | undefined => {
    const ref = resultRefOf(inside);
    return ref === null ? undefined : results[resultName(ref)];
  };
  const read = (value: string): string =>
    value.replace(READ_AT_ATTEMPT, (whole, name: string | undefined, inside: string | undefined) =>
      name === undefined ? (resultIn(inside!) ?? whole) : (inherited[name] ?? ''),
    );
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, isLiteral(name) ? value : read(value)]),
  );
}
