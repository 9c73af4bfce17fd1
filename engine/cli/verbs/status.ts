import { fleetFooter, healthLines } from '../render/fleet.ts';
import { plural } from '../../contract/format.ts';
import { tildePath } from '../settings.ts';
import { defineVerb } from '../verb.ts';

export const status = defineVerb({
  path: 'status',
  summary: 'Show the coordinator, its fleet and the unfinished tasks',
  examples: [['spl status', 'show a summary']],
  positionals: {},
  flags: {},
  async run(context) {
    const [health, fleet, { tasks }] = await Promise.all([
      context.report('health', {}),
      context.report('fleet', {}),
      context.report('tasks', { all: false }),
    ]);
    const { live, stale, archived } = fleet;
    context.print(
      { coordinator: health, fleet: { live, stale, archived }, unfinished_tasks: tasks.length },
      () => [
        ...healthLines(health, path => tildePath(path, context.env)),
        `fleet: ${fleetFooter(fleet)}`,
        `tasks: ${plural(tasks.length, 'unfinished task')}`,
      ],
    );
  },
});
