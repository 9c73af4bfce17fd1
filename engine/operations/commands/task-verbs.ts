import { taskVerbSchemas, type TaskVerb, type TaskVerbInput } from '../../contract/commands.ts';
import { taskSchema, type TaskDocument } from '../../contract/documents.ts';
import { toldTask } from '../confinement.ts';
import type { Command } from '../operation.ts';

/** The task verbs share one implementation: each has a schema and a line here, and the rules distinguish them. */

type Input<V extends TaskVerb> = { readonly task: string } & TaskVerbInput<V>;
type Verb<V extends TaskVerb> = Command<`task.${V}`, Input<V>, TaskDocument>;

const verb = <V extends TaskVerb>(
  name: V,
  about: string,
  confine: Verb<V>['confine'] = toldTask,
): Verb<V> => ({
  name: `task.${name}`,
  about,
  method: 'POST',
  path: `/v1/tasks/:task/${name}`,
  scope: 'write',
  body: taskVerbSchemas[name],
  output: taskSchema,
  confine,
  run: ({ task, ...input }, { domain, coordinator, recorded }) =>
    recorded(issuer => {
      const told = domain.say(coordinator, task, name, input, issuer);
      return domain.taskDocument(coordinator.state, told, issuer.now);
    }),
});

export const taskStart = verb('start', 'start to work on the task');
export const taskDone = verb('done', 'put the task in review');
export const taskFail = verb('fail', 'give the task up as failed');
export const taskApprove = verb('approve', 'approve the task');
export const taskReject = verb('reject', 'reject the task');
export const taskBlock = verb(
  'block',
  'block the task; `on` names the task that it waits for',
  async (input, inside, call) =>
    toldTask({ ...input, on: input.on && (await inside.thread(input.on)) }, inside, call),
);
export const taskDefer = verb('defer', 'defer the task; `until_unix`');
export const taskReopen = verb('reopen', 'reopen a finished task');
