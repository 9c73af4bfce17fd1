import type { ViewRequest } from '../../webview/protocol.ts';
import type { RunCommand } from '../command-registry.ts';
import type { TaskRef } from '../targets.ts';

/** A request for an action that a command of the window performs. */
export type CommandRequest = ViewRequest & {
  kind: Exclude<ViewRequest['kind'], 'pause' | 'resume' | 'export-json' | 'export-picture'>;
};

/**
 * Runs the command for a request: the same command as in trees and palette, with its questions and its confirmation.
 * @param serial the thread of the serial run that the panel follows; null for none
 * @returns the thread of the serial run that was begun; undefined if none was
 */
export async function runRequested(
  run: RunCommand,
  request: CommandRequest,
  thread: string,
  serial: string | null,
): Promise<string | undefined> {
  const task = { kind: 'task', thread } as const;
  switch (request.kind) {
    case 'output':
      return void (await run('fleet.showOutput', { kind: 'child', thread, index: request.index }));
    case 'retry':
      return void (await run('fleet.retry', { kind: 'child', thread, index: request.index }));
    case 'cancel':
      return void (await run('fleet.cancel', { kind: 'child', thread, index: request.index }));
    case 'retry-failed':
      return void (await run('fleet.retryFailed', task));
    case 'cancel-run':
      return void (await run('fleet.cancel', task));
    case 'rerun':
      return runAgain(run, task);
    case 'save-plan':
      return void (await run('fleet.savePlan', task));
    case 'run-serial':
      return run('fleet.runSerial', task);
    case 'cancel-serial':
      if (serial !== null) await run('fleet.cancel', { kind: 'task', thread: serial });
      return undefined;
    case 'open-serial':
      if (serial !== null) await run('fleet.openReport', { kind: 'task', thread: serial });
      return undefined;
  }
}

/** Runs the task again, and opens the panel of the new one. */
async function runAgain(run: RunCommand, task: TaskRef): Promise<undefined> {
  const again = await run('fleet.rerun', task);
  if (again !== undefined) await run('fleet.openReport', { kind: 'task', thread: again });
}
