import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { task } from '../../engine/cli/testing/documents.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { editor } from '../../test/stubs/vscode.ts';
import { memento } from '../testing/editor.ts';
import { useModel } from '../testing/model.ts';
import { Scope } from './scope.ts';

/** Returns a task whose fan-out has this outcome; null for one under way. */
function run(
  goal: string,
  outcome: string | null,
  change: Partial<TaskDocument> = {},
  more = {},
): TaskDocument {
  const { fan_out: bare } = task();
  const counts = { ...bare!.counts, failed: outcome === 'unsatisfiable' ? 1 : 0 };
  const complete = outcome !== null;
  const fan_out = { ...bare!, complete, under_way: !complete, outcome, counts, ...more };
  return task({ thread: `th_${goal}`, goal, ...change, fan_out });
}

describe('the tasks that a window shows', () => {
  const on = useModel();
  const goals = (scope: Scope): readonly string[] => scope.tasks().map(({ goal }) => goal);

  it('are those that need a person or failed first, then what runs, waits and has ended', async () => {
    const still = { counts: { ...task().fan_out!.counts, running: 0 } };
    await on.window.has({
      tasks: {
        tasks: [
          run('asks', null, {}, { needs_you: [0] }),
          run('failed', 'unsatisfiable'),
          run('runs', null),
          run('waits', null, {}, still),
          run('passed', 'satisfied'),
        ],
      },
    });
    assert.deepEqual(goals(on.window.scope), ['asks', 'failed', 'runs', 'waits', 'passed']);
  });

  it('have no failed run first after a later run of its name', async () => {
    const of = (number: number): Partial<TaskDocument> => ({ run: { name: 'release', number } });
    await on.window.has({
      tasks: { tasks: [run('4', 'unsatisfiable', of(4)), run('5', 'satisfied', of(5)), run('runs', null)] },
    });
    assert.deepEqual(goals(on.window.scope), ['runs', '5', '4']);
  });

  it('are those of the open folders, or of all folders, which the workspace remembers', async () => {
    editor.folders = ['/home/ada/src'];
    const store = memento();
    const scope = new Scope(on.window.model, store);
    const dirs = {
      here: '/home/ada/src',
      below: '/home/ada/src/web',
      around: '/home/ada',
      beside: '/home/ada/srcs',
    };
    const tasks = Object.entries(dirs).map(([goal, dir]) => run(goal, null, { dir }));
    await on.window.has({ tasks: { tasks: [...tasks, run('nowhere', null, { dir: null })] } });
    assert.deepEqual(goals(scope).toSorted(), ['around', 'below', 'here', 'nowhere']);
    await scope.showEverywhere(true);
    assert.equal(goals(scope).length, 5);
    assert.equal(new Scope(on.window.model, store).isEverywhere, true);
    scope.dispose();
  });

  it('are those with a text in their name, goal, alias, labels or state', async () => {
    const tasks = [run('Lint', 'unsatisfiable', { alias: 'A-1', labels: ['web'] }), run('Types', null)];
    await on.window.has({ tasks: { tasks } });
    const found = (text: string): readonly string[] => {
      on.window.scope.search(text);
      return goals(on.window.scope);
    };
    for (const text of ['lin', 'a-1', 'web', 'FAILED ']) assert.deepEqual(found(text), ['Lint'], text);
    assert.deepEqual(found('running'), ['Lint', 'Types'].slice(1));
    assert.deepEqual(found(''), ['Lint', 'Types']);
  });
});
