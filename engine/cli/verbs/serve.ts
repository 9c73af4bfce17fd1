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
  summary: 'run a coordinator',
  description: 'In the foreground until Ctrl-C, or as a background process. Workers go on without it.',
  examples: [
    ['spl serve', 'in the foreground, on port 9100 or the next free one'],
    ['spl serve --daemon --port 9300', 'in the background'],
    ['spl serve --status', 'whether one runs'],
    ['spl serve --stop', 'stop it; workers go on'],
    ['spl serve --standby', 'wait until it ends, and see its open fan-outs through'],
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
    standby: toggle('--standby', 'wait for the end of the one that runs, and serve while a fan-out is open'),
    linger: number('--linger <secs>', 'how long a standby serves on after the last fan-out (default: 10)', {
      min: 0,
      max: 86_400,
    }),
  },
  async run(context, { daemon, port, echo, stop, status, standby, linger }) {
    if ([daemon, stop, status, standby].filter(Boolean).length > 1) {
      throw new FleetError('USAGE', '--daemon, --stop, --status and --standby exclude each other', {
        hint: 'Give one of them.',
      });
    }
    if (standby && (echo || port !== null))
      throw new FleetError('USAGE', 'a standby takes neither --port nor --echo', {
        hint: 'It serves on the port that config.toml names, else on 9100 or the next free one.',
      });
    if (!standby && linger !== null)
      throw new FleetError('USAGE', '--linger goes with --standby', { hint: 'Give both, or neither.' });
    if (status) return tellHealth(context);
    if (stop) {
      await stopFleet(context, { scope: 'all', instance: 'coordinator', graceSecs: null });
      return EXIT.done;
    }
    const { home } = context.settings;
    if (standby) return context.starter.standBy({ home, lingerSecs: linger ?? DEFAULT_LINGER_SECS });
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
