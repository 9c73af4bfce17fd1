import { taskActionSchemas, type TaskAction, type TaskActionInput } from '../../contract/commands.ts';
import { taskSchema, type TaskDocument } from '../../contract/documents.ts';
import { visibleTask } from '../confinement.ts';
import type { Command } from '../operation.ts';

/** The task actions are one family: each has a schema and a line, and the rules tell them apart. */

type Input<V extends TaskAction> = { readonly task: string } & TaskActionInput<V>;
type TaskCommand<V extends TaskAction> = Command<`task.${V}`, Input<V>, TaskDocument>;

const taskAction = <V extends TaskAction>(
  name: V,
  about: string,
  confine: TaskCommand<V>['confine'] = visibleTask,
): TaskCommand<V> => ({
  name: `task.${name}`,
  about,
  method: 'POST',
  path: `/v1/tasks/:task/${name}`,
  scope: 'write',
  body: taskActionSchemas[name],
  output: taskSchema,
  confine,
  run: ({ task, ...input }, { domain, coordinator, recorded }) =>
    recorded(issuer => {
      const changed = domain.applyTaskAction(coordinator, task, name, input, issuer);
      return domain.taskDocument(coordinator.state, changed, issuer.now);
    }),
});

export const taskStart = taskAction('start', 'start to work on the task');
export const taskDone = taskAction('done', 'put the task in review');
export const taskFail = taskAction('fail', 'give the task up as failed');
export const taskApprove = taskAction('approve', 'approve the task');
export const taskReject = taskAction('reject', 'reject the task');
export const taskBlock = taskAction(
  'block',
  'block the task; `on` names the task that it waits for',
  async (input, inside, call) =>
    visibleTask({ ...input, on: input.on && (await inside.thread(input.on)) }, inside, call),
);
export const taskDefer = taskAction('defer', 'defer the task; `until_unix`');
export const taskReopen = taskAction('reopen', 'reopen a finished task');
