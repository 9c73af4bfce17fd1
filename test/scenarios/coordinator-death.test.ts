import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { describe, it } from 'mocha';
import type { FleetStopped } from '../../engine/contract/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { readPidFile, writePidFile } from '../../engine/home/pid-file.ts';
import { sampled } from '../runs.ts';
import { ACTOR, echoes, isThere, scenario, type Scenario } from '../harness/fleet.ts';
import { joinsOf, keptReportedResults } from '../harness/laws.ts';
import { BARE_FAN_OUT } from '../../engine/contract/testing/requests.ts';

describe('a coordinator that is killed (SIGKILL)', function () {
  this.timeout(180_000);

  it(
    'in a run: `fleet start` adopts the workers, names resumed fan-outs, and the run ends as usual',
    scenario({ echoMs: 300 }, async fleet => {
      const before = await fleet.startFleet(2);
      await fleet.fanOut('RESUMED', echoes(8));
      const seen = await fleet.joinWhen('RESUMED', 'some are done', ({ completed }) => completed >= 2);
      await fleet.kill(await fleet.pidOf('coordinator'));
      const status = await fleet.spl('status');
      assert.equal(status.code, 5);
      assert.match(
        status.out,
        /^fleet: the coordinator is gone; 2 workers go on: worker-a, worker-b\n {2}→ to take up the fleet again: spl fleet start; /,
      );
      const { code, out } = await fleet.spl('fleet', 'start', '--workers', '2');
      assert.equal(code, 0);
      assert.match(out, /→ resuming RESUMED: \d of 8 done/);
      for (const { alias, pid } of before.spawned) {
        assert.match(out, new RegExp(`\\[${alias}\\] +adopted PID ${pid} `));
        assert.equal(await fleet.pidOf(alias), pid);
      }
      const joined = await fleet.joined('RESUMED');
      assert.equal(joined.outcome, 'satisfied');
      keptReportedResults(seen, joined);
      assert.equal(await joinCount(fleet, 'RESUMED'), 1);
    }),
  );

  it(
    'at every point of its writes: an answered command holds, an unanswered one may be repeated',
    // Echoes last long enough that nothing is delivered ahead of a free slot, so deliveries take several writes.
    scenario({ echoMs: 60 }, async fleet => {
      await fleet.startFleet(2, faultsOf(fleet));
      const points = [
        'fanout_spawned:1',
        'fanout_spawned:2',
        'fanout_child_done:1',
        'fanout_join_complete:1',
      ];
      const moments = ['before-write', 'half-write', 'before-sync', 'after-sync'];
      const faults = points.flatMap(point => moments.map(moment => `${moment}:${point}`));
      for (const [n, fault] of sampled(faults, 5).entries()) await diesAt(fleet, `DIES-${n}`, fault);
    }),
  );

  it(
    'and is not replaced: `fleet stop` still ends the workers and their attempts, and nothing else',
    scenario({}, async fleet => {
      await fleet.startFleet(3);
      await fleet.fanOut('LEFT', [
        { goal: 'run on', run: 'echo $$ > pid; exec sleep 600', target: 'worker-a' },
      ]);
      const command = Number(await fleet.text(fleet.at('pid')));
      const workers = await Promise.all(['worker-a', 'worker-b', 'worker-c'].map(name => fleet.pidOf(name)));
      await fleet.kill(await fleet.pidOf('coordinator'));

      // A process with the pid in a worker's file, but with another start time, is another process.
      await fleet.kill(workers[2]!);
      const bystander = fleet.startProgram('-e', ['setInterval(() => {}, 1000)']);
      const file = homePaths(fleet.workerHome('c')).pidFile;
      await writePidFile(file, { ...(await readPidFile(file))!, pid: bystander.pid! });

      const one = await fleet.json<FleetStopped>('fleet', 'stop', '--instance', 'worker-b');
      assert.deepEqual(told(one), [['worker-b', workers[1], 'terminated']]);
      assert.deepEqual([isThere(workers[0]!), isThere(workers[1]!)], [true, false]);

      const all = await fleet.spl('fleet', 'stop', '--all', '--grace', '1');
      assert.equal(all.code, 0, all.err);
      assert.match(all.out, /✓ worker-a stopped \((terminated|killed)\)\n· no coordinator was running/);
      assert.equal(isThere(workers[0]!), false);
      await fleet.gone(command);
      assert.ok(isThere(bystander.pid!), 'the bystander lives');
      assert.equal((await fleet.refused(5, 'fleet', 'stop', '--all')).code, 'UNREACHABLE');
      await fleet.kill(bystander.pid!);
      await fleet.nothingRuns();
    }),
  );

  it(
    'during a stop of everything: the next one finishes the stop, and starts no worker',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      await fleet.fanOut('STOPPING', [
        { goal: 'run on', run: 'echo $$ > pid; exec sleep 600', target: 'worker-a' },
      ]);
      const command = Number(await fleet.text(fleet.at('pid')));
      const workers = await Promise.all(['worker-a', 'worker-b'].map(name => fleet.pidOf(name)));
      const stop = fleet.spl('fleet', 'stop', '--all', '--grace', '600');
      // One worker has nothing to finish, and ends. The other runs on, until its grace ends.
      await fleet.gone(workers[1]!);
      await fleet.kill(await fleet.pidOf('coordinator'));
      assert.notEqual((await stop).code, 0, 'nobody answered');
      assert.ok(isThere(workers[0]!), 'the stop was not over');

      fleet.start(['serve']);
      await Promise.all([workers[0]!, command].map(pid => fleet.gone(pid)));
      await fleet.until(
        () => 'only the coordinator is left',
        async () => ((await fleet.state()).instances.length === 1 ? true : undefined),
      );
      assert.equal((await fleet.join('STOPPING')).complete, false);
      await fleet.startFleet(2);
    }),
  );
});

const told = ({ stopped }: FleetStopped): unknown[] =>
  stopped.map(({ alias, pid, how }) => [alias, pid, how]);

/** Returns an environment in which the coordinator applies the fault from a file. */
const faultsOf = (fleet: Scenario): NodeJS.ProcessEnv =>
  fleet.preload('faults.mjs', { SPL_FAULT_FILE: fleet.at('fault') });

/** Makes the coordinator die at a write during a fan-out, and starts the next one. */
async function diesAt(fleet: Scenario, alias: string, fault: string): Promise<void> {
  const doomed = await fleet.pidOf('coordinator');
  await fleet.write('coming', fault);
  await rename(fleet.at('coming'), fleet.at('fault'));
  await fleet.client.submit('task.add', task(alias, fleet.cwd));
  const record = await fanOutOnce(fleet, alias);
  await fleet.gone(doomed);
  await rm(fleet.at('fault'));
  await fleet.startFleet(2, faultsOf(fleet));
  const again = await fanOutOnce(fleet, alias);
  assert.ok(again !== undefined, `${fault}: the repeated command is answered`);
  if (record !== undefined)
    assert.equal(again, record, `${fault}: it is the fan-out that was answered before`);
  const { outcome, counts } = await fleet.joined(alias);
  assert.deepEqual([outcome, counts.accepted], ['satisfied', 5], fault);
  assert.equal(await joinCount(fleet, alias), 1, fault);
}

/** @returns the record of the fan-out; undefined if there was no answer */
async function fanOutOnce(fleet: Scenario, alias: string): Promise<string | undefined> {
  try {
    const input = { ...BARE_FAN_OUT, task: alias, subtasks: echoes(5) };
    return (await fleet.client.submit('task.fan-out', input, { actor: ACTOR, idempotencyKey: alias })).record;
  } catch (error) {
    if (FleetError.is(error, 'UNREACHABLE') || FleetError.is(error, 'LOG_POISONED')) return undefined;
    throw error;
  }
}

async function joinCount(fleet: Scenario, thread: string): Promise<number> {
  return joinsOf(await fleet.records(thread)).length;
}

function task(alias: string, dir: string) {
  return {
    goal: `the goal of ${alias}`,
    alias,
    priority: 'medium' as const,
    labels: [],
    domain: null,
    hypothesis: null,
    criteria: [],
    namespace: null,
    dir,
  };
}
