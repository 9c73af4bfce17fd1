import type { FleetStarted } from '../../../contract/documents.ts';
import { printLines } from '../../context.ts';
import { launchLine, startedLines, type ShowPath } from '../../render/fleet.ts';
import { plural } from '../../../contract/format.ts';
import { tildePath } from '../../settings.ts';
import { defineVerb, number, text, type Context } from '../../verb.ts';

const DEFAULT_WORKERS = 2;

export const fleetStart = defineVerb({
  path: 'fleet start',
  summary: 'Start a coordinator and workers, and wait until all are live',
  description:
    'Reuses a running coordinator, adopts live workers, and starts more until there are --workers of them. Never stops ' +
    'a worker. Resumes open fan-outs. --share keeps a snapshot of each thread up to date in the folder SPL_SHARED, ' +
    'which every command can read. The next --share replaces the list.',
  examples: [
    ['spl fleet start', 'start a coordinator and two workers'],
    ['spl fleet start --workers 4 --executor shell', 'start four workers that run commands'],
    ['spl fleet start --share FIRST-001,th_notes', 'let every command read these threads'],
  ],
  positionals: {},
  flags: {
    workers: number('--workers <n>', 'Number of workers, 0 to 64 (default: 2)', {
      min: 0,
      max: 64,
      whole: true,
    }),
    executor: text('--executor <name>', 'Executor of subtasks that name none: echo, shell, …'),
    share: text('--share <threads>', 'Threads that every command can read, comma-separated, or none'),
  },
  async run(context, { workers, executor, share }) {
    const { out, env, settings } = context;
    const count = workers ?? DEFAULT_WORKERS;
    if (!settings.json) {
      printLines(out, [`Starting local fleet: 1 coordinator + ${plural(count, 'worker')}`]);
    }
    const spawned = await ensureCoordinator(context);
    const started = await context.submit('fleet.start', {
      workers: count,
      executor,
      ...(share === null ? {} : { share: sharedNames(share) }),
    });
    const { worktrees } = await context.report('worktrees', {});
    const left = worktrees.filter(({ state }) => state === 'left').length;
    const showPath = (path: string): string => tildePath(path, env);
    context.print(started, () => [
      ...coordinatorLines(started, spawned, showPath),
      ...startedLines(started, showPath, out.colours),
      ...(left === 0
        ? []
        : [
            `${out.colours.yellow('⚠')} ${plural(left, 'worktree')} left by interrupted attempts: spl worktree list`,
          ]),
    ]);
  },
});

/** Reads `--share`. `none` ends all sharing. */
const sharedNames = (given: string): string[] =>
  given === 'none' ? [] : given.split(',').map(name => name.trim());

/** Starts a coordinator unless one runs. A coordinator named by URL is never started. */
async function ensureCoordinator({ settings, starter, signal }: Context): Promise<boolean> {
  if (settings.url !== null) return false;
  const started = { home: settings.home, port: null, echo: false, lingerSecs: null, signal };
  return (await starter.ensureCoordinator(started)).spawned;
}

function coordinatorLines(started: FleetStarted, spawned: boolean, showPath: ShowPath): readonly string[] {
  const coordinator = started.instances.find(({ role }) => role === 'coordinator');
  if (coordinator === undefined) return [];
  return [launchLine('coordinator', spawned ? 'spawned' : 'running', coordinator, showPath)];
}
