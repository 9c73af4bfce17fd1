import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { editor } from '../../test/stubs/vscode.ts';
import { useFleet } from '../testing/suite.ts';

describe('the command that saves a fan-out as a plan', () => {
  const on = useFleet();
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-plan-'));
    editor.folders = [folder];
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('opens a new plan beside others, with the goal and the subtasks', async () => {
    const thread = await on.fleet.fanOut('SAVE-1', ['say hello', 'say goodbye']);
    await on.window.knows(thread, ({ fan_out: fanOut }) => fanOut !== null);
    await writeFile(join(folder, 'save-1.fanout.yaml'), 'goal: another\n');
    await on.window.run('fleet.savePlan', { kind: 'task', thread });
    await on.window.run('fleet.savePlan', { kind: 'task', thread });
    const [first, second] = editor.texts.documents;
    assert.deepEqual(
      [first!.uri.toString(), second!.uri.toString()],
      [2, 3].map(number => `untitled:${join(folder, `save-1-${number}.fanout.yaml`)}`),
    );
    for (const part of ['goal: SAVE-1', 'say hello', 'say goodbye'])
      assert.ok(first!.getText().includes(part), `${part} in ${first!.getText()}`);
    assert.deepEqual(on.window.errors, []);
  });
});
