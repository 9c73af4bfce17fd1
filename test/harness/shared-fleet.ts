import assert from 'node:assert/strict';
import { after } from 'mocha';
import { inTime, Scenario, type ScenarioOptions } from './fleet.ts';

/**
 * Fleets that tests share, since starting one takes longer than most of what is tested on it. Such a test kills, stops and
 * sets nothing; it has a folder of its own, names its own tasks, namespaces and threads, and leaves nothing under way.
 */

/** The fleets that run, by the options that they were made with. */
const running = new Map<string, Scenario>();
/** The number of tests that have had a fleet, which gives each a folder of its own. */
let tests = 0;
/** The time limit for a fleet to end, in milliseconds. */
const ENDING_MS = 60_000;

/**
 * A fleet for the tests of a suite; one that a file has for all its suites is that of all files which want the same. The
 * first test starts it, and at the end of the suite, or of the run, it is proven of it what the end of a scenario proves.
 * One on which a test has failed is taken down, and the next test starts another.
 * @returns what makes a test of a body
 */
export function sharedFleet(
  options: ScenarioOptions = {},
  workers = 2,
): (body: (fleet: Scenario) => Promise<void>) => Mocha.AsyncFunc {
  const key = JSON.stringify([options, workers]);
  after('the end of the fleet that tests shared', async function () {
    this.timeout(ENDING_MS);
    await guarded(key, this, async () => running.get(key)?.end({}));
    await takeDown(key);
  });
  return body =>
    async function () {
      await guarded(key, this, async () => {
        const fleet = running.get(key) ?? (await start(key, options, workers));
        await inFolder(fleet, body);
        await leavesNothing(fleet);
      });
    };
}

async function start(key: string, options: ScenarioOptions, workers: number): Promise<Scenario> {
  const fleet = await Scenario.make({ heartbeatSecs: 5, ...options });
  running.set(key, fleet);
  await fleet.startFleet(workers);
  return fleet;
}

async function inFolder(fleet: Scenario, body: (fleet: Scenario) => Promise<void>): Promise<void> {
  const own = await fleet.inFolder(String(++tests));
  try {
    await body(own);
  } finally {
    await own.close();
  }
}

/** Waits until the next test finds a fleet with nothing to do, on which everything may run. */
async function leavesNothing(fleet: Scenario): Promise<void> {
  let open: readonly string[] = [];
  const left = await fleet.until(
    () => `the fan-outs of the test are over: ${open.join(', ')}`,
    async () => {
      const live = await fleet.client.report('live', {});
      open = live.fan_outs.map(({ alias }) => alias);
      return open.length === 0 ? live : undefined;
    },
  );
  assert.deepEqual([left.freezes, left.emergency], [[], null], 'nothing is frozen');
}

/** Takes the fleet down when this fails or does not end. */
async function guarded(key: string, context: Mocha.Context, run: () => Promise<void>): Promise<void> {
  try {
    await inTime(context, run());
  } catch (error) {
    const explained = await running.get(key)?.explained(error);
    await takeDown(key);
    throw explained ?? error;
  }
}

async function takeDown(key: string): Promise<void> {
  const fleet = running.get(key);
  running.delete(key);
  await fleet?.[Symbol.asyncDispose]();
}
