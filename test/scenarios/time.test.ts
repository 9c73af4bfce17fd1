import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { homePaths } from '../../engine/home/paths.ts';
import { readPidFile } from '../../engine/home/pid-file.ts';
import { echoes, isThere, scenario, soon, type Scenario } from '../harness/fleet.ts';
import { joinsOf } from '../harness/laws.ts';
import { processesOfGroup } from '../harness/processes.ts';

const HEARTBEAT_SECS = 0.5;
/** Longer than three heartbeats. */
const PAST_TIME_OUTS_MS = 2_200;

describe('time', function () {
  this.timeout(120_000);

  it(
    'a clock that jumps back an hour, in mid-run and at a start: nobody is judged by it, and no time in the log falls',
    scenario({ echoMs: 300 }, async fleet => {
      const jumped = fleet.at('jumped');
      await fleet.startFleet(2, fleet.preload('clock.mjs', { SPL_CLOCK: jumped }));
      await fleet.fanOut('JUMPS', echoes(8));
      await fleet.joinWhen('JUMPS', 'some are done', ({ completed }) => completed >= 2);
      await writeFile(jumped, '');
      const { outcome, children } = await fleet.joined('JUMPS');
      assert.equal(outcome, 'satisfied');
      for (const { wall_time_secs: wall, attempt } of children) {
        assert.ok(wall > 0.25 && wall < 10, `a wall of ${wall}s`);
        assert.equal(attempt, 1);
      }
      await fleet.kill(await fleet.pidOf('coordinator'));
      await fleet.startFleet(2, fleet.preload('clock.mjs', { SPL_CLOCK: 'start' }));
      await fleet.fanOut('AFTER', echoes(4));
      assert.equal((await fleet.joined('AFTER')).outcome, 'satisfied');
      const report = await fleet.client.report('speedup', { task: 'JUMPS', vsSerial: null });
      assert.ok(
        report.measured_wall_secs! > 1 && report.measured_wall_secs! < 20,
        String(report.measured_wall_secs),
      );
      await timesRise(fleet);
      assert.deepEqual(await judgements(fleet), []);
    }),
  );

  it(
    'a coordinator that is stopped past all its time-outs and goes on: nobody is fenced, and the run ends',
    scenario({ heartbeatSecs: HEARTBEAT_SECS, echoMs: 150 }, async fleet => {
      await fleet.startFleet(2);
      const workers = await Promise.all(['worker-a', 'worker-b'].map(name => fleet.pidOf(name)));
      const coordinator = await fleet.pidOf('coordinator');
      await fleet.fanOut('SLEEPS', echoes(10));
      await fleet.joinWhen('SLEEPS', 'some are done', ({ completed }) => completed >= 2);
      fleet.signal(coordinator, 'SIGSTOP');
      await delay(PAST_TIME_OUTS_MS);
      fleet.signal(coordinator, 'SIGCONT');
      const { outcome, children } = await fleet.joined('SLEEPS');
      assert.equal(outcome, 'satisfied');
      assert.ok(children.every(({ attempt }) => attempt === 1));
      assert.deepEqual(await Promise.all(['worker-a', 'worker-b'].map(name => fleet.pidOf(name))), workers);
      assert.deepEqual(await judgements(fleet), []);
    }),
  );

  it(
    'a worker that hangs past three heartbeats: it is ended with all that it started, its work goes on, it comes back',
    scenario({ heartbeatSecs: HEARTBEAT_SECS }, async fleet => {
      await fleet.startFleet(2);
      const run = 'echo $$ > "pid-$SPL_ATTEMPT"; if [ "$SPL_ATTEMPT" = 1 ]; then sleep 60; fi';
      await fleet.fanOut('HANGS', [{ goal: 'hang', run, target: 'least-loaded-worker' }]);
      const group = Number(await fleet.text(fleet.at('pid-1')));
      const victim = (await fleet.join('HANGS')).children[0]!.worker!;
      const pid = await fleet.pidOf(victim);
      fleet.signal(pid, 'SIGSTOP');
      const { outcome, children } = await fleet.joined('HANGS');
      assert.equal(outcome, 'satisfied');
      assert.equal(isThere(pid), false, 'the hung process');
      await soon('its group is gone', () => processesOfGroup(group).length === 0);
      const [attempt] = children[0]!.earlier_attempts;
      assert.deepEqual([attempt!.worker, attempt!.verdict], [victim, 'failed']);
      assert.match(attempt!.reason ?? '', /worker died|worker lost: silent for \d/);
      const back = await fleet.instanceWhen(
        victim,
        'it is back',
        ({ status, pid: at }) => status === 'live' && at !== pid,
      );
      assert.notEqual(back.pid, pid);
      const reasons = await judgements(fleet);
      assert.match(reasons.join(), /stale: silent for \d.*archived: silent for \d/);
      assert.equal(joinsOf(await fleet.records('HANGS')).length, 1);
    }),
  );

  it(
    'a worker without a coordinator and with nothing to do ends itself; one with an unreported result keeps it on the disk',
    scenario(
      {
        workers: {
          a: '[fleet]\nworker_idle_exit_secs = 1\n',
          b: '[fleet]\nworker_idle_exit_secs = 1\n',
        },
      },
      async fleet => {
        await fleet.startFleet(2);
        const run = 'touch started; while [ ! -e go ]; do sleep 0.1; done; echo kept > kept; cat kept';
        await fleet.fanOut('ALONE', [{ goal: 'finish alone', run, target: 'worker-a' }]);
        await fleet.joinWhen('ALONE', 'it runs', ({ children }) => children[0]!.wall_time_secs > 0);
        const [busy, idle] = [await fleet.pidOf('worker-a'), await fleet.pidOf('worker-b')];
        await fleet.kill(await fleet.pidOf('coordinator'));
        await soon('the idle one has ended', () => !isThere(idle), 10_000);
        assert.equal(isThere(busy), true, 'the busy one runs on');
        await writeFile(fleet.at('go'), '');
        await soon('the busy one has ended', () => !isThere(busy), 10_000);
        assert.equal(await readPidFile(homePaths(fleet.workerHome('a')).pidFile), undefined);
        await fleet.startFleet(2);
        const { outcome, children } = await fleet.joined('ALONE');
        assert.deepEqual([outcome, children[0]!.attempt, children[0]!.summary], ['satisfied', 1, 'kept']);
      },
    ),
  );
});

/** Returns the coordinator's records about its workers' silence. */
async function judgements(fleet: Scenario): Promise<string[]> {
  const records = await fleet.recordsOn('th_instance_registry');
  return records
    .filter(({ body }) => body['topic'] === 'instance_status')
    .map(({ body }) => `${body['status'] as string}: ${body['reason'] as string}`)
    .filter(text => text.includes('silent'));
}

/** Asserts that the times of the records in the log rise. */
async function timesRise(fleet: Scenario): Promise<void> {
  const { end } = { end: (await fleet.client.report('health', {})).records };
  let last = 0;
  let seen = 0;
  for await (const event of fleet.client.watch({
    kinds: ['record'],
    after: 0,
    signal: AbortSignal.timeout(10_000),
  })) {
    if (event.kind !== 'record') continue;
    assert.ok(event.at >= last, `record ${event.position} stands at ${event.at}, after ${last}`);
    last = event.at;
    if (++seen >= end - 1) return;
  }
  throw new Error(`only ${seen} of ${end} records were told`);
}
