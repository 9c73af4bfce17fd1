import { EXIT } from '../../exit-codes.ts';
import { joinStatusLines } from '../../render/join.ts';
import { defineVerb, toggle, word } from '../../verb.ts';
import { watchJoin } from '../../watch/watch-join.ts';

export const taskJoinStatus = defineVerb({
  path: 'task join-status',
  summary: 'how far a fan-out has come',
  description:
    'Exit code 0 whenever it can report. With --watch it ends with the join: 0 when satisfied, else 1. Ctrl-C ' +
    'ends the watching, not the run.',
  examples: [
    ['spl task join-status FIRST-001', 'the state now'],
    ['spl task join-status FIRST-001 --watch', 'until the join'],
    ['spl task join-status FIRST-001 --watch --json', 'one document a line, at each change'],
  ],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: { watch: toggle('--watch', 'stay until the join') },
  async run(context, { task, watch }) {
    if (watch) return watchJoin(context, task);
    const join = await context.report('join', { task, summary: false });
    context.print(join, () => joinStatusLines(join, context.out.colours, Date.now() / 1000));
    return EXIT.done;
  },
});
