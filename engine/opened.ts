import { fileURLToPath } from 'node:url';
import type { ApiServer } from './http/server.ts';
import { VERSION } from './contract/engine.ts';
import type { Config } from './home/config.ts';
import type { Home } from './home/home.ts';
import { removePidFile, writePidFile } from './home/pid-file.ts';
import { processStart } from './system/process-table.ts';
import type { FileLog } from './log/file/file-log.ts';
import type { Executor } from './runtime/executors/executor.ts';
import type { CommandOptions } from './runtime/executors/command.ts';
import { agentFactories, BUILT_IN, executorsFor } from './runtime/executors/registry.ts';

/** The parts of an opened home that coordinators and workers share. */

/** The opened resources. Closes them in reverse order, each once. */
export class DisposableStore {
  readonly #closers: (() => Promise<void>)[] = [];

  add(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** Closes all of it, whatever goes wrong on the way. @throws the first thing that did. */
  async close(): Promise<void> {
    const faults: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop())
      await close().catch((error: unknown) => faults.push(error));
    if (faults.length > 0) throw faults[0];
  }
}

/** Writes the file that says who serves the home, until it is let go of. */
export async function publish(home: Home, api: ApiServer, owned: DisposableStore): Promise<void> {
  const { pidFile } = home.paths;
  await writePidFile(pidFile, {
    pid: process.pid,
    start: processStart(process.pid) ?? '',
    endpoint: api.endpoint,
    version: VERSION,
  });
  owned.add(() => removePidFile(pidFile));
}

/** The notes of what opening the log has mended. */
export function recoveryNotes(log: FileLog): string[] {
  if (log.recovery === null) return [];
  const { cutBytes, segment, offset, reason } = log.recovery;
  return [
    `the log ended in ${cutBytes} unfinished bytes (${segment} at ${offset}: ${reason}), which were cut`,
  ];
}

/** The built-in executors, and one for each agent that can be named. */
export function allExecutors({ agents }: Config, commands: CommandOptions): ReadonlyMap<string, Executor> {
  const further = agentFactories(agents);
  return executorsFor([...Object.keys(BUILT_IN), ...Object.keys(further)], { ...commands, further });
}

/** Returns the path of a file that is built into the same folder as the running one; from source, of its source file. */
export function besideThis(built: string, source: string): string {
  return fileURLToPath(new URL(isSource() ? source : `./${built}`, import.meta.url));
}

export function isSource(): boolean {
  return import.meta.url.endsWith('.ts');
}
