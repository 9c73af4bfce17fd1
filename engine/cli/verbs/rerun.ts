import type { FanOutOpened } from '../../contract/documents.ts';
import { reranLines } from '../render/runs.ts';
import { defineVerb, toggle, word, type Context } from '../verb.ts';
import { waitForJoin } from '../watch/watch-join.ts';

/** Runs a task's fan-out again as a new task, in the environment of this command. Prints nothing. */
export const submitRerun = (context: Context, task: string): Promise<FanOutOpened> =>
  context.submit('task.rerun', { task });

export const rerun = defineVerb({
  path: 'rerun',
  summary: 'Run all subtasks of a task again, as a new task',
  description:
    'The new task has the same goal, subtasks and limits, and the next number of the same run. It runs in the ' +
    'environment of this command. To run only what failed, in the same task, use spl task retry --failed.',
  examples: [
    ['spl rerun release', 'run the newest run of release again'],
    ['spl rerun "release #4" --wait', 'run a certain one again, and wait for its result'],
  ],
  positionals: { task: word('task', 'Task or run: an alias, release, or release#4', 'tasks') },
  flags: { wait: toggle('--wait', 'Wait until it is done, and exit by its outcome') },
  async run(context, { task, wait }) {
    const opened = await submitRerun(context, task);
    if (!(wait && context.settings.json))
      context.print(opened, () => reranLines(opened, !wait, context.out.colours));
    return wait ? waitForJoin(context, opened.thread, { document: opened }) : 0;
  },
});
