import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'mocha';
import type { FleetStopped, JoinStatus } from '../../engine/contract/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { readPidFile, writePidFile } from '../../engine/home/process.ts';
import { ACTOR, echoes, isThere, scenario, type Scenario } from './harness.ts';
import { joinsOf } from './laws.ts';
import { seeded } from './seeded.ts';

describe('a coordinator that is killed (SIGKILL)', function () {
  this.timeout(180_000);

  it(
    'in a run: `fleet start` adopts the workers, names what it resumes, and the run ends as if nothing had been',
    scenario({ echoMs: 300 }, async fleet => {
      const before = await fleet.startFleet(2);
      await fleet.fanOut('RESUMED', echoes(8));
      const seen = await fleet.joinWhen('RESUMED', 'some are done', ({ completed }) => completed >= 2);
      await fleet.kill(await fleet.pidOf('coordinator'));
      const { code, out } = await fleet.spl('fleet', 'start', '--workers', '2');
      assert.equal(code, 0);
      assert.match(out, /→ resuming RESUMED: \d of 8 done/);
      for (const { alias, pid } of before.spawned) {
        assert.match(out, new RegExp(`\\[${alias}\\] +adopted PID ${pid} `));
        assert.equal(await fleet.pidOf(alias), pid);
      }
      const joined = await fleet.joined('RESUMED');
      assert.equal(joined.outcome, 'satisfied');
      keptWhatWasTold(seen, joined);
      assert.equal(await joinCount(fleet, 'RESUMED'), 1);
    }),
  );

  it(
    'at every point of its writes: the command that it answered holds, the one that it did not may be repeated',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      const points = [
        'fanout_spawned:1',
        'fanout_spawned:2',
        'fanout_child_done:1',
        'fanout_join_complete:1',
      ];
      const moments = ['before-write', 'half-write', 'before-sync', 'after-sync'];
      let n = 0;
      for (const point of points) {
        for (const moment of moments) await diesAt(fleet, `DIES-${++n}`, `${moment}:${point}`);
      }
    }),
  );

  it(
    'and is not followed: `fleet stop` still ends the workers and what they run, and nothing else',
    scenario({}, async fleet => {
      await fleet.startFleet(3);
      await fleet.fanOut('LEFT', [
        { goal: 'run on', run: 'echo $$ > pid; exec sleep 600', target: 'worker-a' },
      ]);
      const command = Number(await fleet.text(fleet.at('pid')));
      const workers = await Promise.all(['worker-a', 'worker-b', 'worker-c'].map(name => fleet.pidOf(name)));
      await fleet.kill(await fleet.pidOf('coordinator'));

      // A process that has the number which a worker's file names, and is another: it started at another time.
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
    'in the middle of a stop of everything: the next one finishes the stop, and starts no worker again',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      await fleet.fanOut('STOPPING', [
        { goal: 'run on', run: 'echo $$ > pid; exec sleep 600', target: 'worker-a' },
      ]);
      const command = Number(await fleet.text(fleet.at('pid')));
      const workers = await Promise.all(['worker-a', 'worker-b'].map(name => fleet.pidOf(name)));
      const stop = fleet.spl('fleet', 'stop', '--all', '--grace', '600');
      // One has nothing to finish, and is gone; the other one runs on, for as long as its grace.
      await fleet.gone(workers[1]!);
      await fleet.kill(await fleet.pidOf('coordinator'));
      assert.notEqual((await stop).code, 0, 'nobody answered');
      assert.ok(isThere(workers[0]!), 'the stop was not over');

      fleet.start(['serve']);
      await Promise.all([workers[0]!, command].map(pid => fleet.gone(pid)));
      await fleet.until(
        () => 'only the coordinator is left',
        async () => ((await fleet.fleet()).instances.length === 1 ? true : undefined),
      );
      assert.equal((await fleet.join('STOPPING')).complete, false);
      await fleet.startFleet(2);
    }),
  );

  it(
    'at random moments, again and again, workers too now and then: every run ends, with one join',
    scenario({ echoMs: 15 }, async fleet => {
      const seed = Number(process.env['SPL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      const random = seeded(seed);
      try {
        await fleet.startFleet(2);
        for (let round = 1; round <= 8; round++) await survivesKills(fleet, `ROUND-${round}`, random);
      } catch (error) {
        throw new Error(`with SPL_SEED=${seed}`, { cause: error });
      }
    }),
  );
});

const told = ({ stopped }: FleetStopped): unknown[] =>
  stopped.map(({ alias, pid, how }) => [alias, pid, how]);

/** Starts a coordinator that dies at a write, runs a fan-out into it, and starts the next. */
async function diesAt(fleet: Scenario, alias: string, fault: string): Promise<void> {
  await fleet.kill(await fleet.pidOf('coordinator'));
  await fleet.startFleet(2, fleet.preload('faults.mjs', { SPL_FAULT: fault }));
  const doomed = await fleet.pidOf('coordinator');
  await fleet.client.submit('task.add', task(alias, fleet.cwd));
  const record = await fanOutOnce(fleet, alias);
  await fleet.gone(doomed);
  await fleet.startFleet(2);
  const again = await fanOutOnce(fleet, alias);
  assert.ok(again !== undefined, `${fault}: the repeated command is answered`);
  if (record !== undefined)
    assert.equal(again, record, `${fault}: it is the fan-out that was answered before`);
  const { outcome, counts } = await fleet.joined(alias);
  assert.deepEqual([outcome, counts.accepted], ['satisfied', 5], fault);
  assert.equal(await joinCount(fleet, alias), 1, fault);
}

/** @returns the record of the fan-out, or undefined when nobody answered. */
async function fanOutOnce(fleet: Scenario, alias: string): Promise<string | undefined> {
  try {
    const input = { ...FAN_OUT, task: alias, subtasks: echoes(5) };
    return (await fleet.client.submit('task.fan-out', input, { actor: ACTOR, idempotencyKey: alias })).record;
  } catch (error) {
    if (FleetError.is(error, 'UNREACHABLE') || FleetError.is(error, 'LOG_POISONED')) return undefined;
    throw error;
  }
}

async function survivesKills(fleet: Scenario, alias: string, random: () => number): Promise<void> {
  await fleet.fanOut(alias, echoes(4 + Math.floor(random() * 20)));
  const kills = 1 + Math.floor(random() * 2);
  for (let i = 0; i < kills; i++) {
    await delay(random() * 150);
    const seen = await fleet.join(alias);
    const victims = [await fleet.pidOf('coordinator')];
    if (random() < 0.4) victims.push((await fleet.fleet()).instances.at(-1)?.pid ?? victims[0]!);
    await Promise.all([...new Set(victims)].filter(isThere).map(pid => fleet.kill(pid)));
    await fleet.startFleet(2);
    keptWhatWasTold(seen, await fleet.join(alias));
  }
  assert.equal((await fleet.joined(alias)).outcome, 'satisfied');
  assert.equal(await joinCount(fleet, alias), 1);
}

/** What a client was told once stays so. */
function keptWhatWasTold(before: JoinStatus, after: JoinStatus): void {
  for (const child of before.children) {
    if (child.verdict !== 'accept') continue;
    const { verdict, worker, attempt, wall_time_secs: wall } = after.children[child.index]!;
    assert.deepEqual(
      [verdict, worker, attempt, wall],
      ['accept', child.worker, child.attempt, child.wall_time_secs],
    );
  }
  if (before.complete) assert.deepEqual([after.complete, after.outcome], [true, before.outcome]);
}

async function joinCount(fleet: Scenario, thread: string): Promise<number> {
  return joinsOf((await fleet.client.report('thread.records', { thread })).records).length;
}

const FAN_OUT = {
  join: 'all',
  losers: 'keep',
  timeout_secs: null,
  budget_usd: null,
  budget_tokens: null,
  budget_secs: null,
  namespace: null,
  dir: null,
} as const;

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
