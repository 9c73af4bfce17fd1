import assert from 'node:assert/strict';
import { after } from 'mocha';
import { inTime, Scenario, type ScenarioOptions } from './fleet.ts';

/**
 * Fleets that tests share, because starting one takes longer than most tests. Such a test kills, stops and configures
 * nothing. It has its own folder, uses its own tasks, namespaces and threads, and leaves nothing under way.
 */

/** The running fleets, by their options. */
const running = new Map<string, Scenario>();
/** The number of tests that used a fleet, which gives each test its own folder. */
let tests = 0;
/** The time limit for a fleet to end, in milliseconds. */
const ENDING_MS = 60_000;

/**
 * Shares a fleet among the tests of a suite. A fleet for all suites of a file is shared with all files that need the
 * same options. The first test starts it. At the end of the suite, or of the run, the fleet must pass the checks at the
 * end of a scenario. After a failed test, the fleet is taken down, and the next test starts another.
 * @returns a function that makes a test from a body
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

/** Waits until the fleet is idle and nothing prevents starts, for the next test. */
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

/** Takes the fleet down if `run` fails or does not end. */
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
