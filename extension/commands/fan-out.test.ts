import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { editor, enter, escape, press, type } from '../../test/stubs/vscode.ts';
import { PlanRuns } from '../plans/plan-runs.ts';
import { Plans } from '../plans/plans.ts';
import { memento, next, useEditor } from '../testing/editor.ts';
import { ServedPlans } from '../testing/plan-server.ts';
import { useFleet } from '../testing/suite.ts';
import { Window } from '../testing/window.ts';

describe('a fan-out that is written down', () => {
  useEditor();

  it('is an unsaved plan of the folder, and takes no name that is there', async () => {
    const window = new Window();
    editor.folders = ['/home/ada/src'];
    await window.run('fleet.fanOut');
    await window.run('fleet.fanOut');
    assert.deepEqual(
      editor.texts.documents.map(({ uri }) => uri.toString()),
      ['untitled:/home/ada/src/fan-out.fanout.yaml', 'untitled:/home/ada/src/fan-out-2.fanout.yaml'],
    );
    assert.deepEqual(editor.person.texts, [], 'it asks nothing');
    window.close();
  });

  it('needs a folder', async () => {
    const window = new Window();
    await window.run('fleet.fanOut');
    assert.deepEqual(editor.person.texts, ['Open a folder first: subtasks run in it.']);
    assert.deepEqual(editor.texts.documents, []);
    window.close();
  });
});

describe('a task that is split by a plan', () => {
  const on = useFleet();
  let plans: Plans | undefined;
  afterEach(() => plans?.dispose());

  /** Opens the plan that splits the task, and replaces its text as a person does. */
  const written = async (thread: string, change: (text: string) => string): Promise<object> => {
    await on.window.knows(thread);
    await on.window.run('fleet.fanOut', { kind: 'task', thread });
    const { uri, text } = editor.texts.documents.at(-1)!;
    const host = { access: on.window.session, model: on.window.model, log: on.window.log };
    plans = new Plans({ ...host, runs: new PlanRuns(memento()), start: () => ServedPlans.start() });
    on.window.plans = plans;
    const read = next(plans.onDidChange);
    editor.texts.close(uri);
    editor.texts.add(vscode.Uri.parse(uri.toString()), change(text));
    await read;
    return { kind: 'plan', uri: uri.toString() };
  };

  it('runs as that task, and the next time as another', async () => {
    editor.folders = ['/home/ada/src'];
    const thread = await on.fleet.task('SPLIT-1');
    const plan = await written(thread, text =>
      text.replace('a command line', 'echo first').replace('another command line', 'echo second'),
    );
    await on.window.run('fleet.runPlan', plan);
    assert.deepEqual(on.window.errors, []);
    const { children } = await on.fleet.client.report('children', { task: thread, offset: 0, limit: 9 });
    assert.deepEqual(
      children.map(({ name, executor }) => [name, executor]),
      [
        ['first', 'shell'],
        ['second', 'shell'],
      ],
    );
    const { fan_out: fanOut, goal } = await on.fleet.client.report('task', { task: thread });
    assert.deepEqual([fanOut?.predicate, fanOut?.losers], ['all', 'drain']);
    await on.window.run('fleet.runPlan', plan);
    const { tasks } = await on.fleet.client.report('tasks', { all: true });
    assert.deepEqual(tasks.map(task => task.goal).sort(), [goal, goal]);
  });

  it('stays as it is while its plan has errors', async () => {
    editor.folders = ['/home/ada/src'];
    const thread = await on.fleet.task('SPLIT-2');
    const plan = await written(thread, text => text.replace('join: all', 'join: sometimes'));
    editor.person.will(press('Show Problems'));
    await on.window.run('fleet.runPlan', plan);
    assert.match(on.window.errors[0]!, /fan-out\.fanout\.yaml has 1 error, and is not run\./);
    assert.equal((await on.fleet.client.report('task', { task: thread })).fan_out, null);
  });
});

describe('adding a task', () => {
  const on = useFleet();

  it('takes the next free alias by default, and reveals its row', async () => {
    editor.person.will(type('Check the release'), enter);
    await on.window.run('fleet.addTask');
    const { tasks } = await on.fleet.client.report('tasks', { all: true });
    assert.deepEqual(
      tasks.map(({ goal, dir }) => [goal, dir]),
      [['Check the release', null]],
    );
    assert.deepEqual(editor.statusTexts, [`Added ${tasks[0]!.alias}`]);
    assert.deepEqual(on.window.revealed, [{ kind: 'task', thread: tasks[0]!.thread }]);
  });

  it('uses the namespace of the workspace, and refuses an invalid one', async () => {
    await on.fleet.namespaces('acme');
    editor.settings.set('fleet.namespace', 'acme', 2);
    editor.person.will(type('There'), type('THERE-1'));
    await on.window.run('fleet.addTask');
    assert.equal((await on.fleet.client.report('task', { task: 'THERE-1' })).namespace, 'acme');
    for (const wrong of ['Acme', 'acme\0']) {
      editor.settings.set('fleet.namespace', wrong, 2);
      editor.person.will(type('Nowhere'), type('NOWHERE-1'));
      await on.window.run('fleet.addTask');
    }
    await assert.rejects(on.fleet.client.report('task', { task: 'NOWHERE-1' }), { code: 'NOT_FOUND' });
    assert.match(on.window.errors[0]!, /^fleet\.namespace is no namespace: 'Acme' has the segment/);
  });

  it('adds none when a question is cancelled', async () => {
    const before = (await on.fleet.client.report('tasks', { all: true })).tasks.length;
    editor.person.will(escape);
    await on.window.run('fleet.addTask');
    editor.person.will(type('a'), escape);
    await on.window.run('fleet.addTask');
    assert.equal((await on.fleet.client.report('tasks', { all: true })).tasks.length, before);
  });
});
