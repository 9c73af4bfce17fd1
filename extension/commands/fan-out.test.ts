import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { editor, enter, escape, pick, press, tick, type, type Answer } from '../../test/stubs/vscode.ts';
import { useFleet } from '../testing/suite.ts';

/** The answers for a subtask that runs a command line. */
const command = (goal: string, run: string, target = 'least-loaded-worker'): readonly Answer[] => [
  type(goal),
  pick('Command'),
  type(run),
  pick(target),
];
/** The answers for a subtask that only echoes. */
const echo = (goal: string): readonly Answer[] => [type(goal), pick('Echo'), enter];

describe('putting a fan-out together', () => {
  const on = useFleet();
  let made = 0;
  let alias: string;
  let subject: object;
  let thread: string;
  beforeEach(async () => {
    alias = `PUT-${++made}`;
    thread = await on.fleet.task(alias);
    subject = { kind: 'task', thread };
    await on.window.knows(thread);
  });

  const children = async (): Promise<readonly ChildDocument[]> =>
    (await on.fleet.client.report('children', { task: thread, offset: 0, limit: 10 })).children;
  const isFannedOut = async (): Promise<boolean> =>
    (await on.fleet.client.report('task', { task: thread })).fan_out !== null;

  it('asks for one subtask, and starts it', async () => {
    editor.person.will(...command('Draft the notes', 'echo drafting', 'worker-a'), pick('Start 1 subtask'));
    await on.window.run('fleet.fanOut', subject);
    const [child] = await children();
    assert.deepEqual([child?.goal, child?.executor, child?.worker], ['Draft the notes', 'shell', 'worker-a']);
    assert.deepEqual(editor.person.texts, [
      'Subtask 0 (1/3): What is this subtask to reach?',
      'Subtask 0 (2/3): Who does it?',
      'Subtask 0 (2/3): The command line that does it, for /bin/sh.',
      'Subtask 0 (3/3): On which worker?',
      `Fan Out ${alias}: Start it, or choose what to change`,
    ]);
    assert.deepEqual(on.window.revealed, [{ kind: 'task', thread }]);
  });

  it('requires a goal and a command line', async () => {
    editor.person.will(type(' ', 'a'), pick('Command'), type('', 'true'), escape);
    await on.window.run('fleet.fanOut', subject);
    assert.deepEqual(editor.person.faults, ['A subtask has a goal.', 'A command line says what to run.']);
    assert.equal(await isFannedOut(), false);
  });

  it('adds subtasks with dependencies, and shows all on one page', async () => {
    editor.person.will(
      ...echo('first'),
      ...[pick('Add a subtask…'), ...echo('second $(trash)'), tick('[0] first')],
      ...[pick('Add a subtask…'), ...command('third', 'true'), enter],
      pick('Start 3 subtasks'),
    );
    await on.window.run('fleet.fanOut', subject);
    assert.deepEqual(
      (await children()).map(({ goal, depends_on: after }) => [goal, after]),
      [
        ['first', []],
        ['second $(trash)', [0]],
        ['third', []],
      ],
    );
    const page = editor.person.asked.at(-1);
    assert.deepEqual(
      page?.kind === 'pick' && page.items.slice(2, 5).map(({ label, description }) => [label, description]),
      [
        ['[0] first', '→ least-loaded-worker · echo'],
        ['[1] second \\$(trash)', '→ least-loaded-worker · after [0] · echo'],
        ['[2] third', '→ least-loaded-worker · $ true'],
      ],
    );
  });

  it('changes a subtask, with its present values first', async () => {
    editor.person.will(
      ...command('first', 'false', 'worker-a'),
      ...[pick('[0] first'), pick('Change it…'), enter, enter, type('true'), enter],
      pick('Start 1 subtask'),
    );
    await on.window.run('fleet.fanOut', subject);
    const [child] = await children();
    assert.deepEqual([child?.goal, child?.worker], ['first', 'worker-a']);
    const intent = await on.fleet.taken(thread);
    assert.equal(intent['run'], 'true');
  });

  it('removes a subtask; without any, there is nothing to start', async () => {
    editor.person.will(...echo('first'), pick('[0] first'), pick('Remove it'), escape);
    await on.window.run('fleet.fanOut', subject);
    assert.ok(!editor.person.offered.some(label => label.includes('Start')));
    assert.equal(await isFannedOut(), false);
  });

  it('sets the picked or typed predicate; checks an expression while it is typed', async () => {
    editor.person.will(
      ...echo('first'),
      ...[pick('Add a subtask…'), ...echo('second'), enter],
      ...[pick('Satisfied when'), pick('k_of_n:1')],
      ...[
        pick('Satisfied when'),
        pick('Type one…'),
        type('k_of_n:3', 'accepted >=', 'accepted >= 1 && failed == 0'),
      ],
      pick('Start 2 subtasks'),
    );
    await on.window.run('fleet.fanOut', subject);
    const typed = editor.person.asked.find(({ text }) => text.startsWith('Join predicate'));
    assert.equal(typed?.kind === 'input' && typed.value, 'k_of_n:1', 'what holds is what one begins with');
    assert.equal(editor.person.faults.length, 2);
    const { predicate } = await on.fleet.client.report('join', { task: thread, summary: true });
    assert.equal(predicate, 'accepted >= 1 && failed == 0');
  });

  it('sets the time limit of the join, and the treatment of losers', async () => {
    editor.person.will(
      ...echo('first'),
      ...[pick('Time-out of the join'), type('0', '31536001', 'soon', '90')],
      ...[pick('Time-out of the join'), escape],
      ...[pick('Subtasks left over at the join'), pick('cancel')],
      ...[pick('Subtasks left over at the join'), escape],
      pick('Start 1 subtask'),
    );
    await on.window.run('fleet.fanOut', subject);
    assert.equal(editor.person.faults.length, 3);
    const page = editor.person.asked.at(-1);
    const shown = page?.kind === 'pick' ? page.items.map(({ description }) => description) : [];
    assert.deepEqual(shown.slice(-3), ['all', 'are ended', '1m 30s']);
    const { records } = await on.fleet.client.report('thread.records', { thread });
    const asked = records.find(({ body }) => body['losers'] === 'cancel');
    assert.equal(asked?.body['timeout_secs'], 90);
  });

  it('keeps its values when a question is cancelled', async () => {
    editor.person.will(
      ...echo('first'),
      ...[pick('Add a subtask…'), type('second'), escape],
      ...[pick('[0] first'), escape],
      ...[pick('[0] first'), pick('Change it…'), escape],
      ...[pick('Satisfied when'), escape],
      ...[pick('Satisfied when'), pick('Type one…'), escape],
      pick('Start 1 subtask'),
    );
    await on.window.run('fleet.fanOut', subject);
    assert.deepEqual(
      (await children()).map(({ goal }) => goal),
      ['first'],
    );
  });

  it('is shown again, with nothing lost, when the engine refuses it', async () => {
    const cycle = [
      ...echo('first'),
      ...[pick('Add a subtask…'), ...echo('second'), tick('[0] first')],
      ...[pick('[0] first'), pick('Change it…'), enter, enter, enter, tick('[1] second')],
    ];
    editor.person.will(
      ...[...cycle, pick('Start 2 subtasks'), press('Change It')],
      ...[pick('[1] second'), pick('Change it…'), enter, enter, enter, tick()],
      pick('Start 2 subtasks'),
    );
    await on.window.run('fleet.fanOut', subject);
    assert.equal(on.window.errors.length, 1);
    assert.match(on.window.errors[0]!, /depend/);
    assert.deepEqual(
      (await children()).map(({ depends_on: after }) => after),
      [[1], []],
    );
  });

  it('starts nothing when a first question is cancelled', async () => {
    const answers = [type('goal'), pick('Command'), type('true'), enter];
    for (let asked = 0; asked <= answers.length; asked++) {
      editor.person.will(...answers.slice(0, asked), escape);
      await on.window.run('fleet.fanOut', subject);
    }
    assert.equal(await isFannedOut(), false);
  });

  it('asks for a task without a fan-out, or adds a new one', async () => {
    editor.folders = ['/home/ada/src'];
    const fanned = await on.fleet.fanOut(`${alias}-fanned`, ['wait']);
    await on.window.knows(fanned, ({ fan_out: fanOut }) => fanOut !== null);
    editor.person.will(
      ...[pick('New task…'), type(' ', 'A new goal'), type('no alias!', alias, `${alias}-new`)],
      ...echo('first'),
      pick('Start 1 subtask'),
    );
    await on.window.run('fleet.fanOut');
    const [which] = editor.person.asked;
    const labels = which?.kind === 'pick' ? which.items.map(({ label }) => label) : [];
    assert.ok(labels.includes(alias) && !labels.includes(`${alias}-fanned`));
    assert.equal(editor.person.faults[0], 'A task has a goal.');
    assert.match(editor.person.faults[1]!, /must be 1 to 64/);
    assert.equal(editor.person.faults[2], `${alias} is the name of a task that is not finished.`);
    const made = await on.fleet.client.report('task', { task: `${alias}-new` });
    assert.deepEqual([made.goal, made.dir, made.fan_out?.subtasks], ['A new goal', '/home/ada/src', 1]);
  });
});

describe('a task that is added with its subtasks', () => {
  const on = useFleet();
  const tasks = async (all: boolean): Promise<readonly string[]> =>
    (await on.fleet.client.report('tasks', { all })).tasks.map(({ alias }) => alias);
  const asked = [type('Check it'), type('CHECK-1')];

  it('is added together with its subtasks, and not when a later question is cancelled', async () => {
    editor.person.will(...asked, ...echo('first'), escape);
    await on.window.run('fleet.fanOut');
    assert.deepEqual(await tasks(true), []);
  });

  it('is not added when its subtasks are refused, and is when they are corrected', async () => {
    editor.person.will(
      ...[...asked, ...echo('first')],
      ...[pick('Add a subtask…'), ...echo('second'), tick('[0] first')],
      ...[pick('[0] first'), pick('Change it…'), enter, enter, enter, tick('[1] second')],
      ...[pick('Start 2 subtasks'), press('Change It')],
      ...[pick('[1] second'), pick('Change it…'), enter, enter, enter, tick()],
      pick('Start 2 subtasks'),
    );
    await on.window.run('fleet.fanOut');
    assert.match(on.window.errors[0]!, /closes a cycle/);
    assert.deepEqual(await tasks(true), ['CHECK-1']);
    const { fan_out: fanOut } = await on.fleet.client.report('task', { task: 'CHECK-1' });
    assert.equal(fanOut?.subtasks, 2);
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
