import { FleetError } from '../../../errors.ts';
import type { FleetStopped, HealthDocument } from '../../../contract/documents.ts';
import type { Commands } from '../../../operations/index.ts';
import { printLines } from '../../context.ts';
import { stoppedLines } from '../../render/fleet.ts';
import { defineVerb, number, text, toggle, type Context } from '../../verb.ts';

const DEFAULT_GRACE_SECS = 10;
/** The time limit for a drained process to end, in milliseconds. */
const CLOSING_MS = 10_000;

export const fleetStop = defineVerb({
  path: 'fleet stop',
  summary: 'Stop the workers, one instance, or the whole fleet',
  description:
    'A worker finishes its running attempts within --grace, then ends the rest and hands them back. Homes stay. ' +
    'Without options, stops the workers. Also stops workers whose coordinator is gone.',
  examples: [
    ['spl fleet stop', 'stop the workers'],
    ['spl fleet stop --all', 'stop the workers and the coordinator'],
    ['spl fleet stop --instance worker-b --grace 60', 'stop one worker, within a minute'],
  ],
  positionals: {},
  flags: {
    workers: toggle('--workers', 'Stop the workers (default)'),
    all: toggle('--all', 'Stop the workers and the coordinator'),
    instance: text('--instance <alias>', 'Stop one instance, by alias or DID', 'instances'),
    grace: number('--grace <secs>', 'Seconds that running attempts get to finish (default: 10)', {
      min: 0,
      max: 86_400,
    }),
  },
  async run(context, { workers, all, instance, grace }) {
    if ([workers, all, instance !== null].filter(Boolean).length > 1) {
      throw new FleetError('USAGE', '--workers, --all and --instance can’t be combined', {
        hint: 'Use only one of them.',
      });
    }
    await stopFleet(context, { scope: all ? 'all' : 'workers', instance, graceSecs: grace });
  },
});

/** Stops instances and prints the result. Waits for the process of the coordinator if that was stopped as well. */
export async function stopFleet(
  context: Context,
  request: { scope: 'workers' | 'all'; instance: string | null; graceSecs: number | null },
): Promise<void> {
  const grace_secs = request.graceSecs ?? DEFAULT_GRACE_SECS;
  const { scope, instance } = request;
  let coordinator: HealthDocument;
  try {
    coordinator = await context.report('health', {});
  } catch (thrown) {
    if (FleetError.is(thrown, 'UNREACHABLE') && (await stopLeft(context, { scope, instance, grace_secs })))
      return;
    throw thrown;
  }
  const stopped = await context.submit('fleet.stop', { scope, instance, grace_secs });
  context.print(stopped, () => stoppedLines(stopped, context.out.colours));
  if (stopped.coordinator_stopping) await awaitCoordinator(context, stopped, coordinator);
}

/** Stops the workers that a crashed coordinator left running. @returns false if there are none. */
async function stopLeft(
  context: Context,
  { scope, instance, grace_secs }: Commands['fleet.stop']['input'],
): Promise<boolean> {
  const { home, url } = context.settings;
  if (url !== null) return false;
  const stopped = await context.starter.stopLeft({ home, scope, instance, graceMs: grace_secs * 1000 });
  if (stopped.length === 0) return false;
  const document = { stopped, coordinator_stopping: false };
  context.print(document, () => [
    ...stoppedLines(document, context.out.colours),
    '· no coordinator was running',
  ]);
  return true;
}

async function awaitCoordinator(
  context: Context,
  stopped: FleetStopped,
  { pid, alias }: HealthDocument,
): Promise<void> {
  if (context.settings.url !== null) return;
  if (!(await context.starter.awaitGone({ home: context.settings.home, pid, graceMs: CLOSING_MS }))) {
    throw new FleetError('TIMED_OUT', `the coordinator (PID ${pid}) did not stop`, {
      details: { pid },
      hint: `Unless an editor hosts it, end it: kill ${pid}`,
    });
  }
  const isListed = stopped.stopped.some(instance => instance.alias === alias);
  if (!isListed && !context.settings.json) {
    printLines(context.out, [`${context.out.colours.green('✓')} coordinator stopped`]);
  }
}
