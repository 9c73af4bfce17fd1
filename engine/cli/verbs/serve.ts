import { FleetError } from '../../errors.ts';
import type { Context } from '../verb.ts';
import { EXIT } from '../exit-codes.ts';
import { healthLines } from '../render/fleet.ts';
import { portOf } from '../../contract/format.ts';
import { tildePath } from '../settings.ts';
import { defineVerb, number, toggle } from '../verb.ts';
import { stopFleet } from './fleet/stop.ts';

const DEFAULT_LINGER_SECS = 10;

export const serve = defineVerb({
  path: 'serve',
  summary: 'Run a coordinator',
  description:
    'Runs in the foreground until Ctrl-C, or in the background with --daemon. Workers keep running without it.',
  examples: [
    ['spl serve', 'run it in the foreground, on port 9100 or the next free one'],
    ['spl serve --daemon --port 9300', 'run it in the background'],
    ['spl serve --status', 'show whether one runs'],
    ['spl serve --stop', 'stop it, and keep the workers'],
    ['spl serve --standby', 'take over its open fan-outs when it ends'],
  ],
  positionals: {},
  flags: {
    daemon: toggle('--daemon', 'Run in the background'),
    port: number('--port <n>', 'HTTP port (default: 9100, or the next free one)', {
      min: 0,
      max: 65_535,
      whole: true,
    }),
    echo: toggle('--echo', 'Start one echo worker as well'),
    stop: toggle('--stop', 'Stop the running coordinator'),
    status: toggle('--status', 'Show whether a coordinator runs'),
    standby: toggle(
      '--standby',
      'Wait until the running coordinator ends, then serve while a fan-out is open',
    ),
    linger: number(
      '--linger <secs>',
      'Seconds after the last fan-out at which it ends, with its workers (default: 10 with --standby, else never)',
      {
        min: 0,
        max: 86_400,
      },
    ),
  },
  async run(context, { daemon, port, echo, stop, status, standby, linger }) {
    if ([daemon, stop, status, standby].filter(Boolean).length > 1) {
      throw new FleetError('USAGE', '--daemon, --stop, --status and --standby can’t be combined', {
        hint: 'Use only one of them.',
      });
    }
    if (standby && (echo || port !== null))
      throw new FleetError('USAGE', '--standby can’t be combined with --port or --echo', {
        hint: 'A standby uses the port in config.toml, else 9100 or the next free one.',
      });
    if ((stop || status) && linger !== null)
      throw new FleetError('USAGE', '--linger can’t be combined with --stop or --status', {
        hint: 'Leave --linger out.',
      });
    if (status) return tellHealth(context);
    if (stop) {
      await stopFleet(context, { scope: 'all', instance: 'coordinator', graceSecs: null });
      return EXIT.done;
    }
    const { home } = context.settings;
    if (standby) return context.starter.standBy({ home, lingerSecs: linger ?? DEFAULT_LINGER_SECS });
    if (!daemon) return context.starter.serve({ home, port, echo, foreground: true, lingerSecs: linger });
    return startDaemon(context, { port, echo, lingerSecs: linger });
  },
});

async function tellHealth(context: Context): Promise<number> {
  const health = await context.report('health', {});
  context.print(health, () => healthLines(health, path => tildePath(path, context.env)));
  return EXIT.done;
}

async function startDaemon(
  context: Context,
  started: { readonly port: number | null; readonly echo: boolean; readonly lingerSecs: number | null },
): Promise<number> {
  const { settings, starter, signal } = context;
  const { spawned } = await starter.ensureCoordinator({ home: settings.home, ...started, signal });
  const health = await context.report('health', {});
  context.print(health, () => [
    `${context.out.colours.green('✓')} coordinator ${spawned ? 'started' : 'already running'}: ` +
      `PID ${health.pid} on ${portOf(health.endpoint)}`,
  ]);
  return EXIT.done;
}
