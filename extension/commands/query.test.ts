import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { editor, enter, escape, type } from '../../test/stubs/vscode.ts';
import { fleet } from '../../engine/cli/testing/documents.ts';
import { useEditor } from '../testing/editor.ts';
import { Window } from '../testing/window.ts';

describe('a query of the records', () => {
  let window: Window;
  let client: FakeClient;
  useEditor();
  beforeEach(async () => {
    const query = {
      columns: ['topic', 'records'],
      rows: [
        ['join', 2],
        [null, 10],
      ],
      truncated: true,
    };
    client = new FakeClient({ fleet: fleet(), tasks: { tasks: [] }, query });
    window = await Window.open(client);
    client.asked.length = 0;
  });
  afterEach(() => window.close());

  it('starts with a valid query, and shows its rows as a table', async () => {
    editor.person.will(enter);
    await window.run('fleet.query');
    const sql = String(client.asked[0]?.input['sql']);
    assert.match(sql, /^SELECT .* FROM records/);
    const [path, text] = window.shown;
    assert.equal(path, '/query.txt');
    const table = ['topic  records', 'join   2', '       10', '… and more than 1000 rows', ''];
    assert.deepEqual(text.split('\n').slice(2), table);
  });

  it('is not sent when it is cancelled or empty', async () => {
    editor.person.will(escape, type(' '));
    await window.run('fleet.query');
    await window.run('fleet.query');
    assert.deepEqual(client.asked, []);
  });

  it('shows the engine’s error for an invalid query', async () => {
    client.change({ query: new Error('No such column: topics') });
    editor.person.will(enter);
    await window.run('fleet.query');
    assert.deepEqual(window.errors, ['No such column: topics.']);
  });
});

describe('spl from a window', () => {
  useEditor();

  it('has its own terminal, on the fleet of the window', async () => {
    const window = new Window();
    await window.run('fleet.openTerminal');
    const [terminal] = editor.terminals;
    const { env } = terminal!.options as { readonly env: Record<string, string> };
    assert.deepEqual([terminal!.name, terminal!.isShown], ['spl', true]);
    assert.equal(env['SYNCROPEL_HOME'], window.session.home);
    assert.match(env['PATH']!, /^\/bin-of-spl:/);
    window.close();
  });

  it('checks the machine in a task without a shell', async () => {
    const window = new Window();
    await window.run('fleet.doctor');
    const [task] = editor.tasks;
    const execution = task!.execution as { process: string; args: string[]; options: { env: object } };
    assert.deepEqual(
      [task!.name, execution.process, execution.args],
      ['spl doctor', '/node', ['/program/spl', 'doctor']],
    );
    assert.deepEqual(execution.options.env, {
      SYNCROPEL_HOME: window.session.home,
      ELECTRON_RUN_AS_NODE: '1',
    });
    window.close();
  });
});
