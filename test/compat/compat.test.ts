import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Engine } from '../../engine/operations/engine.ts';
import type { ChildDocument, Counts, RecordDocument } from '../../engine/contract/documents.ts';
import { TOPIC, topicOf } from '../../engine/domain/model/record-bodies.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { verifyLog } from '../../engine/log/file/verify.ts';
import { openCoordinator, type RunningCoordinator } from '../../engine/open.ts';
import type { Did } from '../../engine/record/ids.ts';
import {
  copyHome,
  membersOf,
  placesOf,
  readAnswers,
  RECORDED,
  recordsIn,
  wordsOfWorker,
} from './recorded.ts';

/**
 * Old homes must open for ever, and give the same answers as then. The expectations of the first home follow from
 * `make-v1.ts`, line by line. A recording contains the answers from the time when it was made.
 */

const V1 = fileURLToPath(new URL('./v1/home', import.meta.url));
const ACTOR = 'did:sync:user:tester' as Did;

describe('a home of version 1', function () {
  this.timeout(60_000);

  let root: string;
  let running: RunningCoordinator;
  let engine: Engine;

  async function openCopy(): Promise<void> {
    root = await mkdtemp(join(tmpdir(), 'spl-c-'));
    await copyHome(V1, join(root, 'h'));
    await openHere();
  }

  async function removeCopy(): Promise<void> {
    await running.close();
    await rm(root, { recursive: true, force: true });
  }

  async function openHere(): Promise<void> {
    running = await open(join(root, 'h'));
    engine = running.engine;
  }

  const joinOf = (task: string) => engine.report('join', { task, summary: false });
  const recordsOf = async (thread: string) => (await engine.report('thread.records', { thread })).records;

  describe('that is read', () => {
    before(openCopy);
    after(removeCopy);

    it('is undamaged, opens without a note, and is the same instance', async () => {
      assert.deepEqual(running.notes, []);
      await isUndamaged(V1);
      const join = (await recordsOf('FIRST-001')).find(isJoin);
      assert.equal(join?.actor, engine.did);
    });

    it('has its tasks, each with its status', async () => {
      const { tasks } = await engine.report('tasks', { all: true });
      assert.deepEqual(
        tasks.map(({ alias, status, reason }) => [alias, status, reason]),
        [
          ['FIRST-001', 'approved', '2 of 2 accepted'],
          ['FIRST-001-serial', 'approved', 'the predicate is true: 2 of 2 accepted'],
          ['RETRIED', 'approved', '3 of 3 accepted'],
          ['CHAIN', 'failed', 'the predicate is false: 1 of 4 accepted, 1 failed, 2 cancelled'],
          ['LOSERS', 'approved', '1 of 2 accepted, needed 1'],
          ['INBOX', 'inbox', null],
          ['DROPPED', 'cancelled', 'nobody wants it'],
          ['OPEN', 'active', null],
        ],
      );
      const {
        thread: _,
        created_unix: createdUnix,
        evaluation,
        ...inbox
      } = await engine.report('task', { task: 'INBOX' });
      assert.deepEqual([evaluation.verdict, evaluation.hypothesis], [null, 'it pays']);
      assert.ok(createdUnix > 1_700_000_000, 'the time of the log, in seconds');
      assert.deepEqual(inbox, {
        ...{ alias: 'INBOX', goal: 'Think it over', status: 'inbox', reason: null, priority: 'high' },
        ...{ labels: ['later', 'perhaps'], domain: 'thinking', hypothesis: 'it pays' },
        ...{ criteria: ['it is thought over'], namespace: 'default', dir: '/', actor: ACTOR, fan_out: null },
        ...{ depends_on: [], dependants: [], deferred_until_unix: null, run: null, archived: false },
        verbs: ['start', 'done', 'fail', 'block', 'defer'],
      });
    });

    it('has the tutorial: two subtasks, each on the worker that its target names', async () => {
      const join = await joinOf('FIRST-001');
      assert.deepEqual(
        [join.round, join.predicate, join.complete, join.outcome, join.losers],
        [1, 'all', true, 'satisfied', 'keep'],
      );
      assert.deepEqual(above0(join.census), { accepted: 2 });
      assert.deepEqual(join.children.map(factsOf), [
        [0, 'Say hello from worker A', 'worker-a', 'accept', null, null, 'echo: Say hello from worker A', 1],
        [1, 'Say hello from worker B', 'worker-b', 'accept', null, null, 'echo: Say hello from worker B', 1],
      ]);
      for (const { target, worker_did: did, wall_time_secs: wall, cost_usd: cost } of join.children) {
        assert.equal(target, `specific:${did}`);
        assert.ok(wall >= 0.099 && wall < 10, `an echo of 100 ms took ${wall}s`);
        assert.equal(cost, 0);
      }
      const replay = await engine.report('replay', { thread: 'FIRST-001' });
      assert.deepEqual([replay.final_status, replay.count], ['approved', 7]);
      assert.deepEqual(
        replay.steps.filter(({ changed }) => changed).map(({ act, status }) => [act, status]),
        [
          ['INTEND', 'inbox'],
          ['INTEND', 'active'],
          ['KNOW', 'approved'],
        ],
      );
    });

    it('has the serial baseline, and measures the same speedup against it', async () => {
      const serial = await joinOf('FIRST-001-serial');
      assert.deepEqual(
        serial.children.map(({ worker, verdict }) => [worker, verdict]),
        [
          ['worker-a', 'accept'],
          ['worker-a', 'accept'],
        ],
      );
      const report = await engine.report('speedup', { task: 'FIRST-001', vsSerial: serial.thread });
      const { walls_secs: walls, measured_wall_secs: wall, measured } = report;
      assert.deepEqual([report.subtasks, report.slots_used, report.extra_attempts], [2, 2, []]);
      assert.equal(report.parallel_wall_secs, Math.max(...walls));
      assert.ok(wall! >= 0.1 && measured!.serial_wall_secs >= 0.2);
      assert.equal(measured!.serial_thread, serial.thread);
      assert.equal(measured!.speedup, measured!.serial_wall_secs / wall!);
      assert.equal(measured!.efficiency, measured!.speedup / 2);
    });

    it('has the retry: two rounds, two joins, and finished subtasks kept their results', async () => {
      const { round, outcome, census, children } = await joinOf('RETRIED');
      assert.deepEqual([round, outcome, above0(census)], [2, 'satisfied', { accepted: 3 }]);
      assert.deepEqual(
        children.map(({ name, verdict, attempt, exit_code: code, summary, depends_on: after }) => [
          ...[name, verdict, attempt, code, summary],
          after,
        ]),
        [
          ['build', 'accept', 1, 0, 'built', []],
          ['test', 'accept', 2, 0, 'passed', []],
          ['ship', 'accept', 1, null, 'echo: ship', [0, 1]],
        ],
      );
      assert.deepEqual(
        children[1]!.earlier_attempts.map(({ attempt, verdict, reason }) => [attempt, verdict, reason]),
        [[1, 'failed', 'exit 1']],
      );
      const {
        started_unix: begun,
        ended_unix: over,
        wall_time_secs: wall,
      } = children[1]!.earlier_attempts[0]!;
      assert.ok(
        Math.abs(over! - begun! - wall) < 1e-3 && over! <= children[1]!.ended_unix!,
        'it has its times',
      );
      const records = await recordsOf('RETRIED');
      const joins = records.filter(isJoin).map(({ body }) => [body['round'], body['outcome']]);
      assert.deepEqual(joins, [
        [1, 'unsatisfiable'],
        [2, 'satisfied'],
      ]);
      const retry = records.find(({ body }) => body['topic'] === 'fanout_retry_subtask')!;
      assert.deepEqual(
        [retry.act, retry.body['index'], retry.body['hint'], retry.body['round']],
        ['LEARN', 1, 'it is mended', 2],
      );
    });

    it('has the chain: two failed attempts, and dependants cancelled with the cause', async () => {
      const { outcome, census, children } = await joinOf('CHAIN');
      assert.deepEqual(
        [outcome, above0(census)],
        ['unsatisfiable', { accepted: 1, failed: 1, cancelled: 2 }],
      );
      assert.deepEqual(children.map(factsOf), [
        [0, 'fail twice', children[0]!.worker, 'failed', 'exit 3', 3, 'broken', 2],
        [1, 'next', null, 'cancelled', 'subtask 0 ended as failed', null, '', 0],
        [2, 'last', null, 'cancelled', 'subtask 1 ended as cancelled', null, '', 0],
        [3, 'apart', 'worker-b', 'accept', null, null, 'echo: apart', 1],
      ]);
      assert.deepEqual(
        children[0]!.earlier_attempts.map(({ attempt, verdict, reason }) => [attempt, verdict, reason]),
        [[1, 'failed', 'exit 3']],
      );
    });

    it('has the loser: ended after the join, shown and not counted', async () => {
      const { outcome, losers, census, counts, children } = await joinOf('LOSERS');
      assert.deepEqual([outcome, losers], ['satisfied', 'cancel']);
      assert.deepEqual(above0(census), { accepted: 1, running: 1 });
      assert.deepEqual(above0(counts), { accepted: 1, cancelled: 1 });
      assert.deepEqual(
        children.map(({ verdict, after_join: late }) => [verdict, late]),
        [
          ['accept', false],
          ['cancelled', true],
        ],
      );
    });

    it('is indexed again', async () => {
      const { records } = await engine.report('health', {});
      const sql = "SELECT count(*) AS all_of_them, sum(act = 'LEARN') AS learnt FROM records";
      const { columns, rows } = await engine.report('query', { sql, limit: 1 });
      assert.deepEqual(columns, ['all_of_them', 'learnt']);
      assert.equal(rows[0]![0], records);
      assert.ok((rows[0]![1] as number) >= 3, 'the coordinator and two workers were admitted');
    });
  });

  describe('that is written to', () => {
    beforeEach(openCopy);
    afterEach(removeCopy);

    it("has a client's own records, byte for byte", async () => {
      const records = await recordsOf('th_notes');
      assert.deepEqual(
        records.map(({ actor, act, body, clock, parents }) => [actor, act, body, clock, parents]),
        [
          [ACTOR, 'KNOW', { text: 'naïve, 中文, 😀', number: 0.1 }, 0, []],
          [ACTOR, 'KNOW', {}, 7, [records[0]!.id]],
        ],
      );
      const { id: _, ...again } = records[0]!;
      const { stored } = await engine.submit('records.append', { records: [again] }, { actor: ACTOR });
      assert.deepEqual([stored[0]!.id, stored[0]!.existed], [records[0]!.id, true]);
    });

    it('remembers commands with a key', async () => {
      const before = await engine.report('task', { task: 'INBOX' });
      const { records } = await engine.report('health', {});
      const none = { alias: null, domain: null, hypothesis: null, namespace: null, dir: null } as const;
      const add = (goal: string) =>
        engine.submit(
          'task.add',
          { ...none, goal, priority: 'low', labels: [], criteria: [] },
          { actor: ACTOR, idempotencyKey: 'first-of-its-kind' },
        );
      const added = await add(before.goal);
      assert.deepEqual([added.thread, added.alias], [before.thread, 'INBOX']);
      await assert.rejects(add('other'), { code: 'CONFLICT' });
      assert.equal((await engine.report('health', {})).records, records);
    });

    it('goes on: open work is open, can be ended, and stays ended', async () => {
      const open = await joinOf('OPEN');
      assert.deepEqual(
        [open.complete, open.outcome, above0(open.counts)],
        [false, null, { accepted: 1, pending: 1 }],
      );
      assert.equal(open.children[1]!.reason, 'no worker is live');
      await engine.submit('task.cancel', { task: 'OPEN', subtask: null, reason: 'enough' }, { actor: ACTOR });
      const ended = await joinOf('OPEN');
      assert.deepEqual([ended.outcome, ended.reason, ended.completed], ['cancelled', 'enough', 2]);
      await running.close();
      await openHere();
      assert.deepEqual(await joinOf('OPEN'), ended);
      assert.equal((await recordsOf('OPEN')).filter(isJoin).length, 1);
    });
  });
});

for (const name of await readdir(RECORDED))
  describe(`the recording '${name}'`, function () {
    this.timeout(60_000);
    const places = placesOf(name);

    it('is undamaged, opens without a note, and gives the recorded answers', async () => {
      await isUndamaged(places.home);
      const root = await mkdtemp(join(tmpdir(), 'spl-c-'));
      await copyHome(places.home, join(root, 'h'));
      const running = await open(join(root, 'h'));
      try {
        assert.deepEqual(running.notes, []);
        const recorded = new Set((await recordsIn(places.home)).map(({ body }) => body['reason']));
        for (const { report, input, output } of (await readAnswers(places.answers)).answers) {
          const answer = membersOf(await running.engine.report(report, input), output, recorded);
          assert.deepEqual(answer, output, `${report} ${JSON.stringify(input)}`);
        }
      } finally {
        await running.close();
        await rm(root, { recursive: true, force: true });
      }
    });

    it('has a worker that reports started deliveries as lost, and repeats unacknowledged reports', async () => {
      await isUndamaged(places.worker);
      const words = await wordsOfWorker(places.worker);
      assert.deepEqual(words, (await readAnswers(places.answers)).worker);
      assert.ok(words.reports.some(({ lost }) => lost === true));
    });
  });

describe('the recordings', () => {
  it('have a record of each topic', async () => {
    const places = (await readdir(RECORDED)).map(placesOf);
    const homes = [V1, ...places.flatMap(({ home, worker }) => [home, worker])];
    const topics = new Set((await Promise.all(homes.map(recordsIn))).flat().map(topicOf));
    const missing = Object.values(TOPIC).filter(topic => !topics.has(topic));
    assert.deepEqual(missing, [], 'make a recording: see test/compat/record.ts');
  });
});

/** Opens a home as its coordinator, without doors. */
const open = (home: string): Promise<RunningCoordinator> =>
  openCoordinator({
    home,
    flags: {},
    env: {},
    logger: { info: () => {}, error: message => assert.fail(message) },
    onStop: error => assert.ifError(error),
    listen: false,
  });

async function isUndamaged(home: string): Promise<void> {
  for await (const told of verifyLog(homePaths(home).logDir))
    assert.notEqual(told.kind, 'damage', JSON.stringify(told));
}

const isJoin = ({ body }: RecordDocument): boolean => body['topic'] === 'fanout_join_complete';

function above0(counts: Counts | null): Record<string, unknown> {
  return Object.fromEntries(Object.entries(counts ?? {}).filter(([, count]) => count !== 0));
}

function factsOf(child: ChildDocument): unknown[] {
  const { index, goal, worker, verdict, reason, exit_code: code, summary, attempt } = child;
  return [index, goal, worker, verdict, reason, code, summary, attempt];
}
