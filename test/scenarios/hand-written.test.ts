import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Verifier } from '../../engine/record/signing.ts';
import { ACTOR, echoes, scenario } from '../harness/fleet.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

/** Records that people write by hand, and the export of everything that was written. */

const onFleet = sharedFleet({ echoMs: 0 });

interface Written {
  readonly thread: string;
  readonly record: string;
  readonly act: string;
  readonly clock: number;
}

interface Entry {
  readonly position: number;
  readonly at_unix: number;
  readonly record: { readonly id: string; readonly actor: string; readonly thread: string };
  readonly signature: { readonly by: string; readonly sig: string; readonly ids: readonly string[] } | null;
}

describe('records that are written by hand', function () {
  this.timeout(120_000);

  it(
    'are on their thread in the order of their clocks, also if several are written at once',
    onFleet(async fleet => {
      const first = await fleet.json<Written>('intend', 'Ship 1.2', '--body', '{"build":{"number":7}}');
      assert.match(first.thread, /^th_[0-9a-f]{64}$/);
      assert.deepEqual([first.act, first.clock], ['INTEND', 0]);
      const on = ['--thread', first.thread];
      const more = await Promise.all(
        ['do', 'know', 'know', 'know'].map(verb => fleet.json<Written>(verb, `a ${verb}`, ...on)),
      );
      assert.deepEqual(more.map(({ clock }) => clock).sort(), [1, 2, 3, 4]);
      const { records } = await fleet.client.report('thread.records', { thread: first.thread });
      assert.deepEqual(records[0]?.body, { text: 'Ship 1.2', build: { number: 7 } });
      assert.deepEqual(
        records.map(({ actor }) => actor),
        Array(5).fill(ACTOR),
      );
      const listed = await fleet.spl('thread', 'list', '--limit', '1000');
      assert.match(listed.out, /Ship 1\.2/);
    }),
  );

  it(
    'are refused on threads of the fleet, and in a missing namespace',
    onFleet(async fleet => {
      const refused = async (...words: readonly string[]): Promise<string> =>
        (await fleet.refused(4, ...words)).code;
      assert.equal(await refused('know', 'x', '--thread', 'th_fleet_control'), 'SCOPE_FORBIDDEN');
      assert.equal(await refused('know', 'x', '--body', '{"topic":"freeze"}'), 'SCOPE_FORBIDDEN');
      assert.equal(await refused('know', 'x', '--namespace', 'nowhere'), 'NAMESPACE_REJECTED');
    }),
  );
});

describe('the export for an audit', function () {
  this.timeout(120_000);

  it(
    'has every record once, with its time and the signature of its instance',
    onFleet(async fleet => {
      const { instances } = await fleet.state();
      const { thread } = await fleet.fanOut('AUDIT', echoes(2, { target: 'worker-a' }));
      await fleet.joined('AUDIT');
      const { out } = await fleet.spl('audit', 'export');
      const entries = out
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line) as Entry);
      assert.deepEqual(
        entries.map(({ position }) => position),
        entries.map((_, index) => index),
      );
      const worker = instances.find(({ alias }) => alias === 'worker-a')!;
      const reports = entries.filter(({ record }) => record.actor === worker.did && record.thread === thread);
      assert.equal(reports.length, 2);
      const { key } = await fleet.openWorkerHome('a');
      const verifier = new Verifier(key.publicKey);
      for (const { record, signature } of reports) {
        assert.ok(signature?.ids.includes(record.id));
        assert.ok(signature !== null && verifier.verifies(signature as never, signature.ids as never));
      }
      const since = entries.at(-1)!.at_unix + 3_600;
      const later = await fleet.spl(
        'audit',
        'export',
        '--since',
        new Date(since * 1000).toISOString().slice(0, 16) + 'Z',
      );
      assert.equal(later.out, '');
      const mine = await fleet.spl('audit', 'export', '--thread', 'AUDIT', '--actor', worker.did);
      assert.equal(mine.out.trimEnd().split('\n').length, 2);
    }),
  );
});

describe('a join predicate', function () {
  it(
    'is checked without a fleet',
    scenario({}, async fleet => {
      assert.equal((await fleet.spl('expr', 'check', 'accepted >= 2 && cost_usd < 5.0')).code, 0);
      const { code, details } = await fleet.refused(4, 'expr', 'check', 'accepted >= 2 && total > nothing');
      assert.equal(code, 'INVALID_RECORD');
      assert.equal(details['position'], 'accepted >= 2 && total > '.length);
      assert.equal(
        (await fleet.refused(4, 'expr', 'check', 'k_of_n:3', '--subtasks', '2')).code,
        'INVALID_RECORD',
      );
    }),
  );
});

describe('permission rules', function () {
  this.timeout(120_000);

  it(
    'refuse what they deny until they are removed, also after a restart, and can be tested before',
    scenario({}, async fleet => {
      await fleet.startFleet(0);
      await fleet.json('rule', 'add', 'no-agents', "actor.startsWith('did:sync:agent:')");
      const agent = ['--actor', 'did:sync:agent:helper'];
      assert.equal((await fleet.refused(4, 'know', 'x', ...agent)).code, 'SCOPE_FORBIDDEN');
      assert.equal((await fleet.refused(4, 'task', 'add', 'x', ...agent)).details['rule'], 'no-agents');
      assert.equal((await fleet.refused(4, 'rule', 'add', 'all', 'true')).code, 'CONFLICT');
      const tested = await fleet.spl('rule', 'test', '--act', 'KNOW', ...agent, '--json');
      assert.equal(tested.code, 4);
      assert.equal((JSON.parse(tested.out) as { allowed: boolean }).allowed, false);
      await fleet.json('know', 'x');
      await fleet.spl('fleet', 'stop', '--all');
      await fleet.startFleet(0);
      await fleet.refused(4, 'know', 'x', ...agent);
      await fleet.json('rule', 'remove', 'no-agents', ...agent);
      await fleet.json('know', 'x', ...agent);
    }),
  );
});
