import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Unkill } from '../../contract/commands.ts';
import type * as d from '../../contract/documents.ts';
import type { ThreadId } from '../../record/ids.ts';
import { kill, unkill } from '../commands/kill.ts';
import { refOf, TestFleet, USER, workerDid } from '../testing/test-fleet.ts';
import { joinDocument, taskDocument } from '../views/views.ts';

type Shown = ReadonlyMap<ThreadId, { readonly task: string; readonly children: readonly string[] }>;

/** A fleet that checks at each step that watchers are notified of every task and subtask that looks different. */
class WatchedFleet extends TestFleet {
  override do<T>(decide: (now: number) => T): T {
    const before = shown(this);
    const answer = super.do(decide);
    for (const [thread, after] of shown(this)) {
      const told = this.changed.get(thread);
      const was = before.get(thread);
      if (after.task !== was?.task) assert.ok(told !== undefined, `not told of ${thread}: ${after.task}`);
      // The subtasks of a new fan-out are all new.
      if (was === undefined || was.children.length === 0) continue;
      after.children.forEach((child, index) => {
        if (child !== was.children[index])
          assert.ok(told?.has(index), `not told of ${index}: ${was.children[index]} became ${child}`);
      });
    }
    return answer;
  }
}

/** Returns the present documents of all tasks and their subtasks. */
function shown({ core, now }: TestFleet): Shown {
  return new Map(
    [...core.state.tasks.values()].map(task => {
      const { children, ...join } = joinDocument(core, task, false, now);
      const told = { ...taskDocument(core.state, task, now), ...join };
      return [task.thread, { task: JSON.stringify(told), children: children.map(shownChild) }];
    }),
  );
}

/** Returns a child without what depends on the time, an instance, or another subtask, which have their own events. */
function shownChild(child: d.ChildDocument): string {
  const { wall_time_secs: _, reason, ...rest } = child;
  return JSON.stringify({ ...rest, reason: child.state === 'done' ? reason : null });
}

describe('watchers are notified of', () => {
  it('a task that is created, and one that is cancelled', () => {
    const fleet = new WatchedFleet();
    const task = fleet.addTask();
    assert.deepEqual(fleet.changed, new Map([[task.thread, new Set()]]));
    fleet.cancel(task);
    assert.deepEqual(fleet.changed, new Map([[task.thread, new Set()]]));
  });

  it('every subtask that is assigned, starts, comes back, ends and is tried again', () => {
    const fleet = new WatchedFleet(2, 4);
    const fanOut = fleet.fanOut([{ attempts: 2 }, {}, { depends_on: [0] }, {}, {}, {}]);
    const on = (worker: number) =>
      fanOut.children.filter(child => child.state === 'assigned' && child.worker === workerDid(worker));
    fleet.started(fanOut, 0, 1);
    const [recalled] = on(1).filter(({ index }) => index > 1);
    fleet.do(now =>
      fleet.core.returned(
        workerDid(1),
        { deliveries: [refOf(fanOut, recalled!.index)], reason: 'recalled', begun: false },
        now,
      ),
    );
    fleet.report(fanOut, 0, { verdict: 'failed', exit_code: 3 });
    // The back-off is a second. Meanwhile the workers send heartbeats.
    for (let ms = 0; ms < 1200; ms += 400) {
      fleet.pass(400);
      for (const worker of [0, 1]) fleet.beat(worker, { slots: 4 });
    }
    assert.deepEqual([fanOut.children[0]!.state, fanOut.children[0]!.attempt], ['assigned', 2]);
    for (const worker of [0, 1]) {
      fleet.beat(worker, { slots: 4 });
      fleet.hello(
        worker,
        on(worker).map(({ index }) => refOf(fanOut, index)),
      );
    }
    fleet.report(fanOut, 0, { verdict: 'failed', exit_code: 3 });
    assert.equal(fanOut.children[2]!.verdict, 'cancelled');
    fleet.cancel(fanOut.task, 3);
    for (const { index } of fanOut.children)
      if (fanOut.children[index]!.state === 'assigned') fleet.report(fanOut, index);
    assert.equal(fanOut.joined?.outcome, 'unsatisfiable');
  });

  it('every subtask that a retry runs again, including those that ended after the join', () => {
    const fleet = new WatchedFleet(1, 1);
    const fanOut = fleet.fanOut([{}, { depends_on: [0] }, { depends_on: [1] }, {}, {}], { losers: 'keep' });
    fleet.report(fanOut, 0, { verdict: 'failed' });
    assert.notEqual(fanOut.joined, null);
    fleet.report(fanOut, 3);
    assert.equal(fanOut.children[3]!.afterJoin, true);
    fleet.retry(fanOut.task, 0);
    assert.deepEqual([...fleet.changed.get(fanOut.task.thread)!].sort(), [0, 1, 2, 3]);
  });

  it('every subtask of a lost worker, and of a cancelled fan-out', () => {
    const fleet = new WatchedFleet(2, 1);
    const fanOut = fleet.fanOut(6);
    fleet.started(fanOut, 0);
    fleet.do(now => fleet.core.gone(workerDid(0), 'it died', now));
    fleet.do(now => fleet.core.abandon(workerDid(0), 'it was killed', now));
    fleet.cancel(fanOut.task);
    for (const { index, state } of fanOut.children)
      if (state === 'assigned') fleet.report(fanOut, index, { verdict: 'cancelled' });
    assert.equal(fanOut.counts.running + fanOut.counts.pending, 0);
  });

  it('a namespace that is created, changed, archived, reactivated, frozen, unfrozen and deleted', () => {
    const fleet = new TestFleet();
    const told = (act: () => void): readonly string[] => {
      act();
      return [...fleet.namespaces];
    };
    const how = { level: null, grace_secs: null, reason: null };
    const hold = { namespace: 'acme', emergency: false };
    const stop = { namespace: null, emergency: true };
    const freeze = (what: Unkill) =>
      fleet.do(now => kill(fleet.core, { ...what, ...how }, { actor: USER, now }));
    const lift = (what: Unkill) => fleet.do(now => unkill(fleet.core, what, { actor: USER, now }));
    const acts: readonly (readonly [act: () => void, told: readonly string[]])[] = [
      [() => fleet.createNamespace('acme'), ['acme']],
      [() => fleet.createNamespace('acme'), []],
      [() => fleet.createNamespace('acme', null, { limits: { max_parallel: 2 } }), ['acme']],
      [() => fleet.archiveNamespace('acme'), ['acme']],
      [() => fleet.createNamespace('acme'), ['acme']],
      [() => freeze(hold), ['acme']],
      [() => lift(hold), ['acme']],
      [() => freeze(stop), ['default']],
      [() => lift(stop), ['default']],
      [() => fleet.deleteNamespace('acme'), ['acme']],
    ];
    for (const [act, ids] of acts) assert.deepEqual(told(act), ids, String(act));
  });

  it('a fan-out of 10,000 once for each message of a worker, not once for each subtask', () => {
    const fleet = new TestFleet(1, 64);
    const fanOut = fleet.fanOut(10_000);
    const seen = new Set<number>();
    let told = 0;
    while (fanOut.joined === null) {
      const ready = fanOut.children.filter(({ state }) => state === 'assigned').map(({ index }) => index);
      fleet.do(now =>
        fleet.core.started(
          workerDid(0),
          ready.map(index => refOf(fanOut, index)),
          now,
        ),
      );
      assert.equal(fleet.changed.size, 1);
      fleet.now += 10;
      fleet.reportAll(fanOut, ready);
      told += 2;
      assert.equal(fleet.changed.size, 1);
      for (const index of fleet.changed.get(fanOut.task.thread)!) seen.add(index);
    }
    assert.equal(seen.size, 10_000);
    assert.ok(told < 10_000 / 10, `${told} events`);
  });
});
