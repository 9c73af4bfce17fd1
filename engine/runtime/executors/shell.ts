import { commandRunner, type CommandOptions } from './command.ts';
import { withoutCommand } from './ending.ts';
import type { Executor } from './executor.ts';

/** Runs each attempt's `run` with `/bin/sh -c`, with `-e` where that was recorded, its input empty (see `commandRunner`). */
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
