import { speedupLines } from '../../render/speedup.ts';
import { defineVerb, text, word } from '../../verb.ts';

export const taskSpeedup = defineVerb({
  path: 'task speedup',
  summary: 'what running in parallel has gained',
  description:
    'One run alone allows a weak estimate only. run-serial makes a baseline, and --vs-serial measures against it.',
  examples: [
    ['spl task speedup FIRST-001', 'the walls, and a weak estimate'],
    ['spl task speedup FIRST-001 --vs-serial th_…', 'measured against a serial run'],
  ],
  positionals: { task: word('task', 'an alias, a thread id, or the beginning of either', 'tasks') },
  flags: { vsSerial: text('--vs-serial <thread>', 'the thread or alias of the serial run', 'tasks') },
  async run(context, { task, vsSerial }) {
    const report = await context.report('speedup', { task, vsSerial });
    context.print(report, () => speedupLines(report));
  },
});
