import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import type { FleetStopped } from '../../engine/contract/documents.ts';
import { FakeClient, type Answers } from '../../engine/client/testing/fake-client.ts';
import {
  coordinator,
  fannedOut,
  fleet,
  instance,
  started,
  task,
  worktree,
} from '../../engine/cli/testing/documents.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { editor, escape, press } from '../../test/stubs/vscode.ts';
import { settled, useEditor } from '../testing/editor.ts';
import { FakeSession } from '../testing/session.ts';
import { Window } from '../testing/window.ts';
import { CONFIG_TEMPLATE } from './config-template.ts';

const BARE = { fleet: fleet(), tasks: { tasks: [] }, worktrees: { worktrees: [] } };
const STOPPED: FleetStopped = {
  stopped: [instance(), coordinator()].map(({ alias, did, pid }) => ({
    ...{ alias, did, pid, how: 'drained' as const, handed_back: 0 },
  })),
  coordinator_stopping: true,
};

describe('starting and stopping the fleet', () => {
  let window: Window;
  useEditor();
  afterEach(() => window.close());

  async function open(answers: Answers): Promise<FakeClient> {
    const client = new FakeClient({ ...BARE, ...answers });
    window = await Window.open(client);
    client.asked.length = 0;
    return client;
  }

  it('starts the configured number of workers, and shows the result', async () => {
    const resumed = [{ thread: 'th_1', alias: 'A-1', done: 1, subtasks: 2 }];
    const client = await open({ 'fleet.start': started({ adopted: ['did'], resumed }) });
    editor.settings.set('fleet.workers', 4);
    editor.settings.set('fleet.executor', 'shell');
    await window.run('fleet.start');
    assert.deepEqual(client.asked[0], { name: 'fleet.start', input: { workers: 4, executor: 'shell' } });
    assert.deepEqual(editor.progress, ['Starting 4 workers…']);
    assert.deepEqual(editor.statusTexts, [
      'Fleet: 3 live, 2 workers started, 1 worker adopted, 1 fan-out resumed',
    ]);
  });

  it('uses the default for an invalid setting', async () => {
    const client = await open({ 'fleet.start': started() });
    editor.settings.set('fleet.workers', -1);
    editor.settings.set('fleet.executor', 'rocket');
    await window.run('fleet.start');
    assert.deepEqual(client.asked[0]?.input, { workers: 2, executor: 'echo' });
  });

  it('offers the worktrees of crashed attempts', async () => {
    const left = worktree({ state: 'left' });
    await open({
      'fleet.start': started(),
      worktrees: { worktrees: [left, worktree({ state: 'used' }), left] },
    });
    editor.person.will(press('Show Worktrees'), escape);
    await window.run('fleet.start');
    await settled();
    assert.deepEqual(editor.person.told('warning'), ['Interrupted attempts left 2 worktrees behind.']);
    assert.deepEqual(editor.executed.at(-1), ['fleet.showWorktrees']);
  });

  it('stops without confirmation if nothing is under way, whatever the views show', async () => {
    const client = await open({
      'fleet.stop': STOPPED,
      tasks: { tasks: [task()] },
      live: { fan_outs_total: 0 },
    });
    await window.run('fleet.stopAll');
    await window.run('fleet.stopWorkers');
    const stops = client.asked.filter(({ name }) => name === 'fleet.stop').map(({ input }) => input);
    assert.deepEqual(stops, [
      { scope: 'all', instance: null, grace_secs: 10 },
      { scope: 'workers', instance: null, grace_secs: 10 },
    ]);
    assert.equal(editor.statusTexts[0], 'Fleet: worker-a, coordinator stopped');
  });

  it('stops running work only after confirmation', async () => {
    const client = await open({ 'fleet.stop': { ...STOPPED, stopped: [] }, live: { fan_outs_total: 1 } });
    editor.person.will(escape);
    await window.run('fleet.stopAll');
    assert.deepEqual(
      client.asked.map(({ name }) => name),
      ['live'],
    );
    assert.deepEqual(editor.person.texts, ['1 fan-out under way. Stop all the same?']);
    assert.match(editor.person.detail ?? '', /not finish in 10 s is handed back/);
    editor.person.will(press('Stop'));
    await window.run('fleet.stopAll');
    assert.equal(client.asked.at(-1)?.name, 'fleet.stop');
    assert.deepEqual(editor.statusTexts, ['Fleet: nothing ran']);
  });
});

describe('the first fan-out', () => {
  let window: Window;
  useEditor();
  afterEach(() => window.close());

  const ANSWERS = {
    ...BARE,
    'fleet.start': started(),
    'fan-out.open': ({ alias }: Record<string, unknown>) => ({
      ...{ thread: 'th_new', alias, record: 'r', goal: 'g' },
      fan_out: fannedOut(),
    }),
  };

  it('starts the fleet unless two workers run, and gives each one subtask', async () => {
    const client = new FakeClient({ ...ANSWERS, fleet: fleet({ instances: [coordinator(), instance()] }) });
    window = await Window.open(client);
    // The engine reports the new task.
    client.change({ tasks: { tasks: [task({ thread: 'th_new' })] } });
    const run = window.run('fleet.firstFanOut');
    client.emit({ kind: 'gap' });
    await run;
    const asked = (name: string): unknown => client.asked.find(each => each.name === name)?.input;
    assert.deepEqual(asked('fleet.start'), { workers: 2, executor: 'echo' });
    const { goal, fan_out: fanOut } = asked('fan-out.open') as Record<string, unknown>;
    const { subtasks, join } = fanOut as Record<string, unknown>;
    assert.deepEqual(
      [goal, join, (subtasks as object[]).map(each => [each['target' as never], each['executor' as never]])],
      [
        'See a first fan-out',
        'all',
        [
          ['worker-a', 'echo'],
          ['worker-b', 'echo'],
        ],
      ],
    );
    assert.deepEqual(window.revealed, [{ kind: 'task', thread: 'th_new' }]);
  });

  it('takes the next free alias', async () => {
    const tasks = ['FIRST-001', 'FIRST-002'].map(alias => task({ alias, thread: `th_${alias}` }));
    const client = new FakeClient({ ...ANSWERS, tasks: { tasks } });
    window = await Window.open(client);
    client.change({ tasks: { tasks: [...tasks, task({ thread: 'th_new', alias: 'FIRST-003' })] } });
    const run = window.run('fleet.firstFanOut');
    client.emit({ kind: 'gap' });
    await run;
    const added = client.asked.find(({ name }) => name === 'fan-out.open');
    assert.equal(added?.input['alias'], 'FIRST-003');
    assert.ok(!client.asked.some(({ name }) => name === 'fleet.start'), 'two workers run');
  });

  it('opens its walkthrough', async () => {
    window = new Window();
    await window.run('fleet.openWalkthrough');
    const [, id] = editor.executed.at(-1)!.slice(0, 2);
    assert.equal(id, 'spl-fleet.spl-fleet#firstFanOut');
  });
});

describe('the configuration of the home', () => {
  let folder: string;
  let window: Window;
  useEditor();
  afterEach(async () => {
    window.close();
    await rm(folder, { recursive: true });
  });

  it('is opened, or an unsaved template', async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-config-'));
    window = new Window(new FakeSession(folder));
    await window.run('fleet.openConfiguration');
    const { configToml } = homePaths(folder);
    assert.deepEqual(window.shown, [configToml, CONFIG_TEMPLATE]);
    assert.equal(editor.texts.active?.document.isUntitled, true);
    await window.run('fleet.openConfiguration');
    assert.equal(window.shown[1], CONFIG_TEMPLATE, 'not twice');
    await writeFile(configToml, '[fleet]\n');
    await window.run('fleet.openConfiguration');
    assert.deepEqual(window.shown, [configToml, '[fleet]\n']);
    assert.equal(editor.texts.active?.document.isUntitled, false);
  });
});
