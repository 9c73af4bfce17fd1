import type { AttemptSpec } from './executor.ts';

/** Marks every process of one attempt, so that those which left its group can be found. */
export const ATTEMPT_MARK = 'SPL_ATTEMPT_ID';

const SECRET = /^SPL_.*(?:TOKEN|SECRET|PASSWORD|KEY)/i;

/**
 * What a command inherits of its worker's environment: everything but the fleet's secrets. A worker that runs on
 * an editor's own Node was started with the editor's variables, which would change what the command does.
 */
export function inheritedEnvironment(worker: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const fromEditor = worker['ELECTRON_RUN_AS_NODE'] !== undefined;
  const isKept = (name: string): boolean =>
    !SECRET.test(name) && !(fromEditor && (name === 'ELECTRON_RUN_AS_NODE' || name.startsWith('VSCODE_')));
  return Object.fromEntries(Object.entries(worker).filter(([name]) => isKept(name)));
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
