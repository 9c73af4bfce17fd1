import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { child, done, join, task, THREAD } from '../../engine/cli/testing/documents.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { Fleet } from '../testing/fleet.ts';
import { PAGE } from '../../engine/client/fan-out.ts';
import { lastRunOf, MAX_CHILDREN } from './last-run.ts';

function engine(children: readonly ChildDocument[]): FakeClient {
  return new FakeClient({
    children: ({ offset, limit }) => ({
      ...{ thread: THREAD, alias: 'FIRST-001', round: 1, total: children.length },
      children: children.slice(Number(offset), Number(offset) + Number(limit)),
    }),
    join: { ...join(children), children: [] },
    task: task({ goal: 'Check it' }),
  });
}
const many = (count: number): readonly ChildDocument[] => Array.from({ length: count }, (_, i) => done(i));

describe('the last run of a plan', () => {
  it('is read to its end, however many pages that takes', async () => {
    for (const [count, pages] of [
      [0, 0],
      [PAGE - 1, 1],
      [PAGE, 1],
      [PAGE + 1, 2],
    ] as const) {
      const client = engine(many(count));
      assert.equal((await lastRunOf(client, THREAD))?.children.length, count);
      assert.equal(client.asked.filter(({ name }) => name === 'children').length, pages);
    }
  });

  it('is not read beyond the limit', async () => {
    assert.equal((await lastRunOf(engine(many(MAX_CHILDREN)), THREAD))?.children.length, MAX_CHILDREN);
    assert.equal(await lastRunOf(engine(many(MAX_CHILDREN + 1)), THREAD), null);
  });

  it('has the form of a predicate’s facts', async () => {
    const children = [
      child({ index: 0, name: 'types', cost_usd: 0.5, wall_time_secs: 2, exit_code: 0 }),
      child({ index: 1, verdict: 'failed', cost_usd: 1, wall_time_secs: 3, exit_code: 3, summary: 'no' }),
    ];
    const facts = await lastRunOf(engine(children), THREAD);
    assert.deepEqual([facts?.costUsd, facts?.wallTimeSecs, facts?.nowMs], [1.5, 3, 1_700_000_002_000]);
    assert.deepEqual([facts?.counts.accepted, facts?.counts.failed], [1, 1]);
    assert.deepEqual(
      facts?.children.map(({ name, verdict, exitCode, summary }) => [name, verdict, exitCode, summary]),
      [
        ['types', 'accept', 0, null],
        [null, 'failed', 3, 'no'],
      ],
    );
    assert.deepEqual(facts?.parent, { thread: THREAD, alias: 'FIRST-001', goal: 'Check it', record: '' });
  });

  it('has the counts at the join, even if more has ended since', async () => {
    const fleet = await Fleet.open();
    const thread = await fleet.fanOut('ANY-1', ['first', 'second'], 'any');
    await fleet.end(thread, 0, 'accept');
    await fleet.end(thread, 1, 'failed');
    const facts = await lastRunOf(fleet.client, thread);
    assert.deepEqual([facts?.counts.accepted, facts?.counts.failed], [1, 0]);
    assert.deepEqual(
      facts?.children.map(({ verdict }) => verdict),
      ['accept', 'failed'],
    );
    await fleet.close();
  });
});
