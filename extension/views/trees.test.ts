import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { child, coordinator, task, THREAD, WORKER_A_DID } from '../../engine/cli/testing/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { editor, type ShownTree } from '../../test/stubs/vscode.ts';
import { settled } from '../testing/editor.ts';
import { useModel } from '../testing/model.ts';
import { Attention } from './attention.ts';
import { Trees } from './trees.ts';

describe('the trees of a window', () => {
  const on = useModel();
  let trees: Trees;
  let attention: Attention;
  beforeEach(() => {
    attention = new Attention(on.window.model, on.window.scope);
    trees = new Trees(on.window.session, on.window.model, on.window.scope, attention, on.window.log);
    const children = { thread: THREAD, alias: 'A', round: 1, total: 2, children: [child()] };
    on.window.client.change({ children, tasks: { tasks: [task()] } });
  });
  afterEach(() => {
    trees.dispose();
    attention.dispose();
  });

  const view = (id: string): ShownTree => editor.trees.get(`fleet.${id}`)!;

  it('show the history of the home once they are visible', () => {
    assert.equal(on.window.session.historyWanted, 0);
    view('fanOuts').see(true);
    assert.equal(on.window.session.historyWanted, 1);
  });

  it('count alarms until they are visible', async () => {
    await on.window.has({});
    const over = { complete: true, under_way: false, outcome: 'unsatisfiable' };
    const failed = { ...task(), fan_out: { ...task().fan_out!, ...over } };
    await on.window.task(failed);
    assert.deepEqual(view('fanOuts').badge, { value: 1, tooltip: '1 went wrong' });
    view('fanOuts').see(true);
    assert.equal(view('fanOuts').badge, undefined);
    await on.window.task({ ...failed, thread: 'th_2' });
    assert.equal(view('fanOuts').badge, undefined, 'who looks at the rows needs no number');
  });

  it('count what runs and what needs a person, also while they are visible', async () => {
    view('fanOuts').see(true);
    const { fan_out: fanOut } = task();
    const asking = { ...task({ thread: 'th_2' }), fan_out: { ...fanOut!, needs_you: [0] } };
    await on.window.has({ tasks: { tasks: [task(), asking] } });
    assert.deepEqual(view('fanOuts').badge, { value: 2, tooltip: '1 running, 1 needs you' });
    const over = { complete: true, under_way: false, outcome: 'satisfied' };
    const ended = [task(), task({ thread: 'th_2' })].map(each => ({
      ...each,
      fan_out: { ...fanOut!, ...over },
    }));
    await on.window.has({ tasks: { tasks: ended } });
    assert.equal(view('fanOuts').badge, undefined);
  });

  it('show why there is no engine, and the next step without workers', async () => {
    on.window.session.down(
      new FleetError('HOME_NEWER', 'the home has format 99', { hint: 'Use a newer version.' }),
    );
    assert.equal(view('fanOuts').message, 'The home has format 99. Use a newer version.');
    await on.window.has({});
    assert.deepEqual([view('fanOuts').message, view('instances').message], ['', '']);
    await on.window.fleet({ instances: [coordinator()] });
    assert.match(view('instances').message!, /^No worker runs yet\. Press Start Fleet/);
  });

  it('show the namespace of this workspace, or the fault of its setting', () => {
    const described = (value: string | undefined): string | undefined => {
      editor.settings.set('fleet.namespace', value, 2);
      return view('namespaces').description;
    };
    assert.equal(described('acme/web'), 'in acme/web');
    assert.match(described('Acme')!, /^⚠ the setting is none: 'Acme' has the segment/);
    assert.equal(described(undefined), '');
  });

  it('reveal the row of an instance, a task or a subtask, if there is one', async () => {
    await on.window.has({});
    await trees.reveal({ kind: 'instance', did: WORKER_A_DID });
    assert.deepEqual(view('instances').revealed, [
      [{ kind: 'instance', did: WORKER_A_DID }, { focus: true }],
    ]);
    await trees.reveal({ kind: 'task', thread: THREAD });
    await trees.reveal({ kind: 'child', thread: THREAD, index: 1 });
    assert.deepEqual(view('fanOuts').revealed, [
      [
        { kind: 'task', thread: THREAD },
        { focus: true, expand: true },
      ],
      [
        { kind: 'child', thread: THREAD, index: 1 },
        { focus: true, expand: false },
      ],
    ]);
    await trees.reveal({ kind: 'instance', did: 'gone' });
    const waiting = trees.reveal({ kind: 'task', thread: 'th_gone' });
    await on.window.pass(2000);
    await waiting;
    assert.deepEqual([view('instances').revealed.length, view('fanOuts').revealed.length], [1, 2]);
  });

  it('reveal a row only when the editor reads the rows again, also one that a filter leaves out', async () => {
    await on.window.has({});
    on.window.scope.search('nothing has this');
    void trees.reveal({ kind: 'task', thread: THREAD });
    await settled();
    assert.equal(view('fanOuts').revealed.length, 0, 'the editor would not know the row');
    await on.window.pass();
    assert.equal(view('fanOuts').revealed.length, 1);
    assert.equal((await view('fanOuts').provider.getChildren())?.length, 1);
  });

  it('return the selection if commands can act on it', () => {
    assert.deepEqual(trees.selection, []);
    const row = { kind: 'task', thread: THREAD };
    view('fanOuts').select(row, { kind: 'range', thread: THREAD, from: 0, to: 9 });
    assert.deepEqual(trees.selection, [row]);
  });

  it('keep no collapsed rows', async () => {
    await on.window.has({});
    const { provider } = view('fanOuts');
    const [root] = (await provider.getChildren()) ?? [];
    await provider.getChildren(root);
    view('fanOuts').collapse(root);
    on.window.client.asked.length = 0;
    await on.window.task(task(), 0);
    assert.ok(!on.window.client.asked.some(({ name }) => name === 'children'));
  });

  it('end with their window', () => {
    trees.dispose();
    assert.equal(editor.trees.size, 0);
  });
});
