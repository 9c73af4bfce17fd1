import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'mocha';
import { homePaths } from '../../engine/home/paths.ts';
import { echoes, isThere, scenario, soon, type Scenario } from '../harness/fleet.ts';
import { joinsOf } from '../harness/laws.ts';
import { processesNaming, processesOfGroup } from '../harness/processes.ts';

/** A command that writes its pid and a line for each run. It hangs at the first attempt only. */
const HANGS_ONCE = 'echo $$ >> pids; if [ "$SPL_ATTEMPT" = 1 ]; then sleep 60 & sleep 60; fi; echo again';

describe('a worker that is killed (SIGKILL)', function () {
  this.timeout(120_000);

  it(
    'in mid-subtask: an echo goes on where it is started again or elsewhere, and the join fires once',
    scenario({ echoMs: 400 }, async fleet => {
      await fleet.startFleet(2);
      await fleet.fanOut('DIES', echoes(6));
      await fleet.joinWhen('DIES', 'subtasks run', ({ children }) => isRunningOn(children, 'worker-a'));
      await fleet.kill(await fleet.pidOf('worker-a'));
      const joined = await fleet.joined('DIES');
      assert.deepEqual([joined.outcome, joined.counts.accepted], ['satisfied', 6]);
      assert.equal(joinsOf(await fleet.records('DIES')).length, 1);
    }),
  );

  it(
    'in mid-subtask: the group of a shell command is gone, the loss is named, and the next attempt knows of it (I40, I41)',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      await fleet.fanOut('DIES', [{ goal: 'hang once', run: HANGS_ONCE }]);
      const { children } = await fleet.joinWhen('DIES', 'it runs', isRunning);
      await fleet.text(fleet.at('pids'));
      const victim = children[0]!.worker!;
      await fleet.kill(await fleet.pidOf(victim));
      const { outcome, children: ended } = await fleet.joined('DIES');
      assert.equal(outcome, 'satisfied');
      const { attempt, summary, earlier_attempts: earlier, thread } = ended[0]!;
      assert.deepEqual([attempt, summary], [2, 'again']);
      assert.deepEqual(
        earlier.map(({ attempt: n, worker, verdict, reason }) => [n, worker, verdict, reason]),
        [[1, victim, 'failed', 'worker died']],
      );
      await groupsAreGone(fleet);
      const intents = (await fleet.recordsOn(thread)).filter(({ act }) => act === 'INTEND');
      assert.deepEqual(
        intents.map(({ body }) => [body['attempt'], body['may_have_run'] ?? false]),
        [
          [1, false],
          [2, true],
        ],
      );
    }),
  );

  it(
    'with its coordinator, while it keeps a result that nobody took: the result counts, and nothing runs twice',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fleet.fanOut('KEEPS', [
        {
          goal: 'finish alone',
          run: 'echo $$ >> pids; while [ ! -e go ]; do sleep 0.1; done; echo kept; touch done',
        },
      ]);
      await fleet.text(fleet.at('pids'));
      const worker = await fleet.pidOf('worker-a');
      await fleet.kill(await fleet.pidOf('coordinator'));
      await writeFile(fleet.at('go'), '');
      await fleet.written(fleet.workerHome('a'), 'fanout_child_done');
      await fleet.kill(worker);
      await fleet.startFleet(1);
      const { outcome, children } = await fleet.joined('KEEPS');
      assert.deepEqual(
        [outcome, children[0]!.attempt, children[0]!.summary, children[0]!.earlier_attempts],
        ['satisfied', 1, 'kept', []],
      );
      assert.equal((await pids(fleet)).length, 1, 'it ran once');
    }),
  );

  it(
    'with a result that its stopped coordinator has not heard of: started again, it reports what it had kept',
    scenario({ heartbeatSecs: 30 }, async fleet => {
      await fleet.startFleet(1);
      const run = 'echo $$ >> pids; while [ ! -e go ]; do sleep 0.1; done; echo kept';
      await fleet.fanOut('UNHEARD', [{ goal: 'finish unheard', run }, ...echoes(2, { depends_on: [0] })]);
      await fleet.text(fleet.at('pids'));
      const [coordinator, worker] = [await fleet.pidOf('coordinator'), await fleet.pidOf('worker-a')];
      fleet.signal(coordinator, 'SIGSTOP');
      await fleet.write('go', '');
      await fleet.written(fleet.workerHome('a'), 'fanout_child_done');
      // A report that was already sent may still arrive, so that the report comes twice.
      await fleet.kill(worker);
      fleet.signal(coordinator, 'SIGCONT');
      const { outcome, children } = await fleet.joined('UNHEARD');
      assert.deepEqual(
        [outcome, children[0]!.attempt, children[0]!.summary, children[0]!.earlier_attempts],
        ['satisfied', 1, 'kept', []],
      );
      assert.equal((await pids(fleet)).length, 1, 'it ran once');
    }),
  );

  it(
    'with its coordinator, in mid-subtask: the command is gone with them, and runs again after the start',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fleet.fanOut('BOTH', [{ goal: 'hang once', run: HANGS_ONCE }, ...echoes(3)]);
      await fleet.text(fleet.at('pids'));
      const both = [await fleet.pidOf('coordinator'), await fleet.pidOf('worker-a')];
      await Promise.all(both.map(pid => fleet.kill(pid)));
      await soon('the group is gone', async () => !(await pids(fleet)).some(isThere));
      const { resumed } = await fleet.startFleet(1);
      assert.deepEqual(
        resumed.map(({ alias, subtasks }) => [alias, subtasks]),
        [['BOTH', 4]],
      );
      const { outcome, children } = await fleet.joined('BOTH');
      assert.deepEqual([outcome, children[0]!.attempt], ['satisfied', 2]);
      assert.equal((await pids(fleet)).length, 2);
    }),
  );

  it(
    'six times within a minute: it is given up, its work goes elsewhere, and work for it alone waits with the reason',
    scenario({ echoMs: 2_000 }, async fleet => {
      await fleet.startFleet(2);
      await fleet.fanOut('GIVEN-UP', [
        { goal: 'anywhere', target: 'worker-a' },
        { goal: 'anywhere' },
        { goal: 'anywhere' },
      ]);
      let killed: number | null = null;
      for (let kills = 0; kills < 6; kills++) {
        // The last one may be shown as live until its end was noticed.
        const { pid } = await fleet.instanceWhen(
          'worker-a',
          'another process of it is up',
          ({ pid: at, status }) => status === 'live' && at !== null && at !== killed && isThere(at),
        );
        killed = pid;
        await fleet.kill(pid!);
      }
      const { note } = await fleet.instanceWhen(
        'worker-a',
        'it is given up',
        ({ status }) => status === 'archived',
      );
      assert.match(note ?? '', /process \d+ was ended by SIGKILL/);
      const waiting = await fleet.joinWhen(
        'GIVEN-UP',
        'the rest is done elsewhere',
        ({ counts }) => counts.accepted === 2 && counts.pending === 1,
      );
      assert.deepEqual(waiting.children.map(({ worker, verdict }) => [worker, verdict]).slice(1), [
        ['worker-b', 'accept'],
        ['worker-b', 'accept'],
      ]);
      assert.match(waiting.children[0]!.reason ?? '', /waiting for worker-a, which is archived/);
      const { spawned } = await fleet.startFleet(2);
      assert.deepEqual(
        spawned.map(({ alias }) => alias),
        ['worker-a'],
      );
      assert.equal((await fleet.joined('GIVEN-UP')).outcome, 'satisfied');
    }),
  );
});

describe('a worker whose guard is killed with it', function () {
  this.timeout(120_000);

  /** Runs for ever the first time. Then writes to `met` whether that attempt still exists; a zombie does not count. */
  const MEETS = [
    'if [ "$SPL_ATTEMPT" != 1 ]; then ! grep -qs sleep "/proc/$(cat pids)/cmdline" || echo met > met; exit 0; fi',
    'sleep 600 & echo $! > pids; wait',
  ].join('; ');

  it(
    'leaves nothing that the next attempt could meet (I40)',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fleet.fanOut('BOTH', [{ goal: 'meet nobody', run: MEETS }]);
      const command = Number(await fleet.text(fleet.at('pids')));
      await killWithGuard('worker-a', fleet, await fleet.pidOf('worker-a'));
      const { outcome, children } = await fleet.joined('BOTH');
      assert.deepEqual([outcome, children[0]!.attempt], ['satisfied', 2]);
      assert.equal(children[0]!.earlier_attempts[0]!.reason, 'worker died');
      assert.ok(!isThere(command), 'it runs no more');
      await assert.rejects(readFile(fleet.at('met')), { code: 'ENOENT' });
    }),
  );

  it(
    'leaves nothing to a stop, whether its coordinator runs or not (I40)',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      await fleet.fanOut('STOPPED', [
        { goal: 'a', run: 'sleep 600 & echo $! > a; wait', target: 'worker-a' },
        { goal: 'b', run: 'sleep 600 & echo $! > b; wait', target: 'worker-b' },
      ]);
      const [a, b] = [Number(await fleet.text(fleet.at('a'))), Number(await fleet.text(fleet.at('b')))];
      const [workerA, workerB] = [await fleet.pidOf('worker-a'), await fleet.pidOf('worker-b')];
      // It cannot handle the stop, and must be killed.
      fleet.signal(workerA, 'SIGSTOP');
      await fleet.kill(guardOf('worker-a', fleet));
      await fleet.json('fleet', 'stop', '--instance', 'worker-a', '--grace', '0');
      assert.deepEqual([workerA, a].filter(isThere), []);

      await fleet.kill(await fleet.pidOf('coordinator'));
      await killWithGuard('worker-b', fleet, workerB);
      assert.ok(isThere(b), 'nobody was there to end it');
      await fleet.refused(5, 'fleet', 'stop', '--all');
      assert.ok(!isThere(b), 'the stop has ended it');
      await fleet.nothingRuns();
    }),
  );
});

/** Kills a worker and the guard of its commands, so that the worker does not notice the guard's end. */
async function killWithGuard(alias: string, fleet: Scenario, worker: number): Promise<void> {
  fleet.signal(worker, 'SIGSTOP');
  await fleet.kill(guardOf(alias, fleet));
  await fleet.kill(worker);
}

/** Returns the pid of the launcher of a worker, which guards its commands. */
function guardOf(alias: string, fleet: Scenario): number {
  const guards = processesNaming(`spl-guard ${homePaths(`${fleet.home}-${alias}`).commandsDir}`);
  assert.equal(guards.length, 1);
  return guards[0]!.pid;
}

type Children = Awaited<ReturnType<Scenario['join']>>['children'];

const isRunning = ({ children }: { children: Children }): boolean =>
  children.every(({ state }) => state === 'running');

function isRunningOn(children: Children, worker: string): boolean {
  return children.some(
    child => child.state === 'running' && child.worker === worker && child.wall_time_secs > 0,
  );
}

async function pids(fleet: Scenario): Promise<number[]> {
  return (await readFile(fleet.at('pids'), 'utf8')).trim().split('\n').map(Number);
}

async function groupsAreGone(fleet: Scenario): Promise<void> {
  for (const pid of await pids(fleet)) assert.deepEqual(processesOfGroup(pid), []);
}
