import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { describe, it } from 'mocha';
import type { Losers } from '../../engine/contract/commands.ts';
import type { Counts, JoinStatus } from '../../engine/contract/documents.ts';
import { ACTOR, BIN, echoes, ended, type Ran, type Scenario } from '../harness/fleet.ts';
import { joinsOf } from '../harness/laws.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

const onFleet = sharedFleet({ echoMs: 0 });
const onWideFleet = sharedFleet({ fleet: ['slots = 4'] });

/** Waits until the file `go` exists. */
const BLOCKS = 'while [ ! -e go ]; do sleep 0.1; done';
const accepts = { goal: 'accepts', run: 'echo done' };
const fails = { goal: 'fails', run: 'echo broken; exit 3' };
const blocks = { goal: 'blocks', run: BLOCKS };

describe('a join', function () {
  this.timeout(120_000);

  it(
    'of all, any or K is decided as soon as its outcome is certain, both ways',
    onWideFleet(async fleet => {
      const early: readonly (readonly [string, object[], string, Partial<Counts>])[] = [
        ['all', [fails, blocks, blocks], 'unsatisfiable', { failed: 1, running: 2 }],
        ['any', [blocks, accepts], 'satisfied', { accepted: 1, running: 1 }],
        ['k_of_n:2', [accepts, accepts, blocks], 'satisfied', { accepted: 2, running: 1 }],
        ['k_of_n:2', [fails, fails, blocks], 'unsatisfiable', { failed: 2, running: 1 }],
        ['k_of_n:3', [fails, blocks, blocks], 'unsatisfiable', { failed: 1, running: 2 }],
      ];
      for (const [i, [predicate, subtasks, outcome, census]] of early.entries()) {
        await fleet.fanOut(`EARLY-${i}`, subtasks, { join: predicate, losers: 'cancel' });
        const joined = await fleet.joined(`EARLY-${i}`);
        assert.equal(joined.outcome, outcome, predicate);
        for (const [name, count] of Object.entries(census))
          assert.equal(
            joined.census![name],
            count,
            `${predicate}: ${name} of ${JSON.stringify(joined.census)}`,
          );
      }
      const late: readonly (readonly [string, object[], string])[] = [
        ['all', [accepts, accepts], 'satisfied'],
        ['any', [fails, fails], 'unsatisfiable'],
        ['k_of_n:1', [fails, accepts], 'satisfied'],
      ];
      for (const [i, [predicate, subtasks, outcome]] of late.entries()) {
        await fleet.fanOut(`LATE-${i}`, subtasks, { join: predicate });
        assert.equal((await fleet.joined(`LATE-${i}`)).outcome, outcome, predicate);
      }
    }),
  );

  it(
    'by a CEL expression is decided once, as soon as nothing can change it; an error makes it unsatisfiable',
    onFleet(async fleet => {
      const cases: readonly (readonly [expression: string, outcome: string, reason: RegExp])[] = [
        ['accepted >= 1 && failed == 1', 'satisfied', /true|holds/],
        ['children.exists(c, c.exit_code == 3 && c.summary == "broken")', 'satisfied', /true|holds/],
        ['total == 2 && running + pending == 0 && parent.alias == "CEL-2"', 'satisfied', /true/],
        ['accepted == total', 'unsatisfiable', /false|no longer/],
        ['children[9].verdict == "accept"', 'unsatisfiable', /9|index|range/i],
        ['1 / (failed - 1) == 0', 'unsatisfiable', /zero/i],
      ];
      for (const [i, [expression, outcome, reason]] of cases.entries()) {
        await fleet.fanOut(`CEL-${i}`, [accepts, fails], { join: expression });
        const joined = await fleet.joined(`CEL-${i}`);
        assert.equal(joined.outcome, outcome, expression);
        assert.match(joined.reason!, reason, expression);
      }
      await fleet.fanOut('CEL-OPEN', [accepts, blocks], { join: 'accepted >= 1' });
      const open = await fleet.joined('CEL-OPEN');
      assert.deepEqual([open.outcome, open.under_way], ['satisfied', true], 'the rest could not change it');
      await writeFile(fleet.at('go'), '');
      await fleet.joinWhen('CEL-OPEN', 'the rest has drained', ({ under_way }) => !under_way);
    }),
  );

  for (const [outcome, subtask, predicate] of [
    ['satisfied', accepts, 'any'],
    ['unsatisfiable', fails, 'all'],
  ] as const) {
    it(
      `that is ${outcome} keeps, drains or cancels the rest; later ends are shown and not counted`,
      onFleet(async fleet => {
        const endings: Readonly<Record<Losers, readonly [verdict: string, afterJoin: boolean][]>> = {
          keep: [
            ['accept', true],
            ['accept', true],
          ],
          drain: [
            ['accept', true],
            ['cancelled', true],
          ],
          cancel: [
            ['cancelled', true],
            ['cancelled', true],
          ],
        };
        for (const losers of ['keep', 'drain', 'cancel'] as const) {
          const task = `${losers}-${outcome}`.toUpperCase();
          const go = `go-${losers}`;
          await fleet.fanOut(
            task,
            [
              { goal: 'decides', run: `while [ ! -e begun-${losers} ]; do sleep 0.1; done; ${subtask.run}` },
              { goal: 'runs', run: `touch begun-${losers}; while [ ! -e ${go} ]; do sleep 0.1; done` },
              { goal: 'waits', run: 'true', depends_on: [1] },
            ],
            { join: predicate, losers },
          );
          const joined = await fleet.joined(task);
          assert.equal(joined.outcome, outcome);
          const decider = outcome === 'satisfied' ? 'accepted' : 'failed';
          assert.deepEqual(countsAbove0(joined.census!), { [decider]: 1, running: 1, pending: 1 });
          if (losers !== 'cancel') await writeFile(fleet.at(go), '');
          const rest = await fleet.joinWhen(task, 'all is over', ({ completed }) => completed === 3);
          assert.deepEqual(
            rest.children.slice(1).map(child => [child.verdict, child.after_join]),
            endings[losers],
            losers,
          );
          assert.deepEqual([rest.outcome, rest.census], [joined.outcome, joined.census], losers);
          assert.equal(joinsOf(await fleet.records(task)).length, 1, losers);
        }
      }),
    );
  }

  it(
    'that is not decided within --timeout is timed out, which fails the task and the command',
    onFleet(async fleet => {
      await fleet.json('task', 'add', 'a goal', '--alias', 'SLOW');
      const ran = await fleet.spl(
        ...['task', 'fan-out', 'SLOW', '--wait', '--json', '--timeout', '1', '--losers', 'cancel'],
        ...['--subtask', 'goal=quick', '--subtask', `goal=slow,run="${BLOCKS}"`],
      );
      const joined = JSON.parse(ran.out) as JoinStatus;
      assert.deepEqual([ran.code, joined.outcome], [1, 'timed_out']);
      assert.match(joined.reason!, /not decided within 1s/);
      assert.deepEqual(countsAbove0(joined.census!), { accepted: 1, running: 1 });
      const over = await fleet.joinWhen('SLOW', 'all is over', ({ completed }) => completed === 2);
      assert.equal(over.children[1]!.verdict, 'cancelled');
      assert.equal((await fleet.json('task', 'show', 'SLOW'))['status'], 'failed');
    }),
  );
});

describe('dependencies', function () {
  this.timeout(120_000);

  it(
    'of a diamond: each subtask begins when its dependencies have accepted',
    onFleet(async fleet => {
      const step = (name: string, ...depends_on: number[]) => ({
        goal: name,
        run: `echo +${name} >> trace; sleep 0.05; echo -${name} >> trace`,
        depends_on,
      });
      await fleet.fanOut('DIAMOND', [step('d', 1, 2), step('b', 3), step('c', 3), step('a')]);
      assert.equal((await fleet.joined('DIAMOND')).outcome, 'satisfied');
      const trace = (await readFile(fleet.at('trace'), 'utf8')).trim().split('\n');
      const at = (mark: string): number => trace.indexOf(mark);
      for (const [before, after] of ['ab', 'ac', 'bd', 'cd'])
        assert.ok(at(`-${before}`) >= 0 && at(`-${before}`) < at(`+${after}`), `${trace.join(' ')}`);
      const { critical_path: path } = await fleet.client.report('speedup', {
        task: 'DIAMOND',
        vsSerial: null,
      });
      assert.deepEqual([path[0], path.at(-1), path.length], [3, 0, 3]);
    }),
  );

  it(
    'on a failed subtask are cancelled with the cause, with all their dependants, and do not run',
    onFleet(async fleet => {
      await fleet.fanOut(
        'CHAIN',
        [
          fails,
          { goal: 'next', run: 'touch ran', depends_on: [0] },
          { goal: 'last', run: 'touch ran', depends_on: [1] },
          accepts,
        ],
        { join: 'accepted == 1 && failed == 1 && cancelled == 2' },
      );
      const { outcome, children } = await fleet.joined('CHAIN');
      assert.equal(outcome, 'satisfied');
      assert.deepEqual(
        children.map(({ verdict, reason }) => [verdict, reason]),
        [
          ['failed', 'exit 3'],
          ['cancelled', 'subtask 0 ended as failed'],
          ['cancelled', 'subtask 1 ended as cancelled'],
          ['accept', null],
        ],
      );
      await assert.rejects(readFile(fleet.at('ran')), { code: 'ENOENT' });
    }),
  );
});

describe('a retry', function () {
  this.timeout(120_000);

  it(
    'before the join runs the child again in the same round',
    onFleet(async fleet => {
      await fleet.fanOut('NOT-YET', [{ goal: 'tries', run: 'test -e mended' }, blocks], {
        join: 'any',
      });
      await fleet.joinWhen('NOT-YET', 'one failed', ({ counts }) => counts.failed === 1);
      await writeFile(fleet.at('mended'), '');
      assert.equal((await fleet.json<JoinStatus>('task', 'retry', 'NOT-YET', '--subtask', '0')).round, 1);
      const { outcome, round, children } = await fleet.joined('NOT-YET');
      await writeFile(fleet.at('go'), '');
      assert.deepEqual([outcome, round, children[0]!.attempt], ['satisfied', 1, 2]);
      assert.deepEqual(
        children[0]!.earlier_attempts.map(({ attempt, verdict }) => [attempt, verdict]),
        [[1, 'failed']],
      );
    }),
  );

  it(
    'after the join opens the next round: dependants run again, finished subtasks keep their results',
    onFleet(async fleet => {
      await fleet.fanOut('AGAIN', [
        { goal: 'finishes', run: 'echo $$ >> runs' },
        { goal: 'tries', run: 'test -e mended' },
        { goal: 'depends', depends_on: [1] },
        { goal: 'depends on that', depends_on: [2] },
      ]);
      const first = await fleet.joinWhen(
        'AGAIN',
        'all is over',
        ({ complete, completed }) => complete && completed === 4,
      );
      assert.deepEqual(
        [first.outcome, ...first.children.map(({ verdict }) => verdict)],
        ['unsatisfiable', 'accept', 'failed', 'cancelled', 'cancelled'],
      );
      assert.equal((await fleet.json('task', 'show', 'AGAIN'))['status'], 'failed');
      await writeFile(fleet.at('mended'), '');
      const retry = await fleet.spl(
        'task',
        'retry',
        'AGAIN',
        '--subtask',
        '1',
        '--hint',
        'look again',
        '--wait',
        '--json',
      );
      const second = JSON.parse(retry.out) as JoinStatus;
      assert.deepEqual([retry.code, second.outcome, second.round], [0, 'satisfied', 2]);
      assert.deepEqual(countsAbove0(second.census!), { accepted: 4 });
      const kept = { ...first.children[0], after_join: false };
      assert.deepEqual(second.children[0], kept, 'what had finished keeps its result, and counts now');
      assert.equal((await readFile(fleet.at('runs'), 'utf8')).trim().split('\n').length, 1);
      const records = await fleet.records('AGAIN');
      assert.deepEqual(
        joinsOf(records).map(({ body }) => [body['round'], body['outcome']]),
        [
          [1, 'unsatisfiable'],
          [2, 'satisfied'],
        ],
      );
      const retried = records.filter(({ body }) => body['topic'] === 'fanout_retry_subtask');
      assert.deepEqual(
        retried.map(({ act, body }) => [act, body['index'], body['hint'], body['round']]),
        [['LEARN', 1, 'look again', 2]],
      );
      assert.equal((await fleet.json('task', 'show', 'AGAIN'))['status'], 'approved');
    }),
  );
});

describe('a cancellation', function () {
  this.timeout(120_000);

  it(
    'of a task ends all its attempts and cancels the join; of a subtask, ends it and its dependants',
    onFleet(async fleet => {
      await fleet.fanOut('WHOLE', [accepts, blocks, { goal: 'waits', depends_on: [1] }]);
      await fleet.joinWhen(
        'WHOLE',
        'one runs',
        ({ counts }) => counts.running === 1 && counts.accepted === 1,
      );
      await fleet.json('task', 'cancel', 'WHOLE', '--reason', 'not needed');
      const whole = await fleet.joinWhen(
        'WHOLE',
        'all is over',
        ({ completed, complete }) => complete && completed === 3,
      );
      assert.deepEqual([whole.outcome, whole.reason], ['cancelled', 'not needed']);
      assert.deepEqual(
        whole.children.map(({ verdict }) => verdict),
        ['accept', 'cancelled', 'cancelled'],
      );
      assert.equal((await fleet.json('task', 'show', 'WHOLE'))['status'], 'cancelled');
      assert.equal((await fleet.spl('task', 'join-status', 'WHOLE', '--watch')).code, 1);

      await fleet.fanOut('PART', [accepts, blocks, { goal: 'waits', depends_on: [1] }], {
        join: 'accepted == 1',
      });
      await fleet.joinWhen('PART', 'one runs', ({ counts }) => counts.running === 1 && counts.accepted === 1);
      await fleet.json('task', 'cancel', 'PART', '--subtask', '1', '--reason', 'this one only');
      const part = await fleet.joined('PART');
      assert.equal(part.outcome, 'satisfied');
      assert.deepEqual(
        part.children.map(({ verdict, reason }) => [verdict, reason]),
        [
          ['accept', null],
          ['cancelled', 'this one only'],
          ['cancelled', 'subtask 1 ended as cancelled'],
        ],
      );
      assert.equal((await fleet.json('task', 'show', 'PART'))['status'], 'approved');
    }),
  );
});

describe('attempts and targets', function () {
  this.timeout(120_000);

  it(
    'a failed command is repeated only with attempts, after a pause that the status shows',
    onFleet(async fleet => {
      const run = 'date +%s%N >> "tries-$SPL_SUBTASK"; test "$SPL_ATTEMPT" = 2';
      await fleet.fanOut(
        'TRIES',
        [
          { goal: 'named', run, attempts: 2 },
          { goal: 'not named', run },
          { goal: 'never', run: 'exit 1', attempts: 2 },
        ],
        { join: 'accepted == 1 && failed == 2' },
      );
      const pausing = await fleet.joinWhen(
        'TRIES',
        'it pauses',
        ({ children }) =>
          children[0]!.attempt === 1 &&
          children[0]!.state === 'pending' &&
          /waits .* before attempt/.test(children[0]!.reason ?? ''),
      );
      assert.match(pausing.children[0]!.reason!, /attempt 1 ended as failed; waits 1s before attempt 2/);
      const { outcome, children } = await fleet.joined('TRIES');
      assert.equal(outcome, 'satisfied');
      assert.deepEqual(
        children.map(({ verdict, attempt, earlier_attempts: earlier }) => [verdict, attempt, earlier.length]),
        [
          ['accept', 2, 1],
          ['failed', 1, 0],
          ['failed', 2, 1],
        ],
      );
      const [first, second] = (await readFile(fleet.at('tries-0'), 'utf8')).trim().split('\n').map(BigInt);
      assert.ok(second! - first! >= 1_000_000_000n, 'the second came a second later, or more');
    }),
  );

  it(
    'an alias selects that worker, a DID that instance, round-robin all workers',
    onFleet(async fleet => {
      const [, a, b] = (await fleet.state()).instances;
      await fleet.fanOut('NAMED', [
        { goal: 'alias', target: 'worker-b' },
        { goal: 'did', target: `specific:${a!.did}` },
        { goal: 'alias', target: 'worker-a' },
        { goal: 'did', target: `specific:${b!.did}` },
      ]);
      const named = await fleet.joined('NAMED');
      assert.deepEqual(
        named.children.map(({ worker, worker_did: did }) => [worker, did]),
        [
          ['worker-b', b!.did],
          ['worker-a', a!.did],
          ['worker-a', a!.did],
          ['worker-b', b!.did],
        ],
      );
      await fleet.fanOut('ROUND', echoes(64, { target: 'round-robin' }));
      const round = await fleet.joined('ROUND');
      const onA = round.children.filter(({ worker }) => worker === 'worker-a').length;
      assert.ok(onA >= 12 && onA <= 52, `${onA} of 64 on worker-a`);
    }),
  );
});

describe('a command that waits without a reader', function () {
  this.timeout(60_000);

  it(
    'continues, and ends with the join',
    onFleet(async fleet => {
      await fleet.json('task', 'add', 'unread', '--alias', 'UNREAD');
      const words = ['task', 'fan-out', 'UNREAD', '--wait', '--subtask', `goal=a,run="${BLOCKS}; false"`];
      const child = fleet.start(words);
      const exit = once(child, 'close');
      await once(child.stdout!, 'data');
      child.stdout!.destroy();
      await writeFile(fleet.at('go'), '');
      assert.deepEqual(await exit, [1, null]);
    }),
  );
});

describe('a command that is repeated with its key', function () {
  this.timeout(120_000);

  it(
    'gets the first answer, and writes nothing more',
    onFleet(async fleet => {
      const { client } = fleet;
      const once = async <T extends object>(
        key: string,
        give: (context: { actor: typeof ACTOR; idempotencyKey: string }) => Promise<T>,
        settle: () => Promise<unknown>,
      ): Promise<T> => {
        const context = { actor: ACTOR, idempotencyKey: key };
        const first = await give(context);
        await settle();
        const before = (await client.report('health', {})).records;
        const second = await give(context);
        assert.deepEqual(identityOf(second), identityOf(first), key);
        assert.equal((await client.report('health', {})).records, before, key);
        return first;
      };
      const settled = () => fleet.joined('ONCE');
      const none = async () => {};
      await once('add', context => client.submit('task.add', addOnce(fleet.cwd), context), none);
      await once('fan-out', context => client.submit('task.fan-out', fanOutOnce, context), settled);
      await once(
        'serial',
        context => client.submit('task.run-serial', { task: 'ONCE', worker: null }, context),
        () => fleet.joined('ONCE-serial'),
      );
      await once(
        'retry',
        context => client.submit('task.retry', { task: 'ONCE', subtask: 1, hint: null }, context),
        () => fleet.joinWhen('ONCE', 'round 2', ({ round, complete }) => round === 2 && complete),
      );
      await assert.rejects(
        client.submit('task.fan-out', fanOutOnce, { actor: ACTOR, idempotencyKey: 'another' }),
        {
          code: 'CONFLICT',
        },
      );
    }),
  );
});

describe('two thousand subtasks', function () {
  this.timeout(120_000);

  it(
    'come from a file of NDJSON, or from standard input, and are all counted',
    onFleet(async fleet => {
      const lines = echoes(2_000)
        .map(subtask => JSON.stringify(subtask))
        .join('\n');
      await writeFile(fleet.at('many.ndjson'), lines);
      await fleet.json('task', 'add', 'a goal', '--alias', 'FILE');
      const file = await fleet.spl(
        'task',
        'fan-out',
        'FILE',
        '--subtasks',
        'many.ndjson',
        '--wait',
        '--json',
      );
      await fleet.json('task', 'add', 'a goal', '--alias', 'STDIN');
      const stdin = await withInput(
        fleet,
        lines,
        'task',
        'fan-out',
        'STDIN',
        '--subtasks',
        '-',
        '--wait',
        '--json',
      );
      for (const { code, out, err } of [file, stdin]) {
        assert.equal(code, 0, err);
        const joined = JSON.parse(out) as JoinStatus;
        assert.deepEqual(
          [joined.subtasks, joined.census!.accepted, joined.children.length],
          [2_000, 2_000, 2_000],
        );
        assert.deepEqual(
          joined.children.map(({ index, goal }) => [index, goal]),
          Array.from({ length: 2_000 }, (_, i) => [i, `part ${i}`]),
        );
      }
      assert.equal(new Set((await fleet.join('FILE')).children.map(({ worker }) => worker)).size, 2);
    }),
  );
});

function countsAbove0(counts: Counts): Record<string, unknown> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

/** Returns the members that identify an answer. Its other members may have changed meanwhile. */
function identityOf(answer: object): object {
  const { thread, record, round } = answer as { thread: string; record?: string; round?: number };
  return { thread, record, round };
}

function addOnce(dir: string) {
  return {
    ...{ goal: 'once', alias: 'ONCE', priority: 'medium' as const, labels: [], criteria: [], dir },
    ...{ domain: null, hypothesis: null, namespace: null },
  };
}

const fanOutOnce = {
  task: 'ONCE',
  subtasks: [{ goal: 'accepts' }, { goal: 'fails', run: 'exit 1' }],
  join: 'all',
  losers: 'keep' as const,
  ...{ timeout_secs: null, budget_usd: null, budget_tokens: null, budget_secs: null },
  ...{ namespace: null, dir: null },
};

function withInput(fleet: Scenario, text: string, ...words: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [joinPath(BIN, 'spl'), ...words], {
    cwd: fleet.cwd,
    env: fleet.env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(text);
  return ended(child);
}
