import type { FleetStarted } from '../../../contract/documents.ts';
import { printLines } from '../../context.ts';
import { launchLine, startedLines, type ShowPath } from '../../render/fleet.ts';
import { plural } from '../../../contract/format.ts';
import { tildePath } from '../../settings.ts';
import { defineVerb, number, text, type Context } from '../../verb.ts';

const DEFAULT_WORKERS = 2;

export const fleetStart = defineVerb({
  path: 'fleet start',
  summary: 'start a coordinator and workers, and wait until all are live',
  description:
    'Reuses a running coordinator, adopts live workers and raises their number; it never lowers it. Fan-outs ' +
    'that were under way go on. A thread that is shared is kept up to date as a snapshot in the folder that commands ' +
    'find in SPL_SHARED; it is shared until others are, or none.',
  examples: [
    ['spl fleet start', 'a coordinator and two echo workers'],
    ['spl fleet start --workers 4 --executor shell', 'four workers that run commands'],
    ['spl fleet start --share FIRST-001,th_notes', 'and what is on these threads is there for them to read'],
  ],
  positionals: {},
  flags: {
    workers: number('--workers <n>', 'how many workers, 0 to 64 (default: 2)', {
      min: 0,
      max: 64,
      whole: true,
    }),
    executor: text('--executor <name>', 'what runs subtasks that name no executor: echo, shell, …'),
    share: text('--share <threads>', 'threads that every command may read, with commas between; or none'),
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
            `${out.colours.yellow('⚠')} ${plural(left, 'worktree')} left by attempts that broke off: spl worktree list`,
          ]),
    ]);
  },
});

/** `none` shares nothing from now on. */
const sharedNames = (given: string): string[] =>
  given === 'none' ? [] : given.split(',').map(name => name.trim());

/** One that is named by URL is somebody else's to start. */
async function ensureCoordinator({ settings, starter, signal }: Context): Promise<boolean> {
  if (settings.url !== null) return false;
  return (await starter.ensureCoordinator({ home: settings.home, port: null, echo: false, signal })).spawned;
}

function coordinatorLines(started: FleetStarted, spawned: boolean, showPath: ShowPath): readonly string[] {
  const coordinator = started.instances.find(({ role }) => role === 'coordinator');
  if (coordinator === undefined) return [];
  return [launchLine('coordinator', spawned ? 'spawned' : 'running', coordinator, showPath)];
}
