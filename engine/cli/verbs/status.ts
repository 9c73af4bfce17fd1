import { fleetFooter, healthLines } from '../render/fleet.ts';
import type { WorkerProcess } from '../host.ts';
import { EXIT } from '../exit-codes.ts';
import { runningFleet } from '../run/slots.ts';
import { plural } from '../../contract/format.ts';
import { tildePath } from '../settings.ts';
import { defineVerb } from '../verb.ts';

/** @param workers those that run without a coordinator */
function notRunningLines(workers: readonly WorkerProcess[]): readonly string[] {
  if (workers.length === 0) return ['fleet: not running; to start it: spl fleet start'];
  const go = workers.length === 1 ? 'worker goes' : 'workers go';
  return [
    `fleet: the coordinator is gone; ${workers.length} ${go} on: ${workers.map(({ alias }) => alias).join(', ')}`,
    '  → to take up the fleet again: spl fleet start; to end it: spl fleet stop --all',
  ];
}

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
      const workers = await context.starter.workersOf(context.settings.home);
      const document = { coordinator: null, fleet: null, workers, unfinished_tasks: tasks.length };
      context.print(document, () => [...notRunningLines(workers), unfinished]);
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
