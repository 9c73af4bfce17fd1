import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { celCompiler } from '../join/cel.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import { states, TestFleet, verdicts } from '../testing/test-fleet.ts';
import { joinDocument } from '../views/views.ts';

const BUILD = { name: 'build', run: 'true' };
const USE = { name: 'use', run: 'true', depends_on: [0], env: { TAG: 'v${{ subtasks.build.results.tag }}' } };

describe('the results of a subtask', () => {
  it('go to a dependant, as text, also after a restart', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([
      BUILD,
      { ...USE, env: { ...USE.env, N: '${{subtasks.build.results.list}}' } },
      { name: 'other', run: 'true', depends_on: [0] },
    ]);
    fleet.restart();
    fleet.hello(0);
    const current = fleet.core.state.tasks.get(fanOut.task.thread)!.fanOut!;
    fleet.report(current, 0, { results: { tag: '${{ env.HOME }}', list: [1, 2], more: true } });
    const [, use, other] = fleet.bodiesOf('fanout_child');
    assert.deepEqual(use?.['results'], {
      'build.results.tag': '${{ env.HOME }}',
      'build.results.list': '[1,2]',
    });
    assert.equal((use['env'] as Record<string, string>)['TAG'], USE.env.TAG, 'the worker fills it in');
    assert.ok(!('results' in (other ?? {})));
  });

  it('are in the document, as far as they fit, and in a checkpoint', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([BUILD, { name: 'b', run: 'true' }]);
    fleet.report(fanOut, 0, { results: { a: 1, long: 'x'.repeat(5_000), z: 'z' } });
    fleet.report(fanOut, 1);
    const [first, second] = joinDocument(fleet.core, fanOut.task, false, fleet.now).children;
    assert.deepEqual([first!.results, first!.results_cut], [{ a: 1, z: 'z' }, true]);
    assert.ok(!('results' in second!));
    const { state } = fleet.core;
    const again = restoreState(saveState(state, celCompiler), celCompiler)!;
    assert.deepEqual(
      again.tasks.get(fanOut.task.thread)!.fanOut!.children[0]!.results,
      fanOut.children[0]!.results,
    );
  });

  it('that are missing fail the dependant, also when it is retried, and end those that wait for it', () => {
    const fleet = new TestFleet(1);
    const fanOut = fleet.fanOut([BUILD, USE, { name: 'last', run: 'true', depends_on: [1] }]);
    fleet.report(fanOut, 0, { results: { gat: 1 } });
    assert.deepEqual(verdicts(fanOut), ['accept', 'failed', 'cancelled']);
    assert.equal(fanOut.children[1]!.reason, "'build' gave no result 'tag'");
    assert.equal(fanOut.joined?.outcome, 'unsatisfiable');
    fleet.retry(fanOut.task, 1);
    assert.deepEqual(states(fanOut), ['done', 'done', 'done']);
    assert.equal(fanOut.children[1]!.reason, "'build' gave no result 'tag'");
  });

  it('can be used only of a dependency', () => {
    const fleet = new TestFleet(1);
    assert.throws(
      () => fleet.fanOut([BUILD, { ...USE, depends_on: [] }]),
      /subtask 1 \(use\): env refers to a result of 'build', which it does not depend on/,
    );
    assert.throws(
      () => fleet.fanOut([BUILD, { ...USE, env: { X: '${{ subtasks.biuld.results.x }}' } }]),
      /did you mean 'build'/,
    );
    const literal = fleet.fanOut([
      BUILD,
      { ...BUILD, name: 'b', env: { SPL_MATRIX_x: '${{ subtasks.y.results.x }}' } },
    ]);
    assert.deepEqual(states(literal), ['assigned', 'pending'], 'a value of a matrix is no template');
  });
});
