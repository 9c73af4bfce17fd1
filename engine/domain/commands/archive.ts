import { MAX_ARCHIVED, type Archive } from '../../contract/commands.ts';
import type { ArchivedDocument } from '../../contract/documents.ts';
import { isWithin, ROOT_NAMESPACE } from '../../contract/namespaces.ts';
import { FleetError } from '../../errors.ts';
import type { Did } from '../../record/ids.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { TOPIC, type ArchiveBody } from '../model/record-bodies.ts';
import { isUnderWay, type FleetState, type Task } from '../model/state.ts';
import { isFinished, resolveTask } from '../model/tasks.ts';

/**
 * Removes finished tasks from lists, or shows them again. The log keeps their records. All checks come before the first
 * write.
 * @throws NOT_FOUND; CONFLICT for a task that has not finished; USAGE unless either `tasks` or `done` is given
 */
export function archive(
  coordinator: Coordinator,
  input: Archive,
  issuer: { readonly actor: Did; readonly now: number },
): ArchivedDocument {
  const archived = !input.undo;
  const found = chosen(coordinator.state, input);
  const tasks = found.slice(0, MAX_ARCHIVED);
  if (archived) for (const task of tasks) refuseUnfinished(task);
  const body: ArchiveBody = {
    topic: TOPIC.archive,
    archived,
    issued_by: issuer.actor,
    issued_at_unix: issuer.now / 1000,
  };
  const drafts = tasks
    .filter(task => task.archived !== archived)
    .map(task => ({ act: 'LEARN', thread: task.thread, body, parents: [task.facts.intent] }) as const);
  for (const draft of drafts) coordinator.permit(draft);
  for (const draft of drafts) {
    coordinator.write(draft, issuer.now);
    coordinator.touch(coordinator.state.tasks.get(draft.thread)!);
  }
  return {
    archived,
    tasks: tasks.map(({ thread, alias }) => ({ thread, alias })),
    left: found.length - tasks.length,
  };
}

/** Returns the tasks that the input is about. */
function chosen(state: FleetState, { tasks, done, namespace, undo }: Archive): readonly Task[] {
  if ((tasks === undefined) === (done === undefined))
    throw new FleetError('USAGE', 'name the tasks to archive, or ask for all finished ones', {
      hint: 'spl archive TASK…, or spl archive --done',
    });
  if (tasks !== undefined) return [...new Set(tasks.map(name => resolveTask(state, name)))];
  return [...state.tasks.values()].filter(
    task =>
      task.archived === undo && isOver(task) && isWithin(task.facts.namespace, namespace ?? ROOT_NAMESPACE),
  );
}

/** Returns true for a finished task of which nothing runs any more. */
function isOver(task: Task): boolean {
  const { fanOutHead } = task;
  return isFinished(task) && (fanOutHead === null || !isUnderWay(fanOutHead));
}

function refuseUnfinished(task: Task): void {
  if (isOver(task)) return;
  const { alias } = task;
  const isRunning = task.hasFanOut;
  throw new FleetError(
    'CONFLICT',
    `task '${alias}' ${isRunning ? 'is still running' : 'is not finished'} and can't be archived`,
    {
      details: { task: alias },
      hint: isRunning
        ? `Wait for it: spl task join-status ${alias} --watch; or cancel it: spl task cancel ${alias}`
        : `End it first: spl task cancel ${alias}`,
    },
  );
}
