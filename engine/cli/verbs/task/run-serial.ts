import { printLines } from '../../context.ts';
import { fannedOutLines } from '../../render/task.ts';
import { defineVerb, text, toggle, word } from '../../verb.ts';
import { waitForJoin } from '../../watch/watch-join.ts';

export const taskRunSerial = defineVerb({
  path: 'task run-serial',
  summary: 'run the same subtasks one at a time, as a baseline',
  description: 'In the order of their dependencies, on one worker, on a thread of its own.',
  examples: [
    ['spl task run-serial FIRST-001 --wait', 'and stay until it is done'],
    ['spl task run-serial FIRST-001 --worker worker-b', 'on a worker of your choice'],
  ],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: {
    worker: text('--worker <alias>', 'where to run (default: the least loaded)', 'instances'),
    wait: toggle('--wait', 'stay until it is done, and end by its outcome'),
  },
  async run(context, { task, worker, wait }) {
    const run = await context.submit('task.run-serial', { task, worker });
    if (wait && context.settings.json) return waitForJoin(context, run.thread, { document: run });
    context.print(run, () => [...fannedOutLines(run, context.out.colours), `  alias:    ${run.alias}`]);
    if (wait) return waitForJoin(context, run.thread, { document: run });
    if (!context.settings.json) {
      printLines(context.out, [`  → when it is done: spl task speedup ${task} --vs-serial ${run.thread}`]);
    }
    return 0;
  },
});
