import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FakeClient, type Answers } from '../../engine/api/testing/fake-client.ts';
import { task } from '../../engine/cli/testing/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { sentences } from '../plain.ts';
import { useEditor } from '../testing/editor.ts';
import { taskOf } from './add-task.ts';
import { requestOf } from './fan-out-draft.ts';
import { startTask } from './start-task.ts';

describe('a task that is added to be fanned out', () => {
  useEditor();
  const lost = new FleetError('UNREACHABLE', 'nobody answers', { hint: 'Start it.' });
  const subtask = { goal: 'a', executor: 'echo', run: null, target: 'round-robin', dependsOn: [] };
  const draft = { subtasks: [subtask], join: 'all', losers: 'drain', timeoutSecs: null } as const;

  /** An engine whose answer to the fan-out is lost. */
  const engine = (more: Answers): FakeClient =>
    new FakeClient({
      'task.add': { thread: 'th_new', alias: 'NEW-1', record: 'r', goal: 'g' },
      'task.fan-out': lost,
      ...more,
    });
  const start = (client: FakeClient): Promise<unknown> =>
    startTask(client, taskOf('g', null), requestOf(draft));

  it('goes on where it has its subtasks, and only the answer was lost', async () => {
    const client = engine({ task: task() });
    await start(client);
    assert.ok(!client.asked.some(({ name }) => name === 'task.cancel'));
  });

  it('is cancelled where it has none', async () => {
    const client = engine({ task: task({ fan_out: null }), 'task.cancel': {} });
    await assert.rejects(start(client), thrown => {
      const told = 'nobody answers. Start it. The task NEW-1, which was added for it, is cancelled.';
      assert.equal(sentences(thrown), told);
      return FleetError.is(thrown, 'UNREACHABLE');
    });
    assert.deepEqual(client.asked.at(-1)?.input, { task: 'th_new', subtask: null, reason: null });
  });

  it('is told of where nobody can say whether it has', async () => {
    await assert.rejects(start(engine({ task: lost })), thrown =>
      /The task NEW-1 was added for it, and may have no subtasks: look at it/.test(sentences(thrown)),
    );
  });
});
