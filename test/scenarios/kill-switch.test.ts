import assert from 'node:assert/strict';
import { access, readdir, stat, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'mocha';
import type { ChildDocument, ControlDocument, JoinStatus } from '../../engine/contract/documents.ts';
import { PERMIT_MS } from '../../engine/domain/model/messages.ts';
import { ACTOR, echoes, isThere, scenario, soon, type Scenario } from '../harness/fleet.ts';
import { joinsOf } from '../harness/laws.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

const onFleet = sharedFleet({ echoMs: 0 });
const onWideFleet = sharedFleet({ fleet: ['slots = 4'] });

/** Runs until the file `go` exists. */
const WAITS = 'echo began; while [ ! -e go ]; do sleep 0.1; done';
/** The number of subtasks in a storm. */
const STORM = 1_000;
const SOFT = "soft freeze of 'release' — bad release; undo it with: spl unkill --namespace release";

describe('the kill switch', function () {
  this.timeout(120_000);

  it(
    'soft: drains running work, blocks waiting work, refuses new work, and continues after the release',
    onFleet(async fleet => {
      await fanOutIn(fleet, 'HELD', 'release/web', [
        { goal: 'runs', run: WAITS, target: 'worker-a' },
        { goal: 'waits', run: 'true', target: 'worker-a' },
      ]);
      await fleet.joinWhen('HELD', 'the first runs', hasBegun(0));
      const killed = await fleet.spl('kill', '--namespace', 'release', '--reason', 'bad release');
      assert.deepEqual([killed.code, killed.out], [0, "✓ soft freeze of 'release' recorded\n"]);
      const { code, message } = await fleet.refused(4, 'task', 'add', 'x', '--namespace', 'release/web');
      assert.deepEqual(
        [code, message],
        ['NAMESPACE_FROZEN', "namespace 'release/web' is frozen: soft freeze of 'release' — bad release"],
      );
      await fleet.fanOut('UNTOUCHED', echoes(1));
      await writeFile(fleet.at('go'), '');
      await fleet.joined('UNTOUCHED');
      const held = await fleet.joinWhen('HELD', 'one is done, and one held', isHalfDone);
      assert.deepEqual(held.children.map(stateOf), [
        ['done', 'accept', null],
        ['pending', null, SOFT],
      ]);
      const status = await fleet.spl('fleet', 'status');
      assert.match(status.out, /\[soft\] release — bad release/);
      const thawed = await fleet.spl('unkill', '--namespace', 'release');
      assert.deepEqual([thawed.code, thawed.out], [0, "✓ unfreeze of 'release' recorded\n"]);
      assert.equal((await fleet.joined('HELD')).outcome, 'satisfied');
    }),
  );

  it(
    'stops a storm of 1,000 short attempts on two workers within a second, and lets it continue to one join',
    onWideFleet(async fleet => {
      // Some report their start themselves, with a file.
      const commands = echoes(STORM / 50, { run: 'echo >began-$SPL_SUBTASK', executor: 'shell' });
      const parts = commands.flatMap(command => [...echoes(49), command]);
      await fanOutIn(fleet, 'STORM', 'release', parts);
      await fleet.countsWhen('STORM', 'a fifth is done', ({ counts }) => counts.accepted >= STORM / 5);
      const freeze = { namespace: 'release', emergency: false, level: null, grace_secs: null };
      await fleet.client.submit('kill', { ...freeze, reason: 'bad release' });
      const acknowledgedAt = Date.now();
      await fleet.countsWhen('STORM', 'nothing runs', ({ counts }) => counts.running === 0);
      const { children: held } = await fleet.join('STORM');
      const waiting = held.filter(({ state }) => state === 'pending');
      assert.ok(waiting.length > STORM / 5, `it was in the middle: ${waiting.length} wait`);
      assert.deepEqual(new Set(waiting.map(({ reason }) => reason)), new Set([SOFT]));
      await delay(acknowledgedAt + 2 * PERMIT_MS - Date.now());
      const thawedAt = Date.now();
      await fleet.client.submit('unkill', { namespace: 'release', emergency: false });
      const { outcome, counts, children } = await fleet.joined('STORM');
      assert.equal(counts.accepted, STORM);
      assert.equal(outcome, 'satisfied');
      const told = children.map(({ started_unix: begun }) => begun! * 1000);
      const seen = await filesBegan(fleet);
      assert.deepEqual([told.length, seen.length], [STORM, commands.length]);
      const under = [...told, ...seen].filter(at => at > acknowledgedAt + PERMIT_MS && at < thawedAt);
      assert.deepEqual(under, [], 'it began under the freeze');
      assert.equal(joinsOf(await fleet.records('STORM')).length, 1);
    }),
  );

  it(
    'hard: cancels running attempts after the grace, and keeps their output',
    onFleet(async fleet => {
      await fanOutIn(fleet, 'ENDED', 'release/web', [
        { goal: 'runs on', run: 'echo $$ > pid; echo began; exec sleep 600', target: 'worker-a' },
        { goal: 'waits', run: 'true', target: 'worker-a' },
      ]);
      const pid = Number(await fleet.text(fleet.at('pid')));
      await fleet.json('kill', '--namespace', 'release', '--level', 'hard', '--grace', '0.5');
      const ended = await fleet.joinWhen('ENDED', 'one is ended, and one held', isHalfDone);
      assert.equal(isThere(pid), false);
      const first = ended.children[0]!;
      assert.equal(first.verdict, 'cancelled');
      assert.match(first.reason!, /hard freeze of 'release'/);
      const output = await fleet.spl('task', 'output', 'ENDED', '--subtask', '0');
      assert.equal(output.out, 'began\n');
      const late = { act: 'KNOW', actor: ACTOR, body: { namespace: 'release' }, clock: 0 };
      await assert.rejects(
        fleet.client.submit('records.append', {
          records: [{ ...late, data_type: 'SCALAR', thread: 'th_late' }],
        }),
        { code: 'NAMESPACE_FROZEN' },
      );
      await fleet.json('unkill', '--namespace', 'release');
      await fleet.joinWhen('ENDED', 'the second has its turn', ({ counts }) => counts.accepted === 1);
    }),
  );

  it(
    'emergency: starts nothing anywhere, drains running work, and allows reading',
    onFleet(async fleet => {
      await fleet.fanOut('DRAINS', [
        { goal: 'runs', run: WAITS, target: 'worker-a' },
        { goal: 'waits', run: 'true', target: 'worker-a' },
      ]);
      await fleet.joinWhen('DRAINS', 'the first runs', hasBegun(0));
      const killed = await fleet.spl('kill', '--emergency', '--reason', 'cost');
      assert.deepEqual([killed.code, killed.out], [0, '✓ emergency stop recorded\n']);
      assert.equal((await fleet.refused(4, 'task', 'add', 'x')).code, 'NAMESPACE_FROZEN');
      const record = { actor: ACTOR, body: {}, clock: 0, data_type: 'SCALAR', thread: 'th_told' };
      const append = (act: string) =>
        fleet.client.submit('records.append', { records: [{ ...record, act }] });
      await assert.rejects(append('DO'), { code: 'NAMESPACE_FROZEN' });
      assert.equal((await append('KNOW')).stored.length, 1);
      await writeFile(fleet.at('go'), '');
      const drained = await fleet.joinWhen('DRAINS', 'one has drained, and one is held', isHalfDone);
      assert.equal(drained.counts.accepted, 1);
      assert.deepEqual(stateOf(drained.children[1]!), [
        ...['pending', null, 'emergency stop — cost; undo it with: spl unkill --emergency'],
      ]);
      const { emergency } = await fleet.json<{ emergency: { reason: string; issued_by: string } }>(
        ...['fleet', 'status'],
      );
      assert.deepEqual([emergency.reason, emergency.issued_by], ['cost', ACTOR]);
      await fleet.json('unkill', '--emergency');
      assert.equal((await fleet.joined('DRAINS')).outcome, 'satisfied');
    }),
  );

  it(
    'outlives everything: after `kill -9` of coordinator and worker it still holds, and can be released',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fanOutIn(fleet, 'HELD', 'release/web', [{ goal: 'runs', run: WAITS }, ...echoes(2)]);
      await fleet.joinWhen('HELD', 'the first runs', hasBegun(0));
      await fleet.json('kill', '--namespace', 'release', '--reason', 'bad release');
      const worker = await fleet.pidOf('worker-a');
      await fleet.kill(await fleet.pidOf('coordinator'));
      await fleet.kill(worker);
      await fleet.startFleet(1);
      const lost = await fleet.joinWhen('HELD', 'all wait', ({ counts }) => counts.pending === 3);
      for (const child of lost.children) assert.equal(child.reason, SOFT);
      await writeFile(fleet.at('go'), '');
      await fleet.json<ControlDocument>('unkill', '--namespace', 'release');
      assert.equal((await fleet.joined('HELD')).outcome, 'satisfied');
    }),
  );

  it(
    'reaches a disconnected worker: it drains running work, starts nothing, and ends attempts as ordered',
    scenario({ echoMs: 0 }, async fleet => {
      await fleet.startFleet(1);
      // With short attempts, the coordinator delivers ahead of the free slot.
      await fleet.fanOut('SHORT', echoes(50));
      await fleet.joined('SHORT');
      await fanOutIn(fleet, 'AHEAD', 'release', [
        { goal: 'runs', run: `${WAITS}; echo over > over` },
        { goal: 'waits there', run: 'echo > started' },
      ]);
      await fleet.joinWhen('AHEAD', 'both are handed out', ({ counts }) => counts.running === 2);
      await fleet.joinWhen('AHEAD', 'the first runs', hasBegun(0));
      const coordinator = await fleet.pidOf('coordinator');
      fleet.signal(coordinator, 'SIGSTOP');
      await delay(PERMIT_MS + 200);
      await writeFile(fleet.at('go'), '');
      await fleet.text(fleet.at('over'));
      await delay(500);
      await assert.rejects(access(fleet.at('started')), 'it started without a permit');
      fleet.signal(coordinator, 'SIGCONT');
      assert.equal((await fleet.joined('AHEAD')).outcome, 'satisfied');

      await fanOutIn(fleet, 'ENDS', 'release', [{ goal: 'runs on', run: 'echo $$ > pid; exec sleep 600' }]);
      const pid = Number(await fleet.text(fleet.at('pid')));
      await fleet.json('kill', '--namespace', 'release', '--level', 'hard', '--grace', '1');
      fleet.signal(coordinator, 'SIGSTOP');
      await soon('the command is ended', () => !isThere(pid));
      fleet.signal(coordinator, 'SIGCONT');
      const { children } = await fleet.joined('ENDS');
      assert.equal(children[0]?.verdict, 'cancelled');
    }),
  );
});

/** Makes a namespace with all above it, if it does not exist, and a fan-out in it. */
async function fanOutIn(
  fleet: Scenario,
  alias: string,
  namespace: string,
  subtasks: readonly object[],
): Promise<void> {
  const segments = namespace.split('/');
  for (let n = 1; n <= segments.length; n++)
    await fleet.client.submit('namespace.create', { id: segments.slice(0, n).join('/'), description: null });
  await fleet.json('task', 'add', `the goal of ${alias}`, '--alias', alias, '--namespace', namespace);
  const words = subtasks.flatMap(subtask => ['--subtask', JSON.stringify(subtask)]);
  await fleet.json('task', 'fan-out', alias, '--losers', 'keep', ...words);
}

/** Returns the start times of commands, from the files that they made, in ms since the epoch. */
async function filesBegan(fleet: Scenario): Promise<number[]> {
  const names = (await readdir(fleet.cwd)).filter(name => name.startsWith('began-'));
  return Promise.all(names.map(async name => (await stat(fleet.at(name))).mtimeMs));
}

const hasBegun =
  (index: number) =>
  ({ children }: JoinStatus): boolean =>
    children[index]?.started_unix != null;

/**
 * Returns true when the first of two subtasks is over and the second is with no worker. A delivery ahead of a slot is
 * recalled meanwhile.
 */
const isHalfDone = ({ children: [first, second] }: JoinStatus): boolean =>
  first!.state === 'done' && second!.state === 'pending';

const stateOf = ({ state, verdict, reason }: ChildDocument): unknown[] => [state, verdict, reason];
