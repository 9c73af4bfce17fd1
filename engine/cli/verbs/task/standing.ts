import type { TaskVerb } from '../../../contract/commands.ts';
import type { TaskDocument } from '../../../contract/documents.ts';
import type { Context } from '../../verb.ts';
import { standingLines } from '../../render/task.ts';
import { until } from '../../until.ts';
import { defineVerb, text, word } from '../../verb.ts';

/** The verbs by which people say how a task stands: they differ in what they are told, and in little else. */

const positionals = { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') };
const reason = text('--reason <text>', 'why, for the record');

export const taskStart = defineVerb({
  path: 'task start',
  summary: 'begin to work on a task',
  description:
    'It ends what holds the task back, and takes one in review back to work. Refused while a task that it depends on is not approved, and under a freeze.',
  examples: [['spl task start API-7', 'it is active then']],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    tell(context, 'start', await context.submit('task.start', { task, reason }));
  },
});

export const taskDone = defineVerb({
  path: 'task done',
  summary: 'say that a task is done; it waits for a verdict then',
  description: 'Somebody else gives the verdict, with spl task approve or spl task reject.',
  examples: [['spl task done API-7 --summary "merged as 4f2a"', 'it is in review then']],
  positionals,
  flags: { summary: text('--summary <text>', 'what was done, for whoever judges it') },
  async run(context, { task, summary }) {
    tell(context, 'done', await context.submit('task.done', { task, summary }));
  },
});

export const taskFail = defineVerb({
  path: 'task fail',
  summary: 'give a task up as failed',
  examples: [['spl task fail API-7 --reason "the vendor is gone"', 'spl task reopen takes it up again']],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    tell(context, 'fail', await context.submit('task.fail', { task, reason }));
  },
});

export const taskApprove = defineVerb({
  path: 'task approve',
  summary: 'judge a task in review as reached',
  description: 'Not by whoever said that it is done: --actor says in whose name.',
  examples: [
    ['spl task approve API-7 --reason "p99 is 8 ms"', 'what waits for it may begin'],
    ['spl task approve API-7 --actor did:sync:user:grace', 'in the name of a reviewer'],
  ],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    tell(context, 'approve', await context.submit('task.approve', { task, reason }));
  },
});

export const taskReject = defineVerb({
  path: 'task reject',
  summary: 'judge a task in review as not reached',
  description: 'Not by whoever said that it is done. To send it back to work instead: spl task start.',
  examples: [['spl task reject API-7 --reason "no tests"', 'spl task reopen takes it up again']],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    tell(context, 'reject', await context.submit('task.reject', { task, reason }));
  },
});

export const taskBlock = defineVerb({
  path: 'task block',
  summary: 'say what keeps a task from going on',
  description: 'It ends with spl task start or, with --on, by itself when that task is approved.',
  examples: [
    ['spl task block API-7 --reason "no access yet"', 'until somebody starts it'],
    ['spl task block API-7 --on DB-2', 'until DB-2 is approved'],
  ],
  positionals,
  flags: { reason, on: text('--on <task>', 'the task that it waits for', 'tasks') },
  async run(context, { task, reason, on }) {
    tell(context, 'block', await context.submit('task.block', { task, reason, on }));
  },
});

export const taskDefer = defineVerb({
  path: 'task defer',
  summary: 'put a task off, until a time or until somebody starts it',
  description:
    'A date without a zone is in that of this machine. Past the time, the task is what it was before.',
  examples: [
    ['spl task defer API-7 --until 3d', 'for three days'],
    ['spl task defer API-7 --until 2099-12-24T09:00', 'until then'],
  ],
  positionals,
  flags: { until: until('--until <when>', 'a date, or a duration such as 3d or 2h30m'), reason },
  async run(context, { task, reason, until: until_unix }) {
    tell(context, 'defer', await context.submit('task.defer', { task, reason, until_unix }));
  },
});

export const taskReopen = defineVerb({
  path: 'task reopen',
  summary: 'take up a finished task again',
  description: 'For a task with a fan-out, spl task retry is the way.',
  examples: [['spl task reopen API-7', 'active if it was ever begun, else in the inbox']],
  positionals,
  flags: { reason },
  async run(context, { task, reason }) {
    tell(context, 'reopen', await context.submit('task.reopen', { task, reason }));
  },
});

function tell(context: Context, verb: TaskVerb, task: TaskDocument): void {
  context.print(task, () => standingLines(verb, task, context.out.colours));
}
