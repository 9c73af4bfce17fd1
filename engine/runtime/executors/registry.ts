import { FleetError } from '../../errors.ts';
import type { AgentTable } from '../../home/config.ts';
import { agentExecutor } from './agent/agent.ts';
import { agentTemplates } from './agent/templates.ts';
import { echoExecutor } from './echo.ts';
import type { Executor } from './executor.ts';
import { shellExecutor } from './shell.ts';

/** Makes an executor for one worker. Further executors are passed to `executorsFor` by name. */
export type ExecutorFactory = (env: NodeJS.ProcessEnv, commandsDir?: string) => Executor;
export type ExecutorFactories = Readonly<Record<string, ExecutorFactory>>;

/** The executors of every worker. */
export const BUILT_IN: ExecutorFactories = {
  echo: env => echoExecutor({ env }),
  shell: (env, commandsDir) => shellExecutor({ env, ...(commandsDir !== undefined && { commandsDir }) }),
};

/** Returns a factory for each agent, by the name of its executor. */
export function agentFactories(tables: Readonly<Record<string, AgentTable>>): ExecutorFactories {
  const factories = Array.from(agentTemplates(tables), ([name, template]): [string, ExecutorFactory] => {
    return [
      `agent:${name}`,
      (env, commandsDir) =>
        agentExecutor(name, template, { env, ...(commandsDir !== undefined && { commandsDir }) }),
    ];
  });
  return Object.fromEntries(factories);
}

export interface RegistryOptions {
  /** Executors beside the built-in ones, by name; one with the name of a built-in one replaces it. */
  readonly further?: ExecutorFactories;
  /** The environment that configures the executors, and that commands inherit. Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** The folder in which each command is noted while it runs. Default: none. */
  readonly commandsDir?: string;
}

/**
 * Makes the executors with these names.
 * @throws USAGE for an unknown name, listing the known ones, and for wrong settings of an executor.
 */
export function executorsFor(
  names: Iterable<string>,
  options: RegistryOptions = {},
): ReadonlyMap<string, Executor> {
  const factories = new Map(Object.entries({ ...BUILT_IN, ...options.further }));
  const env = options.env ?? process.env;
  const executors = new Map<string, Executor>();
  for (const name of names) {
    const factory = factories.get(name);
    if (factory === undefined) throw unknownExecutor(name, [...factories.keys()]);
    executors.set(name, factory(env, options.commandsDir));
  }
  return executors;
}

function unknownExecutor(name: string, known: readonly string[]): FleetError {
  return new FleetError('USAGE', `executor '${name}' is unknown`, {
    details: { executor: name, known },
    hint: `known executors: ${known.join(', ')}`,
  });
}
