import { speedupLines } from '../../render/speedup.ts';
import { defineVerb, text, word } from '../../verb.ts';

export const taskSpeedup = defineVerb({
  path: 'task speedup',
  summary: 'Report the speedup of a fan-out',
  description:
    'One run allows only a weak estimate. Run a baseline with spl task run-serial, then measure with --vs-serial.',
  examples: [
    ['spl task speedup FIRST-001', 'show the walls and a weak estimate'],
    ['spl task speedup FIRST-001 --vs-serial th_…', 'measure against a serial run'],
  ],
  positionals: { task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks') },
  flags: { vsSerial: text('--vs-serial <task>', 'Alias or id of the serial run', 'tasks') },
  async run(context, { task, vsSerial }) {
    const report = await context.report('speedup', { task, vsSerial });
    context.print(report, () => speedupLines(report));
  },
});
