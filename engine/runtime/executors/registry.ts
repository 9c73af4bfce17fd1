import { FleetError } from '../../errors.ts';
import type { AgentTable } from '../../home/config-schema.ts';
import type { CommandOptions } from './command.ts';
import { agentExecutor } from './agent/agent.ts';
import { agentTemplates } from './agent/templates.ts';
import { echoExecutor } from './echo.ts';
import type { Executor } from './executor.ts';
import { shellExecutor } from './shell.ts';

/** Makes an executor for one worker. Further executors are passed to `executorsFor` by name. */
export type ExecutorFactory = (options: CommandOptions & { readonly env: NodeJS.ProcessEnv }) => Executor;
export type ExecutorFactories = Readonly<Record<string, ExecutorFactory>>;

/** The executors of every worker. */
export const BUILT_IN: ExecutorFactories = {
  echo: echoExecutor,
  shell: shellExecutor,
};

/** Returns a factory for each agent, by the name of its executor. */
export function agentFactories(tables: Readonly<Record<string, AgentTable>>): ExecutorFactories {
  const factories = Array.from(agentTemplates(tables), ([name, template]): [string, ExecutorFactory] => [
    `agent:${name}`,
    options => agentExecutor(name, template, options),
  ]);
  return Object.fromEntries(factories);
}

export interface RegistryOptions extends CommandOptions {
  /** Executors beside the built-in ones, by name; one with the name of a built-in one replaces it. */
  readonly further?: ExecutorFactories;
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
  const { further: _, ...commands } = options;
  const given = { ...commands, env: options.env ?? process.env };
  const executors = new Map<string, Executor>();
  for (const name of names) {
    const factory = factories.get(name);
    if (factory === undefined) throw unknownExecutor(name, [...factories.keys()]);
    executors.set(name, factory(given));
  }
  return executors;
}

function unknownExecutor(name: string, known: readonly string[]): FleetError {
  return new FleetError('USAGE', `executor '${name}' is unknown`, {
    details: { executor: name, known },
    hint: `Known executors: ${known.join(', ')}`,
  });
}
