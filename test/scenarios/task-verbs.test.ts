import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ReplayDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { ACTOR, echoes, scenario, type Scenario } from '../harness/fleet.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

const onFleet = sharedFleet({ echoMs: 0 });
const JUDGE = ['--actor', 'did:sync:user:grace'];

/** The verbs of a task, as people type them, with a coordinator that is killed in between. */

describe('the verbs of a task', function () {
  this.timeout(120_000);

  it(
    'take it from the inbox over a review to its approval, which lets what depends on it begin',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fleet.json('task', 'add', 'measure', '--alias', 'PERF-1', '--criteria', 'p99 below 10 ms');
      await fleet.json('task', 'add', 'publish', '--alias', 'PERF-2', '--depends-on', 'PERF-1');
      const blocked = await fleet.refused(4, 'task', 'start', 'PERF-2');
      assert.equal(blocked.message, "task 'PERF-2' waits for PERF-1 (inbox), and can't be started");
      assert.deepEqual(await said(fleet, 'start', 'PERF-1'), 'active');
      assert.deepEqual(await said(fleet, 'done', 'PERF-1', '--summary', 'p99 is 8 ms'), 'review');
      const own = await fleet.refused(4, 'task', 'approve', 'PERF-1');
      assert.equal(own.code, 'SCOPE_FORBIDDEN');
      assert.match(own.details.hint ?? '', /--actor/);
      await fleet.kill(await fleet.pidOf('coordinator'));
      await fleet.startFleet(1);
      assert.deepEqual(await said(fleet, 'approve', 'PERF-1', '--reason', 'saw it', ...JUDGE), 'approved');
      const shown = await fleet.spl('task', 'show', 'PERF-1');
      assert.match(shown.out, /Needed by: +PERF-2 \(inbox\)/);
      assert.match(shown.out, /Summary: +p99 is 8 ms\n +Verdict: +approved by did:sync:user:grace at .*Z\n/);
      assert.match((await fleet.spl('task', 'tree', 'PERF-2')).out, /← depends on PERF-1 \(approved\)/);
      await fleet.json('task', 'fan-out', 'PERF-2', '--subtask', 'goal=a');
      await fleet.joined('PERF-2');
      const { evaluation } = await fleet.json<TaskDocument>('task', 'show', 'PERF-2');
      assert.deepEqual(
        [evaluation.verdict, evaluation.by, evaluation.join?.outcome, evaluation.join?.census.accepted],
        ['approved', null, 'satisfied', 1],
      );
      const joined = await fleet.refused(4, 'task', 'reopen', 'PERF-2');
      assert.match(joined.message, /takes its status from its fan-out, which is over \(approved\)/);

      const replay = await fleet.json<ReplayDocument>('debug', 'replay', 'PERF-1');
      assert.deepEqual(
        replay.steps.map(({ act, status, changed }) => [act, status, changed]),
        [
          ['INTEND', 'inbox', true],
          ['DO', 'active', true],
          ['KNOW', 'review', true],
          ['KNOW', 'approved', true],
        ],
      );
      const records = await fleet.records('PERF-1');
      assert.deepEqual(
        records.map(({ judged_by }) => judged_by),
        [null, null, null, 'did:sync:user:grace'],
      );
      assert.deepEqual([records[1]?.actor === ACTOR, records[1]?.body['issued_by']], [false, ACTOR]);
    }),
  );

  it(
    'put it off until a time, at which watchers hear of it, though nothing is written',
    onFleet(async fleet => {
      await fleet.json('task', 'add', 'later', '--alias', 'LATER');
      await fleet.json('task', 'add', 'other', '--alias', 'OTHER');
      const records = async (): Promise<number> => (await fleet.records('LATER')).length;
      assert.equal(await said(fleet, 'defer', 'LATER', '--until', '1s'), 'deferred');
      const before = await records();
      await fleet.until(
        () => 'the deferral ends',
        async () => {
          const { status } = await fleet.client.report('task', { task: 'LATER' });
          return status === 'inbox' ? status : undefined;
        },
      );
      assert.equal(await records(), before);
      assert.equal(await said(fleet, 'block', 'LATER', '--on', 'OTHER', '--reason', 'its types'), 'blocked');
      const refused = await fleet.refused(2, 'task', 'block', 'LATER');
      assert.match(refused.message, /needs a reason/);
      assert.equal(await said(fleet, 'fail', 'LATER', '--reason', 'no use'), 'failed');
      assert.equal(await said(fleet, 'reopen', 'LATER'), 'inbox');
      assert.equal((await fleet.json('debug', 'replay', 'LATER'))['final_status'], 'inbox');
    }),
  );

  it(
    'are done once over HTTP with a key, and are not taken for a task with a fan-out',
    onFleet(async fleet => {
      await fleet.json('task', 'add', 'once', '--alias', 'STARTED');
      const start = () =>
        fleet.client.submit('task.start', { task: 'STARTED', reason: null }, { idempotencyKey: 'k' });
      assert.deepEqual([(await start()).status, (await start()).status], ['active', 'active']);
      assert.equal((await fleet.refused(4, 'task', 'start', 'STARTED')).code, 'CONFLICT');
      await fleet.fanOut('FANNED', echoes(1));
      await fleet.joined('FANNED');
      const { details } = await fleet.refused(4, 'task', 'reject', 'FANNED', ...JUDGE);
      assert.match(details.hint ?? '', /task show FANNED/);
    }),
  );
});

async function said(fleet: Scenario, ...words: readonly string[]): Promise<string> {
  return (await fleet.json<TaskDocument>('task', ...words)).status;
}
