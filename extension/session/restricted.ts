import type { EngineClient } from '../../engine/client/client.ts';
import type { CommandName } from '../../engine/operations/index.ts';
import { FleetError } from '../../engine/errors.ts';

/**
 * The commands allowed in an untrusted folder. They end work and start nothing. Every other command can make commands
 * run.
 */
const HARMLESS: ReadonlySet<CommandName> = new Set(['task.cancel', 'fleet.stop', 'kill']);

/**
 * Returns the engine for a window whose folder may be untrusted.
 * @throws SCOPE_FORBIDDEN from `submit`, before anything is sent, if the folder is untrusted and the command could
 * start work
 */
export function restricted(engine: EngineClient, isTrusted: () => boolean): EngineClient {
  return {
    submit: async (name, input, context) => {
      if (!isTrusted() && !HARMLESS.has(name)) throw refusal(name);
      return engine.submit(name, input, context);
    },
    report: (name, input, signal) => engine.report(name, input, signal),
    watch: options => engine.watch(options),
    output: request => engine.output(request),
    close: () => engine.close(),
  };
}

function refusal(command: CommandName): FleetError {
  return new FleetError('SCOPE_FORBIDDEN', 'this folder is not trusted, so that nothing is started from it', {
    details: { command },
    hint: 'Trust it: Workspaces: Manage Workspace Trust.',
  });
}
