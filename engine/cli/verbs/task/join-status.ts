import { EXIT } from '../../exit-codes.ts';
import { joinStatusLines } from '../../render/join.ts';
import { defineVerb, toggle, word } from '../../verb.ts';
import { watchJoin } from '../../watch/watch-join.ts';

export const taskJoinStatus = defineVerb({
  path: 'task join-status',
  summary: 'Show the progress of a fan-out',
  description:
    'Exits with 0 for any state. --watch ends at the join, and exits with 0 only if it is satisfied. Ctrl-C ends the ' +
    'watch, not the run.',
  examples: [
    ['spl task join-status FIRST-001', 'show the current state'],
    ['spl task join-status FIRST-001 --watch', 'follow it until the join'],
    ['spl task join-status FIRST-001 --watch --json', 'print one document per change'],
  ],
  positionals: { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') },
  flags: { watch: toggle('--watch', 'Follow the fan-out until the join') },
  async run(context, { task, watch }) {
    if (watch) return watchJoin(context, task);
    const join = await context.report('join', { task, summary: false });
    context.print(join, () => joinStatusLines(join, context.out.colours, Date.now() / 1000));
    return EXIT.done;
  },
});
