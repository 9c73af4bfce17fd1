import { withoutEditor } from '../environment.ts';
import type { AttemptSpec } from './executor.ts';

/** Marks every process of one attempt, so that those which left its group can be found. */
export const ATTEMPT_MARK = 'SPL_ATTEMPT_ID';

const SECRET = /^SPL_.*(?:TOKEN|SECRET|PASSWORD|KEY)/i;

/** What a command inherits of its worker's environment: everything but the fleet's secrets and what is an editor's. */
export function inheritedEnvironment(worker: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(withoutEditor(worker)).filter(([name]) => !SECRET.test(name)));
}

/** The environment of one attempt's command. `SPL_HINT` is there only when a retry gave one. */
export function attemptEnvironment(
  inherited: NodeJS.ProcessEnv,
  attempt: AttemptSpec,
  mark: string,
): NodeJS.ProcessEnv {
  const { SPL_HINT: _outer, ...rest } = inherited;
  return {
    ...rest,
    SPL_TASK: attempt.task,
    SPL_SUBTASK: String(attempt.index),
    SPL_ATTEMPT: String(attempt.attempt),
    [ATTEMPT_MARK]: mark,
    ...(attempt.hint === null ? {} : { SPL_HINT: attempt.hint }),
  };
}
