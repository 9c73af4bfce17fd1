import type { TaskAction } from '../../../contract/commands.ts';
import type { TaskDocument } from '../../../contract/documents.ts';
import type { Context } from '../../verb.ts';
import { standingLines } from '../../render/task.ts';
import { until } from '../../until.ts';
import { defineVerb, text, word } from '../../verb.ts';

/** The commands that change the status of a task by hand. */

const positionals = { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') };
const reason = text('--reason <text>', 'Reason, kept in the record');

export const taskStart = defineVerb({
  path: 'task start',
  summary: 'Start work on a task',
  description:
    'Ends a block or a deferral, and takes a task in review back to work. Refused under a freeze, and while a dependency is not approved.',
  examples: [['spl task start API-7', 'make it active']],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    printTask(context, 'start', await context.submit('task.start', { task, reason }));
  },
});

export const taskDone = defineVerb({
  path: 'task done',
  summary: 'Mark a task as done and ready for review',
  description: 'Another person gives the verdict, with spl task approve or spl task reject.',
  examples: [['spl task done API-7 --summary "merged as 4f2a"', 'put it in review']],
  positionals,
  flags: { summary: text('--summary <text>', 'What was done, for the reviewer') },
  async run(context, { task, summary }) {
    printTask(context, 'done', await context.submit('task.done', { task, summary }));
  },
});

export const taskFail = defineVerb({
  path: 'task fail',
  summary: 'Mark a task as failed',
  examples: [['spl task fail API-7 --reason "the vendor is gone"', 'spl task reopen undoes it']],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    printTask(context, 'fail', await context.submit('task.fail', { task, reason }));
  },
});

export const taskApprove = defineVerb({
  path: 'task approve',
  summary: 'Approve a task in review',
  description: 'Refused for the person who marked the task as done. --actor names the reviewer.',
  examples: [
    ['spl task approve API-7 --reason "p99 is 8 ms"', 'unblock the tasks that depend on it'],
    ['spl task approve API-7 --actor did:sync:user:grace', 'approve it as a reviewer'],
  ],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    printTask(context, 'approve', await context.submit('task.approve', { task, reason }));
  },
});

export const taskReject = defineVerb({
  path: 'task reject',
  summary: 'Reject a task in review',
  description:
    'Refused for the person who marked the task as done. To send the task back to work, use spl task start.',
  examples: [['spl task reject API-7 --reason "no tests"', 'spl task reopen undoes it']],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    printTask(context, 'reject', await context.submit('task.reject', { task, reason }));
  },
});

export const taskBlock = defineVerb({
  path: 'task block',
  summary: 'Mark a task as blocked',
  description: 'spl task start ends the block. With --on, it ends when that task is approved.',
  examples: [
    ['spl task block API-7 --reason "no access yet"', 'block it until somebody starts it'],
    ['spl task block API-7 --on DB-2', 'block it until DB-2 is approved'],
  ],
  positionals,
  flags: { reason, on: text('--on <task>', 'Task to wait for', 'tasks') },
  async run(context, { task, reason, on }) {
    printTask(context, 'block', await context.submit('task.block', { task, reason, on }));
  },
});

export const taskDefer = defineVerb({
  path: 'task defer',
  summary: 'Defer a task to a date, or until somebody starts it',
  description:
    'A date without a time zone uses the zone of this machine. After that time the task has its earlier status again.',
  examples: [
    ['spl task defer API-7 --until 3d', 'defer it for three days'],
    ['spl task defer API-7 --until 2099-12-24T09:00', 'defer it to a date'],
  ],
  positionals,
  flags: { until: until('--until <when>', 'Date, or duration such as 3d or 2h30m'), reason },
  async run(context, { task, reason, until: until_unix }) {
    printTask(context, 'defer', await context.submit('task.defer', { task, reason, until_unix }));
  },
});

export const taskReopen = defineVerb({
  path: 'task reopen',
  summary: 'Reopen a finished task',
  description: 'A task with a fan-out is retried instead: spl task retry.',
  examples: [['spl task reopen API-7', 'make it active, or put it in the inbox if it never started']],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    printTask(context, 'reopen', await context.submit('task.reopen', { task, reason }));
  },
});

function printTask(context: Context, verb: TaskAction, task: TaskDocument): void {
  context.print(task, () => standingLines(verb, task, context.out.colours));
}
