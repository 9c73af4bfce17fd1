import { fleetFooter, healthLines } from '../render/fleet.ts';
import { EXIT } from '../exit-codes.ts';
import { runningFleet } from '../run/slots.ts';
import { plural } from '../../contract/format.ts';
import { tildePath } from '../settings.ts';
import { defineVerb } from '../verb.ts';

export const status = defineVerb({
  path: 'status',
  summary: 'Show the coordinator, its fleet and the unfinished tasks',
  description: 'Exits with 5 if no fleet is running.',
  examples: [['spl status', 'show a summary']],
  positionals: {},
  flags: {},
  async run(context) {
    const [fleet, { tasks }] = await Promise.all([
      runningFleet(context),
      context.report('tasks', { all: false }),
    ]);
    const unfinished = `tasks: ${plural(tasks.length, 'unfinished task')}`;
    if (fleet === null) {
      const document = { coordinator: null, fleet: null, unfinished_tasks: tasks.length };
      context.print(document, () => ['fleet: not running; to start it: spl fleet start', unfinished]);
      return EXIT.unreachable;
    }
    const { live, stale, archived } = fleet;
    const health = await context.report('health', {});
    context.print(
      { coordinator: health, fleet: { live, stale, archived }, unfinished_tasks: tasks.length },
      () => [
        ...healthLines(health, path => tildePath(path, context.env)),
        `fleet: ${fleetFooter(fleet)}`,
        unfinished,
      ],
    );
    return EXIT.done;
  },
});
