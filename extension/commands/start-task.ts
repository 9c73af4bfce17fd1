import * as vscode from 'vscode';
import type { EngineClient } from '../../engine/api/client.ts';
import type { FanOutRequest, TaskAdd } from '../../engine/contract/commands.ts';
import type { TaskAdded } from '../../engine/contract/documents.ts';
import { FleetError, messageOf } from '../../engine/errors.ts';

/**
 * Adds a task and fans it out. A task whose fan-out is refused is cancelled again, so that none is left without subtasks.
 * @throws why it is not started, with what became of the task.
 */
export async function startTask(
  client: EngineClient,
  task: TaskAdd,
  fanOut: FanOutRequest,
): Promise<TaskAdded> {
  const added = await client.submit('task.add', task);
  try {
    await client.submit('task.fan-out', { task: added.thread, ...fanOut });
  } catch (thrown) {
    const left = await takeBack(client, added);
    if (left !== null) throw withHint(thrown, left);
  }
  return added;
}

/** Cancels a task that has no subtasks. @returns what became of it in words; null where it has some, and goes on */
async function takeBack(client: EngineClient, { thread, alias }: TaskAdded): Promise<string | null> {
  try {
    const { fan_out: fanOut } = await client.report('task', { task: thread });
    // Only the answer was lost.
    if (fanOut !== null) return null;
    await client.submit('task.cancel', { task: thread, subtask: null, reason: null });
    return vscode.l10n.t('The task {0}, which was added for it, is cancelled.', alias);
  } catch {
    return vscode.l10n.t(
      'The task {0} was added for it, and may have no subtasks: look at it in Fan-Outs, and cancel it there.',
      alias,
    );
  }
}

function withHint(thrown: unknown, more: string): FleetError {
  const { code, details, hint } = FleetError.is(thrown)
    ? thrown
    : { code: 'INTERNAL' as const, details: {}, hint: undefined };
  const hints = hint === undefined ? more : `${hint} ${more}`;
  return new FleetError(code, messageOf(thrown), { details, hint: hints, cause: thrown });
}
