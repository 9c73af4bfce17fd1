import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { FleetError } from '../../engine/errors.ts';
import { BIN, echoes, ended, isThere, scenario, soon, type Ran, type Scenario } from '../harness/fleet.ts';
import { joinsOf } from '../harness/laws.ts';

/** A waiting standby, and its end. */
interface Standby {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly end: Promise<Ran>;
}

async function standby(fleet: Scenario, linger = '1', program = join(BIN, 'spl')): Promise<Standby> {
  const process = fleet.startProgram(program, ['serve', '--standby', '--linger', linger]);
  const end = ended(process, 120_000);
  await Promise.race([once(process.stdout!, 'data'), end.then(({ err }) => assert.fail(err))]);
  return { process, pid: process.pid!, end };
}

/** Kills the coordinator once some of this task's children are done and some are not. */
async function killInMidRun(fleet: Scenario, task: string): Promise<void> {
  const coordinator = await fleet.pidOf('coordinator');
  await fleet.joinWhen(task, 'some are done', ({ completed }) => completed >= 2);
  await fleet.kill(coordinator);
}

/** Waits until this process serves the home. There may be no coordinator for a moment. */
function coordinatorIs(fleet: Scenario, pid: number): Promise<void> {
  return soon(`process ${pid} serves`, async () => {
    try {
      return (await fleet.client.report('health', {})).pid === pid;
    } catch (error) {
      if (FleetError.is(error, 'UNREACHABLE')) return false;
      throw error;
    }
  });
}

describe('a standby', function () {
  this.timeout(120_000);

  it(
    'finishes a run when the coordinator is killed, and ends by itself: the workers go on to the next one',
    scenario({ echoMs: 150 }, async fleet => {
      const before = await fleet.startFleet(2);
      const waiting = await standby(fleet);
      await fleet.fanOut('RESUMED', echoes(16));
      await killInMidRun(fleet, 'RESUMED');
      await coordinatorIs(fleet, waiting.pid);
      const joined = await fleet.joined('RESUMED');
      assert.deepEqual([joined.outcome, joined.counts.accepted, joined.round], ['satisfied', 16, 1]);
      const { code, out, err } = await waiting.end;
      assert.deepEqual([code, err], [0, '']);
      assert.match(out, /took over, 1 fan-outs are open/);
      assert.equal((await fleet.spl('serve', '--status')).code, 5, 'nobody serves any more');
      for (const { pid } of before.spawned) assert.ok(isThere(pid), 'the workers live');

      const after = await fleet.startFleet(2);
      assert.deepEqual([after.spawned, after.adopted.length, after.resumed], [[], 2, []]);
      assert.equal(joinsOf(await fleet.records('RESUMED')).length, 1);
    }),
  );

  it(
    'ends at once if no fan-out is open, and a start at that moment succeeds',
    scenario({}, async fleet => {
      const { spawned } = await fleet.startFleet(1);
      const waiting = await standby(fleet, '60');
      await fleet.kill(await fleet.pidOf('coordinator'));
      const [{ code, out }, started] = await Promise.all([waiting.end, fleet.startFleet(1)]);
      assert.equal(code, 0);
      assert.match(out, /no fan-out is open/);
      assert.deepEqual(started.adopted.length, 1);
      assert.ok(isThere(spawned[0]!.pid));
    }),
  );

  it(
    'is one of several: one takes over while the others wait, and follows when that one is killed',
    scenario({ echoMs: 300 }, async fleet => {
      await fleet.startFleet(2);
      const standbys = await Promise.all([standby(fleet), standby(fleet)]);
      await fleet.fanOut('LONG', echoes(20));
      await killInMidRun(fleet, 'LONG');
      const listed = await fleet.spl('fleet', 'list');
      assert.equal(listed.code, 0, `a command in the moment of the take-over: ${listed.err}`);
      const pid = await fleet.pidOf('coordinator');
      const [taker, other] = standbys[0].pid === pid ? standbys : standbys.toReversed();
      assert.equal(taker!.pid, pid);
      assert.ok(isThere(other!.pid));
      await fleet.kill(taker!.pid);
      await coordinatorIs(fleet, other!.pid);
      assert.equal((await fleet.joined('LONG')).counts.accepted, 20);
      assert.equal((await other!.end).code, 0);
    }),
  );

  it(
    'stays down when somebody asked the coordinator to stop, be that a standby; the next start resumes',
    scenario({ echoMs: 100 }, async fleet => {
      await fleet.startFleet(1);
      const standbys = await Promise.all([standby(fleet), standby(fleet)]);
      await fleet.fanOut('STOPPED', echoes(100));
      await killInMidRun(fleet, 'STOPPED');
      assert.equal((await fleet.spl('fleet', 'list')).code, 0, 'one of them serves');
      const stopped = await fleet.spl('fleet', 'stop', '--all', '--grace', '0');
      assert.equal(stopped.code, 0, stopped.err);
      const ends = await Promise.all(standbys.map(({ end }) => end));
      assert.deepEqual(
        ends.map(({ code }) => code),
        [0, 0],
      );
      await fleet.nothingRuns();
      assert.equal((await fleet.spl('serve', '--status')).code, 5);

      const { resumed } = await fleet.startFleet(1);
      assert.deepEqual(
        resumed.map(({ alias }) => alias),
        ['STOPPED'],
      );
      // That one was not asked to stop, so the next standby takes over.
      const next = await standby(fleet);
      await fleet.kill(await fleet.pidOf('coordinator'));
      await coordinatorIs(fleet, next.pid);
      await fleet.client.submit('task.cancel', { task: 'STOPPED', subtask: null, reason: null });
      assert.equal((await next.end).code, 0);
    }),
  );

  it(
    'leaves at once when it is asked to, while it waits and while it serves',
    scenario({ echoMs: 200 }, async fleet => {
      await fleet.startFleet(1);
      const [one, two] = await Promise.all([standby(fleet), standby(fleet)]);
      fleet.signal(one.pid, 'SIGTERM');
      assert.deepEqual([(await one.end).code, isThere(two.pid)], [0, true]);
      await fleet.fanOut('OPEN', echoes(50));
      await killInMidRun(fleet, 'OPEN');
      await coordinatorIs(fleet, two.pid);
      fleet.signal(two.pid, 'SIGTERM');
      assert.equal((await two.end).code, 0);
      await fleet.startFleet(1);
      await fleet.client.submit('task.cancel', { task: 'OPEN', subtask: null, reason: null });
      await fleet.joined('OPEN');
    }),
  );

  it(
    'needs nothing from its program’s folder once it waits',
    scenario({ echoMs: 150 }, async fleet => {
      await fleet.startFleet(2);
      await cp(join(BIN, '..'), fleet.at('program'), { recursive: true });
      const waiting = await standby(fleet, '0', fleet.at('program/bin/spl'));
      await rm(fleet.at('program'), { recursive: true });
      await fleet.fanOut('MOVED', echoes(10));
      await killInMidRun(fleet, 'MOVED');
      await coordinatorIs(fleet, waiting.pid);
      assert.equal((await waiting.end).code, 0);
      assert.equal((await fleet.joinAfterStart('MOVED')).counts.accepted, 10);
    }),
  );
});
