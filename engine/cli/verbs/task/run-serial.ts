import { printLines } from '../../context.ts';
import { joinStatusLines } from '../../render/join.ts';
import { fannedOutLines } from '../../render/task.ts';
import { defineVerb, text, toggle, word } from '../../verb.ts';
import { waitForJoin } from '../../watch/watch-join.ts';

export const taskRunSerial = defineVerb({
  path: 'task run-serial',
  summary: 'Run the same subtasks one at a time, as a baseline',
  description: 'Runs the subtasks in dependency order on one worker, as a new task.',
  examples: [
    ['spl task run-serial FIRST-001 --wait', 'run it, and wait until it is done'],
    ['spl task run-serial FIRST-001 --worker worker-b', 'choose the worker'],
  ],
  positionals: { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') },
  flags: {
    worker: text('--worker <alias>', 'Worker that runs it (default: the least loaded)', 'instances'),
    wait: toggle('--wait', 'Wait until it is done, and exit by its outcome'),
  },
  async run(context, { task, worker, wait }) {
    const run = await context.submit('task.run-serial', { task, worker });
    if (wait && context.settings.json) return waitForJoin(context, run.thread, { document: run });
    context.print(run, () => [...fannedOutLines(run, context.out.colours), `  alias:    ${run.alias}`]);
    if (wait) return waitForJoin(context, run.thread, { document: run, endLines: joinStatusLines });
    if (!context.settings.json) {
      printLines(context.out, [`  → when it is done: spl task speedup ${task} --vs-serial ${run.thread}`]);
    }
    return 0;
  },
});
