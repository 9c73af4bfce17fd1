import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import {
  coordinator,
  fannedOut,
  fleet as fleetDocument,
  started,
  task,
} from '../../engine/cli/testing/documents.ts';
import { editor, escape, pick, press, type } from '../../test/stubs/vscode.ts';
import { PlanRuns } from '../plans/plan-runs.ts';
import { Plans } from '../plans/plans.ts';
import { memento, next, useEditor } from '../testing/editor.ts';
import { ServedPlans } from '../testing/plan-server.ts';
import { useFleet } from '../testing/suite.ts';
import { Window } from '../testing/window.ts';

const PLAN = `goal: Check the plan
subtasks:
  - name: types
    run: "true"
  - name: test-\${{ matrix.n }}
    matrix: { n: [1, 2] }
    run: test \${{ matrix.n }} -gt 0
    dir: lib
  - name: report
    depends: [types, test-*]
    run: echo done
`;
const FILE = vscode.Uri.file('/home/ada/src/check.fanout.yaml');

/** Opens a plan in a window. @returns the arguments for commands on it and on one of its subtasks */
async function openPlan(
  window: Window,
  text: string,
): Promise<{ readonly plans: Plans; subject: (subtask: number | null) => object }> {
  const host = { access: window.session, model: window.model, log: window.log };
  const plans = new Plans({ ...host, runs: new PlanRuns(memento()), start: () => ServedPlans.start() });
  const read = next(plans.onDidChange);
  editor.texts.add(FILE, text);
  await read;
  window.plans = plans;
  return { plans, subject: subtask => ({ kind: 'plan', uri: FILE.toString(), subtask }) };
}

describe('a plan that is run', () => {
  const on = useFleet();
  let opened: Awaited<ReturnType<typeof openPlan>> | undefined;
  afterEach(() => opened?.plans.dispose());

  const open = async (text = PLAN): Promise<(subtask: number | null) => object> => {
    opened = await openPlan(on.window, text);
    return opened.subject;
  };
  /** Returns the task of the plan's last run. */
  const run = async (): Promise<TaskDocument> => {
    const [, thread = ''] = on.window.planRuns.at(-1) ?? [];
    return on.fleet.client.report('task', { task: thread });
  };

  it('is one task, with folders relative to that of the plan', async () => {
    const subject = await open();
    await on.window.run('fleet.runPlan', subject(null));
    assert.deepEqual(on.window.errors, []);
    const { goal, dir, thread, alias, fan_out: fanOut } = await run();
    assert.deepEqual([goal, dir, fanOut?.subtasks], ['Check the plan', '/home/ada/src', 4]);
    assert.deepEqual(editor.statusTexts, [`${alias}: started 4 subtasks`]);
    assert.deepEqual(on.window.planRuns, [[FILE.toString(), thread]]);
    const { children } = await on.fleet.client.report('children', { task: thread, offset: 0, limit: 9 });
    assert.deepEqual(
      children.map(({ name, depends_on: after }) => [name, after]),
      [
        ['types', []],
        ['test-1', []],
        ['test-2', []],
        ['report', [0, 1, 2]],
      ],
    );
    assert.equal((await on.fleet.taken(thread, 1))['dir'], '/home/ada/src/lib');
  });

  it('is run in part, with what the part waits for', async () => {
    const subject = await open();
    await on.window.run('fleet.runPlanSubtask', subject(1));
    assert.equal((await run()).fan_out?.subtasks, 2);
    editor.person.will(pick('types'));
    await vscode.window.showTextDocument(FILE);
    await on.window.run('fleet.runPlanSubtask');
    assert.equal((await run()).fan_out?.subtasks, 1);
    assert.deepEqual(editor.person.offered, ['types', 'test-${{ matrix.n }}', 'report']);
  });

  it('runs the shown part, wherever it is when it is clicked', async () => {
    const subject = await open();
    const shown = { ...subject(0), name: 'report' };
    await on.window.run('fleet.runPlanSubtask', shown);
    assert.equal((await run()).fan_out?.subtasks, 4, 'the report, with what it waits for');
    const runs = on.window.planRuns.length;
    await on.window.run('fleet.runPlanSubtask', { ...subject(0), name: 'lint' });
    assert.equal(on.window.planRuns.length, runs);
    assert.deepEqual(editor.person.told('info'), ['The plan has changed: lint is not in it any more.']);
  });

  it('uses its own namespace, otherwise that of the workspace', async () => {
    await on.fleet.namespaces('acme', 'beta');
    editor.settings.set('fleet.namespace', 'beta', 2);
    const subject = await open(`namespace: acme\n${PLAN}`);
    await on.window.run('fleet.runPlan', subject(null));
    assert.equal((await run()).namespace, 'acme');
    editor.texts.close(FILE);
    opened?.plans.dispose();
    await open();
    await on.window.run('fleet.runPlan', subject(null));
    assert.equal((await run()).namespace, 'beta');
  });

  it('asks for the params that have no default', async () => {
    const text = PLAN.replace('name: types', 'name: t${{ params.n }}').replace('[types,', '[t*,');
    const subject = await open(`params: { n: , m: 1 }\n${text}`);
    editor.person.will(type('7'));
    await on.window.run('fleet.runPlan', subject(null));
    const { children } = await on.fleet.client.report('join', { task: (await run()).thread, summary: false });
    assert.equal(children[0]!.name, 't7');
  });

  it('is not run with a fault, and shows it', async () => {
    const subject = await open(PLAN.replace('[types,', '[typs,'));
    editor.person.will(press('Show Problems'));
    await on.window.run('fleet.runPlan', subject(null));
    assert.deepEqual(on.window.errors, ['check.fanout.yaml has 1 error, and is not run.']);
    assert.deepEqual(editor.executed.at(-1), ['workbench.actions.view.problems']);
    assert.deepEqual(on.window.planRuns, []);
  });

  it('leaves no task if the engine refuses its subtasks', async () => {
    const subject = await open(PLAN.replace('run: echo done', 'executor: agent:nobody'));
    const before = (await on.fleet.client.report('tasks', { all: true })).tasks.length;
    await on.window.run('fleet.runPlan', subject(null));
    assert.equal(on.window.errors.length, 1);
    assert.match(on.window.errors[0]!, /'agent:nobody' is unknown/);
    assert.equal((await on.fleet.client.report('tasks', { all: true })).tasks.length, before);
    assert.deepEqual(on.window.planRuns, []);
  });
});

describe('the commands for plans', () => {
  let window: Window;
  let client: FakeClient;
  let opened: Awaited<ReturnType<typeof openPlan>>;
  useEditor();
  beforeEach(async () => {
    client = new FakeClient({
      fleet: fleetDocument({ instances: [coordinator()], live: 1 }),
      tasks: { tasks: [] },
      'fan-out.open': { thread: 'th_1', alias: 'PLAN-1', record: 'r', goal: 'g', fan_out: fannedOut() },
      'task.run-serial': fannedOut({ alias: 'PLAN-1-serial' }),
      'fleet.start': started(),
      worktrees: { worktrees: [] },
      namespaces: { namespaces: [], explicit: 0 },
    });
    window = await Window.open(client);
    opened = await openPlan(window, PLAN);
  });
  afterEach(() => {
    opened.plans.dispose();
    window.close();
  });

  const lastRun = (complete: boolean): void => {
    const run = { thread: 'th_1', fan_out: { complete } } as TaskDocument;
    const { plans } = opened;
    window.plans = {
      client: () => plans.client(),
      outline: uri => plans.outline(uri),
      lastRun: () => run,
    };
  };
  const submitted = (): readonly string[] =>
    client.asked.map(({ name }) => name).filter(name => /^task\.|^fan-out/.test(name));

  it('start the fleet first if no worker is live', async () => {
    await window.run('fleet.runPlan', opened.subject(null));
    const names = client.asked.map(({ name }) => name);
    assert.ok(names.indexOf('fleet.start') < names.indexOf('fan-out.open') && names.includes('fleet.start'));
  });

  it('measure a finished run serially', async () => {
    lastRun(true);
    await window.run('fleet.runPlanSerially', opened.subject(null));
    assert.deepEqual(client.asked.at(-1), { name: 'task.run-serial', input: { task: 'th_1', worker: null } });
    assert.deepEqual(editor.statusTexts, ['PLAN-1-serial: started, one subtask after another']);
  });

  it('offer a parallel run if there is no finished one to measure', async () => {
    lastRun(false);
    editor.person.will(press('Run'));
    await window.run('fleet.runPlanSerially', opened.subject(null));
    assert.deepEqual(submitted(), ['fan-out.open']);
  });

  it('open the report of the last run, or report that there was none', async () => {
    await window.run('fleet.openPlanReport', opened.subject(null));
    assert.deepEqual(editor.person.told('info'), ['This plan has not been run yet.']);
    lastRun(true);
    await window.run('fleet.openPlanReport', opened.subject(null));
    assert.deepEqual(window.reports, ['th_1']);
  });

  it('act on the file of a menu', async () => {
    await window.run('fleet.previewPlan', FILE);
    assert.deepEqual(window.previews, [FILE.toString()]);
  });

  it('run a plan of the workspace if none is open', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plans-'));
    try {
      editor.folders = [folder];
      editor.person.will(press('New Plan…'));
      await window.run('fleet.runPlan');
      assert.match(editor.person.told('info')[0]!, /^This workspace has no plan: /);
      assert.equal(editor.texts.active?.document.uri.path, `${folder}/check.fanout.yaml`);
      await writeFile(join(folder, 'a.fanout.yaml'), PLAN);
      await writeFile(join(folder, 'b.fanout.yml'), PLAN);
      editor.texts.close(editor.texts.active.document.uri);
      editor.person.will(pick('b.fanout.yml'));
      await window.run('fleet.runPlan');
      assert.deepEqual(submitted(), ['fan-out.open']);
      assert.equal(window.planRuns[0]?.[0], vscode.Uri.file(join(folder, 'b.fanout.yml')).toString());
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('draft a plan for a folder, under a name that is free', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plans-'));
    try {
      await writeFile(join(folder, 'check.fanout.yaml'), PLAN);
      await window.run('fleet.newPlan', vscode.Uri.file(folder));
      await window.run('fleet.newPlan', { kind: 'folder', uri: vscode.Uri.file(folder).toString() });
      const drafts = editor.texts.documents.filter(({ isUntitled }) => isUntitled);
      assert.deepEqual(
        drafts.map(({ uri, text }) => [uri.path, text]),
        [2, 3].map(n => [`${folder}/check-${n}.fanout.yaml`, `goal: Check ${folder}\nsubtasks: []\n`]),
      );
      assert.deepEqual(await readdir(folder), ['check.fanout.yaml'], 'nothing is written');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('run an echo as the first plan of a folder where nothing is found', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plans-'));
    try {
      editor.folders = [folder];
      client.change({ tasks: { tasks: [task({ thread: 'th_1', alias: 'FIRST-001' })] } });
      const run = window.run('fleet.firstPlan');
      client.emit({ kind: 'gap' });
      await run;
      const asked = client.asked.findLast(({ name }) => name === 'fan-out.open');
      assert.equal((asked?.input['fan_out'] as { subtasks: unknown[] }).subtasks.length, 2);
      assert.deepEqual(window.revealed, [{ kind: 'task', thread: 'th_1' }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('need a folder for a draft', async () => {
    editor.person.will(press('Open Folder'));
    await window.run('fleet.newPlan');
    assert.deepEqual(editor.executed.at(-1), ['workbench.action.files.openFolder']);
    editor.folders = ['/src/a', '/src/b'];
    editor.person.will(pick('b'));
    await window.run('fleet.newPlan');
    assert.equal(editor.texts.active?.document.uri.path, '/src/b/check.fanout.yaml');
  });

  it('show the graph of the plan', async () => {
    await window.run('fleet.previewPlan', opened.subject(null));
    assert.deepEqual(window.previews, [FILE.toString()]);
  });

  it('act on the plan in the editor, or show how to make one', async () => {
    const commands = ['fleet.runPlanSubtask', 'fleet.runPlanSerially'] as const;
    for (const command of [...commands, 'fleet.openPlanReport', 'fleet.previewPlan'] as const)
      await window.run(command);
    assert.equal(editor.person.told('info').length, 4);
    for (const told of editor.person.told('info')) assert.match(told, /^Open a plan first: /);
    editor.person.will(escape);
    await vscode.window.showTextDocument(FILE);
    await window.run('fleet.runPlanSubtask');
    await window.run('fleet.previewPlan');
    assert.deepEqual([submitted(), window.previews], [[], [FILE.toString()]]);
  });
});
