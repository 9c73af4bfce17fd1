import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  it('shows what the checks found, what is wrong first', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spl-doctor-'));
    const program = join(folder, 'spl');
    const checks = [
      { name: 'node', level: 'PASS', detail: 'Node.js 20' },
      { name: 'log', level: 'FAIL', detail: 'it is damaged | at record 7', hint: 'Restore it.' },
    ];
    await writeFile(
      program,
      `#!/bin/sh\n[ "$*" = 'doctor --json' ] && echo '${JSON.stringify({ checks, worst: 'FAIL' })}'; exit 1\n`,
    );
    const window = new Window();
    window.spl = { node: '/bin/sh', program };
    await window.run('fleet.doctor');
    assert.deepEqual(window.errors, []);
    const [path, text] = window.shown;
    assert.equal(path, '/Checks.md');
    assert.match(text, /1 of 2 checks found something wrong/);
    assert.match(
      text,
      /✗ wrong \| log \| it is damaged \\\| at record 7 \| Restore it\\\. \|\n\| ✓ fine \| node/,
    );
    window.close();
    await rm(folder, { recursive: true });
  });
});
