import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as v from 'valibot';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { fannedOut } from '../../engine/cli/testing/documents.ts';
import { fanOutSchema } from '../../engine/contract/commands.ts';
import { FleetError } from '../../engine/errors.ts';
import { editor } from '../../test/stubs/vscode.ts';
import { useEditor } from '../testing/editor.ts';
import { taskOf } from './add-task.ts';
import { startTask } from './start-task.ts';

describe('a task that is added with its fan-out', () => {
  useEditor();
  const fanOut = v.parse(fanOutSchema, { subtasks: [{ goal: 'a', executor: 'echo' }], join: 'all' });
  const start = (client: FakeClient) => startTask(client, taskOf('g', null), fanOut);
  const opened = { thread: 'th_new', alias: 'NEW-1', record: 'r', goal: 'g' };

  it('is one command, which leaves no part if it is refused or the window closes', async () => {
    const lost = new FleetError('UNREACHABLE', 'nobody answers', { hint: 'Start it.' });
    const client = new FakeClient({ 'fan-out.open': lost });
    await assert.rejects(start(client), lost);
    assert.deepEqual(
      client.asked.map(({ name }) => name),
      ['fan-out.open'],
    );
    assert.equal((client.asked[0]?.input['fan_out'] as { subtasks: object[] }).subtasks.length, 1);
  });

  it('shows what will prevent its subtasks from starting', async () => {
    const note = 'the repository belongs to somebody else';
    const client = new FakeClient({ 'fan-out.open': { ...opened, fan_out: fannedOut({ notes: [note] }) } });
    assert.equal((await start(client)).thread, 'th_new');
    assert.deepEqual(editor.person.told('warning'), [note]);
  });
});
