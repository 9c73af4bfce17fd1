import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorLines } from '../cli/render/error.ts';
import { FleetError, messageOf } from '../errors.ts';
import { firstAct, secondAct } from './tour/acts.ts';
import { closingLines, nextLines, type Comparison } from './tour/closing.ts';
import { colours, printLines } from './tour/print.ts';
import { Interrupted, Stage, TourEnded } from './tour/stage.ts';

/**
 * `npm start`: the tutorial, then checks of this repository, run in parallel and serially. Prints every command before
 * it runs it. Everything happens in a home of its own, which is removed at the end.
 * | `node dist/bin/tour.js PLAN` runs another plan in the second act.
 */

/** This file is `dist/bin/tour.js`, beside `spl`. */
const bin = dirname(realpathSync(process.argv[1]!));
const repository = dirname(dirname(bin));
const plan = process.argv[2] ?? 'check.fanout.yaml';

async function tour(): Promise<number> {
  const stage = await Stage.open({ bin, cwd: repository });
  endOnSignals(stage);
  let comparison: Comparison | undefined;
  let failure: unknown;
  try {
    await firstAct(stage);
    comparison = await secondAct(stage, plan);
  } catch (thrown) {
    failure = thrown;
    await stage.stop();
  }
  const left = await stage.close();
  if (comparison === undefined) return endedEarly(failure);
  if (left.length > 0)
    return endedEarly(new TourEnded(`had to kill what did not end: PID ${left.join(', ')}`));
  printLines(['', `${colours.green('✓')} The tour is over: its home is removed, and nothing of it runs.`]);
  printLines(['', ...closingLines(comparison), '', ...nextLines(plan)]);
  return 0;
}

function endOnSignals(stage: Stage): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => stage.end(new Interrupted(name)));
  process.stdout.on('error', () => stage.end(new TourEnded('its output has no reader any more')));
  process.stderr.on('error', () => undefined);
}

/** Prints the reason. @returns the exit code. */
function endedEarly(thrown: unknown): number {
  const reason = FleetError.is(thrown)
    ? thrown
    : new FleetError('UNAVAILABLE', `the tour ended early: ${messageOf(thrown)}`);
  process.stderr.write(`\n${errorLines(reason, colours).join('\n')}\n`);
  return thrown instanceof TourEnded ? thrown.exitCode : 1;
}

void tour()
  .catch(endedEarly)
  .then(code => process.exit(code));
