import { DETACH_OPTION, followOpened, leaveRunning, OUTPUT_OPTION } from '../run/opened.ts';
import { RUN, runOrNewest } from '../run/newest-run.ts';
import { ensureSlots, runningFleet } from '../run/slots.ts';
import { FORCE_OPTION } from '../fan-out-options.ts';
import { defineVerb } from '../verb.ts';

export const rerun = defineVerb({
  path: 'rerun',
  summary: 'Run all subtasks of a task again, as a new task',
  description:
    'The new task has the same goal, subtasks and limits, and the next number of the same run. It runs in the ' +
    'environment of this command. To run only what failed, in the same task, use spl retry.',
  examples: [
    ['spl rerun', 'run the newest run of this folder again'],
    ['spl rerun release', 'run the newest run of release again'],
    ['spl rerun "release #4" --detach', 'run a certain one again, and leave it running'],
  ],
  positionals: { run: RUN },
  flags: { output: OUTPUT_OPTION, force: FORCE_OPTION, detach: DETACH_OPTION },
  async run(context, { run, output, force, detach }) {
    await ensureSlots(context, await runningFleet(context), 0);
    const task = await runOrNewest(context, run);
    const opened = await context.submit('task.rerun', { task, ...(force && { force }) });
    return detach ? leaveRunning(context, opened) : followOpened(context, opened, { output });
  },
});
