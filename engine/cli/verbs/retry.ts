import { DETACH_OPTION, followOpened, leaveRunning, OUTPUT_OPTION } from '../run/opened.ts';
import { RUN, runOrNewest } from '../run/newest-run.ts';
import { ensureSlots, runningFleet } from '../run/slots.ts';
import { defineVerb } from '../verb.ts';

export const retry = defineVerb({
  path: 'retry',
  summary: 'Run again what failed in a run',
  description:
    'The subtasks that did not pass run again, in the same task and in the environment of this command, and their ' +
    'output is printed. To give a hint or to choose subtasks, use spl task retry. To run everything again, use spl rerun.',
  examples: [
    ['spl retry', 'run again what failed in the newest run of this folder'],
    ['spl retry "release #4"', 'run again what failed in a certain run'],
  ],
  positionals: { run: RUN },
  flags: { output: OUTPUT_OPTION, detach: DETACH_OPTION },
  async run(context, { run, output, detach }) {
    await ensureSlots(context, await runningFleet(context), 0);
    const task = await runOrNewest(context, run);
    const { children, ...fanOut } = await context.submit('task.retry', { task, failed: true, hint: null });
    const opened = { alias: fanOut.alias, fan_out: fanOut };
    if (detach) return leaveRunning(context, opened);
    return followOpened(context, opened, { output, before: children });
  },
});
