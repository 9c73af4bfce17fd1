import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import { applyRecord } from '../fold/apply-record.ts';
import { ASSIGNMENT, type AssignmentEvent } from '../model/delivery-machines.ts';
import { IGNORED, IMPOSSIBLE, after, type Machine } from '../model/machine.ts';
import { TOPIC, topicOf } from '../model/record-bodies.ts';
import { emptyState, subtaskStateOf, type FleetState, type FanOut } from '../model/state.ts';
import { SUBTASK, type SubtaskEvent, type SubtaskState } from '../model/subtask-machine.ts';
import { COMES_UP, CONNECTION, ORDER, STATUS, type WorkerEvent } from '../model/worker-machines.ts';
import { FOLD, HEARTBEAT_MS, refOf, TestFleet, workerDid } from '../testing/test-fleet.ts';

/**
 * Drives the tables through the public methods of the coordinator and of the fold. The seed is fixed, because coverage
 * is asserted.
 */
const SEED = 4;

/** Returns the entries of a table that lead to a state, as `state event`. */
function entriesOf<S extends string, E extends string>(machine: Machine<S, E>): string[] {
  return Object.entries<Readonly<Record<string, string>>>(machine).flatMap(([state, row]) =>
    Object.entries(row)
      .filter(([, to]) => to !== IGNORED && to !== IMPOSSIBLE)
      .map(([event]) => `${state} ${event}`),
  );
}

describe('the subtask machine', () => {
  const EVENTS: Readonly<Record<string, readonly SubtaskEvent[]>> = {
    [TOPIC.spawned]: ['delivered'],
    [TOPIC.returned]: ['returned'],
    [TOPIC.childDone]: ['failed', 'asked', 'ended'],
    [TOPIC.retry]: ['answered', 'retried'],
  };
  const SUBTASKS = [
    { attempts: 3 },
    {},
    { depends_on: [1] },
    { depends_on: [0], when: 'failed' },
    { depends_on: [1], when: 'always' },
  ];
  const actions = fc.array(
    fc.record({
      act: fc.constantFrom('accept', 'fail', 'lose', 'ask', 'return', 'retry', 'cancel', 'wait', 'repeat'),
      index: fc.nat(SUBTASKS.length - 1),
    }),
    { minLength: 5, maxLength: 40 },
  );

  function perform(fleet: TestFleet, fanOut: FanOut, act: string, index: number): void {
    const child = fanOut.children[index]!;
    const isOut = child.state === 'assigned';
    if (act === 'accept' && isOut) fleet.report(fanOut, index);
    if (act === 'fail' && isOut) fleet.report(fanOut, index, { verdict: 'failed' });
    if (act === 'lose' && isOut) fleet.report(fanOut, index, { verdict: 'failed', lost: true });
    if (act === 'ask' && isOut) fleet.report(fanOut, index, { verdict: 'failed', asks: 'may it?' });
    if (act === 'repeat' && child.worker !== null) fleet.report(fanOut, index);
    if (act === 'return' && isOut) {
      const deliveries = [refOf(fanOut, index)];
      fleet.do(now =>
        fleet.core.returned(child.worker!, { deliveries, reason: 'recalled', begun: false }, now),
      );
    }
    if (act === 'retry') orRefused(() => fleet.retry(fanOut.task, index));
    if (act === 'cancel') orRefused(() => fleet.cancel(fanOut.task, index));
    if (act === 'wait') fleet.pass(120_000);
  }

  function orRefused(command: () => void): void {
    try {
      command();
    } catch (error) {
      assert.ok(FleetError.is(error, 'CONFLICT'), String(error));
    }
  }

  it('follows its table for each record, and uses every entry', () => {
    const seen = new Set<string>();
    const states = (state: FleetState): SubtaskState[] =>
      [...state.tasks.values()].flatMap(({ fanOut }) => fanOut?.children.map(subtaskStateOf) ?? []);
    fc.assert(
      fc.property(actions, sequence => {
        const fleet = new TestFleet(1, 2);
        const fanOut = fleet.fanOut(SUBTASKS);
        for (const { act, index } of sequence) perform(fleet, fanOut, act, index);
        const state = emptyState();
        for (const { record, at } of fleet.log) {
          const before = states(state);
          applyRecord(state, record, at, FOLD);
          for (const [i, to] of states(state).entries()) {
            const from = before[i];
            if (from === undefined || from === to) continue;
            const event = EVENTS[topicOf(record) ?? '']?.find(each => SUBTASK[from][each] === to);
            assert.ok(event !== undefined, `${topicOf(record)} has led from ${from} to ${to}`);
            seen.add(`${from} ${event}`);
          }
        }
        assert.deepEqual(states(state), states(fleet.core.state), 'the log folds to the same states');
      }),
      { seed: SEED, numRuns: runs(150) },
    );
    assert.deepEqual([...seen].sort(), entriesOf(SUBTASK).sort());
  });
});

describe('the worker machines', () => {
  type Sides = readonly [status: string, connection: string, order: string];
  const DOORS = {
    admitted: fleet => fleet.admit(0),
    connected: fleet => fleet.hello(0),
    heard: fleet => fleet.beat(0),
    disconnected: fleet => fleet.do(() => fleet.core.disconnected(workerDid(0))),
    silent: fleet => fleet.pass(SILENT_MS),
    lost: fleet => fleet.pass(LOST_MS),
    gone: fleet => fleet.do(now => fleet.core.gone(workerDid(0), 'it ended', now)),
    abandoned: fleet => fleet.do(now => fleet.core.abandon(workerDid(0), 'it ended', now)),
    'told to stop': fleet => fleet.do(now => fleet.core.stop(workerDid(0), 1000, now)),
    stopped: fleet => fleet.do(now => fleet.core.stopped(workerDid(0), now)),
  } satisfies Readonly<Record<WorkerEvent, (fleet: TestFleet) => void>>;
  /** The silence after which a worker is stale and not yet lost, and that after which it is lost. */
  const SILENT_MS = 2.5 * HEARTBEAT_MS;
  const LOST_MS = 31_000;

  const sidesOf = (fleet: TestFleet): Sides => {
    const { status } = fleet.core.state.instances.get(workerDid(0))!;
    const { connection, order } = fleet.core.links.get(workerDid(0))!;
    return [status, connection, order];
  };
  const happens = ([status, connection, order]: Sides, event: WorkerEvent): Sides => [
    after(STATUS as Machine<string, WorkerEvent>, status, event),
    after(CONNECTION as Machine<string, WorkerEvent>, connection, event),
    after(ORDER as Machine<string, WorkerEvent>, order, event),
  ];
  /** Returns a worker's states after a silence. */
  function silently(sides: Sides, event: 'silent' | 'lost'): Sides {
    const isAwaited = ['awaited', 'replaced'].includes(sides[1]);
    // A worker with an awaited process gets the time of a launch.
    if (event === 'silent' && isAwaited) return sides;
    const silent = sides[0] === 'live' ? happens(sides, 'silent') : sides;
    if (event === 'silent') return silent;
    const isLost = isAwaited || silent[0] === 'stale';
    return isLost ? happens(silent, 'lost') : silent;
  }

  it('follow their tables for each event, and reach every state', () => {
    const reached = new Set<string>();
    const events = fc.array(fc.constantFrom(...(Object.keys(DOORS) as WorkerEvent[]), 'restart' as const), {
      maxLength: 25,
    });
    fc.assert(
      fc.property(events, sequence => {
        const fleet = new TestFleet();
        fleet.admit(0);
        for (const event of sequence) {
          const sides = sidesOf(fleet);
          for (const side of sides) reached.add(side);
          if (event === 'restart') {
            fleet.restart();
            assert.deepEqual(sidesOf(fleet), [sides[0], COMES_UP[sides[0] as keyof typeof COMES_UP], 'work']);
            continue;
          }
          // The last message was a moment ago, so that the silence begins here.
          if (event === 'silent' || event === 'lost')
            fleet.core.links.get(workerDid(0))!.lastContactAt = fleet.now;
          DOORS[event](fleet);
          const isLinked = sides[1] === 'linked' || sides[1] === 'replaced';
          const wanted =
            event === 'silent' || event === 'lost'
              ? silently(sides, event)
              : event === 'heard' && !isLinked
                ? sides
                : happens(sides, event);
          assert.deepEqual(sidesOf(fleet), wanted, `${event} of ${sides.join(', ')}`);
        }
      }),
      { seed: SEED, numRuns: runs(300) },
    );
    assert.deepEqual(
      [...reached].sort(),
      [...Object.keys(STATUS), ...Object.keys(CONNECTION), ...Object.keys(ORDER)].sort(),
    );
  });
});

describe('the assignment machine', () => {
  const EVENTS = ['started', 'silent', 'alive', 'held', 'missing'] as const satisfies AssignmentEvent[];

  /** Returns subtask 0 at a worker that may be asked to hand it back, because another subtask ran out of quota. */
  function assigned(isRecalled: boolean): { fleet: TestFleet; fanOut: FanOut } {
    const fleet = new TestFleet(1, 2);
    const fanOut = fleet.fanOut([{ run: 'true' }, { run: 'true' }]);
    if (isRecalled) fleet.report(fanOut, 1, { verdict: 'failed', quota: {} });
    return { fleet, fanOut };
  }

  function tell(fleet: TestFleet, fanOut: FanOut, event: (typeof EVENTS)[number]): void {
    const ref = refOf(fanOut, 0);
    const worker = workerDid(0);
    if (event === 'started') fleet.started(fanOut, 0);
    else if (event === 'silent') fleet.do(now => fleet.core.stalled(worker, [ref], 500, now));
    else if (event === 'alive') fleet.do(now => fleet.core.stalled(worker, [ref], null, now));
    else fleet.hello(0, event === 'held' ? [ref] : []);
  }

  it('follows its table for each message, and uses every entry', () => {
    const seen = new Set<string>();
    const sequences = fc.array(fc.constantFrom(...EVENTS), { maxLength: 8 });
    fc.assert(
      fc.property(fc.boolean(), sequences, (isRecalled, sequence) => {
        const { fleet, fanOut } = assigned(isRecalled);
        const stateNow = () =>
          fleet.core.links.get(workerDid(0))!.assigned.get(fanOut.children[0]!)!.progress;
        assert.equal(stateNow().state, isRecalled ? 'recalled' : 'waiting');
        if (isRecalled) seen.add('waiting recall');
        for (const event of sequence) {
          const from = stateNow().state;
          tell(fleet, fanOut, event);
          const to = stateNow().state;
          assert.equal(to, after(ASSIGNMENT, from, event), `${event} of ${from}`);
          if (ASSIGNMENT[from][event] !== IGNORED) seen.add(`${from} ${event}`);
          assert.equal(
            fleet.core.startedAt(fanOut.children[0]!) !== null,
            to === 'running' || to === 'stalled',
          );
          assert.equal(fleet.core.silentSince(fanOut.children[0]!) !== null, to === 'stalled');
        }
      }),
      { seed: SEED, numRuns: runs(200) },
    );
    assert.deepEqual([...seen].sort(), entriesOf(ASSIGNMENT).sort());
  });
});
