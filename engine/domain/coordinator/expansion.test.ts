import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { celCompiler } from '../join/cel.ts';
import { rerun, runSerial } from '../commands/fan-out.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { membersOf, type FanOut } from '../model/state.ts';
import type { ThreadId } from '../../record/ids.ts';
import { states, TestFleet, USER, verdicts } from '../testing/test-fleet.ts';
import { joinDocument } from '../views/views.ts';

const LIST = { name: 'list', run: 'true' };
const TEST = {
  name: 'test-${{ matrix.package }}',
  goal: 'test ${{ matrix.package }}',
  run: 'npm test -w "$SPL_MATRIX_package"',
  env: { WHERE: 'packages/${{ matrix.package }}' },
  depends_on: ['list'],
  matrix: { package: '${{ subtasks.list.results.packages }}' },
};
const AFTER = { name: 'after', run: 'true', depends_on: ['test-*'] };
const packages = (list: unknown) => ({ results: { packages: list } as never });
const names = (fanOut: FanOut): (string | null)[] => fanOut.subtasks.map(({ name }) => name);
const present = (fleet: TestFleet, { task }: FanOut): FanOut =>
  fleet.core.state.tasks.get(task.thread)!.fanOut!;
const outcomeOf = ({ joined }: FanOut): string | undefined => joined?.outcome;

describe('a matrix over a result', () => {
  it('makes a subtask of each value, at the end of the one with the result', () => {
    const fleet = new TestFleet(1, 10);
    const fanOut = fleet.fanOut([LIST, TEST, AFTER]);
    const [, waiting] = joinDocument(fleet.core, fanOut.task, false, fleet.now).children;
    assert.equal(waiting!.reason, "waiting for the result 'packages' of 'list'");
    fleet.report(fanOut, 0, packages(['web', 7, 'api']));
    assert.deepEqual(names(fanOut), ['list', 'test-web', 'after', 'test-7', 'test-api']);
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'pending', 'assigned', 'assigned']);
    assert.deepEqual(fanOut.subtasks[2]!.depends_on, [1, 3, 4]);
    assert.equal(membersOf(fanOut), 5);
    const { goal, env, matrix } = fanOut.subtasks[4]!;
    assert.deepEqual(
      [goal, env, matrix],
      ['test api', { WHERE: 'packages/api', SPL_MATRIX_package: 'api' }, null],
    );
    assert.deepEqual([...fleet.changed.get(fanOut.task.thread)!].sort(), [0, 1, 2, 3, 4]);
    fleet.report(fanOut, 1);
    fleet.report(fanOut, 3);
    assert.equal(fanOut.children[2]!.state, 'pending', 'a dependant waits for all of them');
    fleet.report(fanOut, 4);
    fleet.report(fanOut, 2);
    assert.equal(outcomeOf(fanOut), 'satisfied');
    assert.equal(fleet.bodiesOf('fanout_join_complete').length, 1);
  });

  it('combines several keys, the last one fastest, and gives each child the wait of the others', () => {
    const fleet = new TestFleet(1, 10);
    const fanOut = fleet.fanOut([
      LIST,
      { name: 'build', run: 'true' },
      {
        ...{ name: '${{ matrix.b }}${{ matrix.a }}', run: 'true', depends_on: [0, 1] },
        matrix: { b: '${{ subtasks.list.results.x }}', a: '${{ subtasks.list.results.y }}' },
      },
    ]);
    fleet.report(fanOut, 0, { results: { x: ['p', 'q'], y: [1, 2] } });
    assert.deepEqual(names(fanOut), ['list', 'build', 'p1', 'p2', 'q1', 'q2']);
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'pending', 'pending', 'pending', 'pending']);
    fleet.report(fanOut, 1);
    assert.deepEqual(states(fanOut).slice(2), ['assigned', 'assigned', 'assigned', 'assigned']);
  });

  it('may depend on another one', () => {
    const fleet = new TestFleet(1, 20);
    const fanOut = fleet.fanOut([
      LIST,
      TEST,
      { ...TEST, name: 'pack-${{ matrix.package }}', depends_on: ['list', 'test-*'] },
      { ...AFTER, depends_on: ['pack-*'], when: 'always' },
    ]);
    fleet.report(fanOut, 0, packages(['a', 'b']));
    assert.deepEqual(names(fanOut), ['list', 'test-a', 'pack-a', 'after', 'test-b', 'pack-b']);
    assert.deepEqual(fanOut.subtasks[5]!.depends_on, [0, 1, 4]);
    assert.deepEqual(fanOut.subtasks[3]!.depends_on, [2, 5]);
    for (const index of [1, 4]) fleet.report(fanOut, index);
    fleet.report(fanOut, 2);
    fleet.report(fanOut, 5, { verdict: 'failed' });
    assert.deepEqual(states(fanOut)[3], 'assigned');
  });

  it('is replayed from the log and from a checkpoint to the same state', () => {
    const fleet = new TestFleet(1, 10);
    const fanOut = fleet.fanOut([LIST, TEST, AFTER]);
    fleet.report(fanOut, 0, packages(['web', 'api']));
    const bytes = saveState(fleet.core.state, celCompiler);
    const restored = restoreState(bytes, celCompiler)!;
    for (const state of [fleet.replayed(), restored]) {
      const again = state.tasks.get(fanOut.task.thread)!.fanOut!;
      assert.deepEqual(again.subtasks, fanOut.subtasks);
      assert.deepEqual(again.children, fanOut.children);
      assert.deepEqual([again.counts, again.dependants], [fanOut.counts, fanOut.dependants]);
      assert.deepEqual([again.matrices, again.expansions], [fanOut.matrices, fanOut.expansions]);
    }
    fleet.restart(restored);
    fleet.hello(0);
    fleet.report(present(fleet, fanOut), 1);
    assert.equal(fleet.bodiesOf('fanout_expanded').length, 1);
  });

  it('is expanded once by the next coordinator, if the last one was lost between the result and the expansion', () => {
    const fleet = new TestFleet(1, 10);
    const opened = fleet.fanOut([LIST, TEST]);
    fleet.report(opened, 0, packages(['web', 'api']));
    const at = fleet.log.findIndex(({ record }) => record.body['topic'] === 'fanout_expanded');
    for (const kept of [at, at + 1, at + 2]) {
      const next = new TestFleet(1, 10);
      next.log.splice(0, next.log.length, ...fleet.log.slice(0, kept));
      next.restart();
      const fanOut = present(next, opened);
      assert.deepEqual(names(fanOut), ['list', 'test-web', 'test-api']);
      assert.equal(next.bodiesOf('fanout_expanded').length, 1);
      assert.equal(membersOf(fanOut), 3);
      next.restart();
      assert.equal(next.bodiesOf('fanout_expanded').length, 1);
    }
  });

  for (const [what, report, reason] of [
    ['is missing', { results: { other: 1 } }, "'list' gave no result 'packages' for its matrix"],
    ['is no list', packages('web'), "the result 'packages' of 'list' is no list for its matrix: 'web'"],
    ['is empty', packages([]), "the result 'packages' of 'list' is an empty list: its matrix has no values"],
    [
      'has objects',
      packages(['a', {}]),
      /^element 1 of the result 'packages' of 'list' is neither a text nor/,
    ],
    [
      'has a placeholder',
      packages(['${{ env.TOKEN }}']),
      /^element 0 of .* has a control character or a placeholder/,
    ],
    ['has lines', packages(['a\nb']), /^element 0 of .* has a control character/],
    ['repeats a value', packages(['a', 'a']), "its matrix makes two subtasks with the name 'test-a'"],
    ['takes a name', packages(['x']), "its matrix makes a subtask with the name 'test-x', which is taken"],
    [
      'is too long',
      packages(Array.from({ length: 10_001 }, (_, i) => i)),
      /has 10001 elements, and a matrix may have 10000/,
    ],
    ['has long values', packages(['a'.repeat(300)]), /^name of its matrix must have at most 256 characters/],
  ] as const) {
    it(`fails its subtask where the result ${what}, also when it is retried`, () => {
      const fleet = new TestFleet(1, 10);
      const fanOut = fleet.fanOut([LIST, TEST, AFTER, { name: 'test-x', run: 'true' }]);
      fleet.report(fanOut, 3);
      fleet.report(fanOut, 0, report);
      const asSaid = (): void => {
        assert.deepEqual(verdicts(fanOut), ['accept', 'failed', 'cancelled', 'accept']);
        if (typeof reason === 'string') assert.equal(fanOut.children[1]!.reason, reason);
        else assert.match(fanOut.children[1]!.reason!, reason);
        assert.equal(outcomeOf(fanOut), 'unsatisfiable');
      };
      asSaid();
      fleet.retry(fanOut.task, 1);
      asSaid();
      assert.equal(fanOut.round, 2);
    });
  }

  it('is kept within the limits of the namespace, and a retry may expand it later', () => {
    const fleet = new TestFleet(1, 10);
    fleet.createNamespace('web', null, { limits: { max_children: 3 } });
    const fanOut = fleet.fanOut([LIST, TEST], { namespace: 'web' });
    fleet.report(fanOut, 0, packages(['a', 'b', 'c']));
    assert.match(fanOut.children[1]!.reason!, /lets a fan-out have at most 3 subtasks, and these are 4/);
    assert.equal(outcomeOf(fanOut), 'unsatisfiable');
    const task = fleet.addTask();
    const small = fleet.fanOut([LIST, TEST], { namespace: 'web' }, undefined, task);
    fleet.report(small, 0, packages(['a', 'b']));
    assert.equal(small.children.length, 3);
  });

  it('runs again with the subtask whose result it needs', () => {
    const fleet = new TestFleet(1, 10);
    const fanOut = fleet.fanOut([LIST, TEST]);
    fleet.report(fanOut, 0, { verdict: 'failed' });
    assert.deepEqual(verdicts(fanOut), ['failed', 'cancelled']);
    fleet.retry(fanOut.task, 0);
    assert.deepEqual(states(fanOut), ['assigned', 'pending']);
    fleet.report(fanOut, 0, packages(['a', 'b']));
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'assigned']);
    assert.equal(fanOut.retrying, 2);
    fleet.report(fanOut, 1, { verdict: 'failed' });
    assert.equal(outcomeOf(fanOut), undefined, 'a round is not lost before what was retried has ended');
    fleet.report(fanOut, 2);
    assert.equal(outcomeOf(fanOut), 'unsatisfiable');
    fleet.retry(fanOut.task, 1);
    fleet.report(fanOut, 1);
    assert.equal(outcomeOf(fanOut), 'satisfied');
  });

  it('is not expanded once it is asked to end, or is a loser', () => {
    const fleet = new TestFleet(1, 10);
    const cancelled = fleet.fanOut([LIST, TEST]);
    fleet.cancel(cancelled.task, 1);
    assert.deepEqual(verdicts(cancelled), [null, 'cancelled']);
    fleet.report(cancelled, 0, packages(['a', 'b']));
    assert.equal(cancelled.children.length, 2);
    fleet.retry(cancelled.task, 1);
    assert.deepEqual(states(cancelled), ['done', 'assigned', 'assigned']);
    fleet.cancel(cancelled.task);
    fleet.report(cancelled, 1, { verdict: 'cancelled' });
    fleet.report(cancelled, 2, { verdict: 'cancelled' });
    assert.equal(outcomeOf(cancelled), 'cancelled');
    const drained = fleet.fanOut([LIST, TEST, { name: 'fast', run: 'true' }], {
      join: 'any',
      losers: 'drain',
    });
    fleet.report(drained, 2);
    assert.deepEqual(verdicts(drained), [null, 'cancelled', 'accept']);
    const kept = fleet.fanOut([LIST, TEST, { name: 'fast', run: 'true' }], { join: 'any', losers: 'keep' });
    fleet.report(kept, 2);
    assert.equal(outcomeOf(kept), 'satisfied');
    fleet.report(kept, 0, packages(['a', 'b']));
    for (const index of [1, 3]) fleet.report(kept, index);
    assert.ok(!fleet.core.state.open.has(kept.task.thread));
  });

  it('leaves a join open whose outcome its subtasks may change', () => {
    const fleet = new TestFleet(1, 10);
    const other = { name: 'other', run: 'true' };
    const many = fleet.fanOut([LIST, TEST, other], { join: 'k_of_n:4' });
    const { reason } = joinDocument(fleet.core, many.task, true, fleet.now);
    assert.equal(reason, '0 of 3 accepted, needs 4 more of 2 running, 1 pending');
    fleet.report(many, 2, { verdict: 'failed' });
    assert.equal(outcomeOf(many), undefined);
    fleet.report(many, 0, packages([1, 2]));
    assert.equal(outcomeOf(many), 'unsatisfiable');
    const cel = fleet.fanOut([LIST, TEST, other], { join: 'total > 3 && accepted >= 1' });
    fleet.report(cel, 2);
    fleet.pass(2_000);
    assert.equal(outcomeOf(cel), undefined, 'the total is not known');
    fleet.report(cel, 0, packages([1, 2]));
    assert.equal(outcomeOf(cel), 'satisfied');
    const all = fleet.fanOut([LIST, TEST, other]);
    fleet.report(all, 2, { verdict: 'failed' });
    assert.equal(outcomeOf(all), 'unsatisfiable');
  });

  it('is expanded anew by another run, and as it was by the serial baseline', () => {
    const fleet = new TestFleet(1, 10);
    const fanOut = fleet.fanOut([LIST, TEST, AFTER]);
    fleet.report(fanOut, 0, packages(['a', 'b']));
    const issuer = { actor: USER, key: undefined, now: fleet.now };
    const again = fleet.do(() => rerun(fleet.core, fanOut.task.alias, {}, 'th_again' as ThreadId, issuer));
    const second = fleet.core.state.tasks.get(again.thread as ThreadId)!.fanOut!;
    assert.deepEqual(names(second), ['list', 'test-${{ matrix.package }}', 'after']);
    const input = { worker: null };
    fleet.do(() => runSerial(fleet.core, fanOut.task.alias, input, 'th_serial' as ThreadId, issuer));
    const serial = fleet.core.state.tasks.get('th_serial' as ThreadId)!.fanOut!;
    assert.deepEqual(names(serial), names(fanOut));
  });

  it('is refused for a wrong place, with the key', () => {
    const fleet = new TestFleet(1);
    const refused = (changed: object, message: RegExp): void =>
      void assert.throws(() => fleet.fanOut([LIST, { ...TEST, ...changed }]), message);
    refused({ matrix: { package: 'web' } }, /matrix = .*must have a result for each key/);
    refused({ matrix: {} }, /must have a result for each key/);
    const one = TEST.matrix.package;
    refused(
      { matrix: { 'a-b': one, a_b: one } },
      /two keys of the matrix are one variable to a command: a-b, a_b/,
    );
    refused({ depends_on: [] }, /matrix has a result of 'list', which it does not depend on/);
    refused(
      { matrix: { package: '${{ subtasks.lits.results.x }}' } },
      /which it does not depend on \(did you mean 'list'\?\)/,
    );
    refused(
      { name: 'test' },
      /name is that of every subtask of the matrix: add \$\{\{ matrix.package \}\} to it/,
    );
    refused({ goal: '${{ matrix.pakage }}' }, /goal has a placeholder of 'pakage'.*did you mean 'package'/);
    refused({ run: 'x ${{ matrix.package }}' }, /run has a placeholder of the matrix/);
    refused({ when: 'always' }, /when = always can't have a matrix over results/);
    const many = Array.from({ length: 101 }, (_, i) => ({ ...TEST, name: `t${i}-${TEST.name}` }));
    assert.throws(() => fleet.fanOut([LIST, ...many]), /more than 100 subtasks have a matrix over results/);
  });
});
