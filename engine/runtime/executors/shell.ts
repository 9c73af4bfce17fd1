import { commandRunner, type CommandOptions } from './command.ts';
import { withoutCommand } from './ending.ts';
import type { Executor } from './executor.ts';

/**
 * Makes an executor that runs each attempt's `run` with `/bin/sh -c`, with `-e` if recorded, and an empty input (see
 * `commandRunner`).
 */
export function shellExecutor(options: CommandOptions = {}): Executor {
  const commands = commandRunner(options);
  return {
    name: 'shell',
    sideEffects: true,
    runsCommands: true,
    refusal: attempt => (attempt.run === null ? 'executor shell needs run' : null),
    start: async (attempt, context) => {
      if (attempt.run === null) return withoutCommand('failed', 'executor shell needs run');
      return {
        ...(await commands.run({ script: attempt.run, errexit: attempt.errexit }, attempt, context)),
        costUsd: 0,
      };
    },
  };
}
