import { FleetError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { healthLines } from '../render/fleet.ts';
import { portOf } from '../../contract/format.ts';
import { tildePath } from '../settings.ts';
import { defineVerb, number, toggle } from '../verb.ts';
import { stopFleet } from './fleet/stop.ts';

export const serve = defineVerb({
  path: 'serve',
  summary: 'run a coordinator',
  description: 'In the foreground until Ctrl-C, or as a background process. Workers go on without it.',
  examples: [
    ['spl serve', 'in the foreground, on port 9100 or the next free one'],
    ['spl serve --daemon --port 9300', 'in the background'],
    ['spl serve --status', 'whether one runs'],
    ['spl serve --stop', 'stop it; workers go on'],
  ],
  positionals: {},
  flags: {
    daemon: toggle('--daemon', 'as a background process'),
    port: number('--port <n>', 'the HTTP port (default: 9100, or the next free one)', {
      min: 0,
      max: 65_535,
      whole: true,
    }),
    echo: toggle('--echo', 'with one echo worker at once'),
    stop: toggle('--stop', 'stop the one that runs'),
    status: toggle('--status', 'tell whether one runs'),
  },
  async run(context, { daemon, port, echo, stop, status }) {
    if ([daemon, stop, status].filter(Boolean).length > 1) {
      throw new FleetError('USAGE', '--daemon, --stop and --status exclude each other', {
        hint: 'Give one of them.',
      });
    }
    if (status) return tellHealth(context);
    if (stop) {
      await stopFleet(context, { scope: 'all', instance: 'coordinator', graceSecs: null });
      return EXIT.done;
    }
    const { home } = context.settings;
    if (!daemon) return context.starter.serve({ home, port, echo, foreground: true });
    return startDaemon(context, { port, echo });
  },
});

async function tellHealth(context: Context): Promise<number> {
  const health = await context.report('health', {});
  context.print(health, () => healthLines(health, path => tildePath(path, context.env)));
  return EXIT.done;
}

async function startDaemon(
  context: Context,
  { port, echo }: { port: number | null; echo: boolean },
): Promise<number> {
  const { settings, starter, signal } = context;
  const { spawned } = await starter.ensureCoordinator({ home: settings.home, port, echo, signal });
  const health = await context.report('health', {});
  context.print(health, () => [
    `${context.out.colours.green('✓')} coordinator ${spawned ? 'started' : 'runs already'}: ` +
      `PID ${health.pid} on ${portOf(health.endpoint)}`,
  ]);
  return EXIT.done;
}
