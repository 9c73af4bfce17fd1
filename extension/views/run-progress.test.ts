import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { task } from '../../engine/cli/testing/documents.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { editor } from '../../test/stubs/vscode.ts';
import { useModel } from '../testing/model.ts';
import { RunProgress } from './run-progress.ts';

function run(number: number, more = {}): TaskDocument {
  const { fan_out: bare } = task();
  const opened_unix = Date.now() / 1000 - 10;
  const fan_out = { ...bare!, subtasks: 20, completed: 12, opened_unix, ...more };
  return task({ thread: `th_${number}`, run: { name: 'check', number }, fan_out });
}
const OVER = { complete: true, under_way: false, outcome: 'satisfied' };

describe('the progress at the bottom of the window', () => {
  const on = useModel();
  let progress: RunProgress;
  beforeEach(() => {
    const { model, scope, session, client } = on.window;
    const passed = { outcome: 'satisfied', round: 1 };
    client.change({ runs: { runs: [50, 70, 90].map(wall_secs => ({ ...passed, wall_secs })) as never } });
    progress = new RunProgress(model, scope, session);
  });
  afterEach(() => progress.dispose());

  it('names the run, and its expected end by the earlier runs of its name', async () => {
    await on.window.has({ tasks: { tasks: [run(4)] } });
    assert.deepEqual(editor.progress, ['Fleet']);
    assert.equal(editor.progressMessages.at(-1), 'check #4 · 12/20 · about 1 min left');
    const asked = on.window.client.asked.filter(({ name }) => name === 'runs');
    assert.deepEqual(
      asked.map(({ input }) => input['name']),
      ['check'],
    );
  });

  it('counts several runs together, and has no end for a retry', async () => {
    await on.window.has({ tasks: { tasks: [run(4), run(5)] } });
    assert.equal(editor.progressMessages.at(-1), '2 runs · 24/40');
    await on.window.has({ tasks: { tasks: [run(4, { round: 2 })] } });
    assert.equal(editor.progressMessages.at(-1), 'check #4 · 12/20');
  });

  it('ends with the last run, and begins again with the next', async () => {
    await on.window.has({ tasks: { tasks: [run(4)] } });
    await on.window.has({ tasks: { tasks: [run(4, OVER)] } });
    assert.equal(on.window.clock.size, 0, 'nothing is shown again');
    await on.window.has({ tasks: { tasks: [run(5)] } });
    assert.equal(editor.progress.length, 2);
  });
});
