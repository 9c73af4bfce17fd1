import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { homePaths } from '../../engine/home/paths.ts';
import { editor, keptLog, press } from '../../test/stubs/vscode.ts';
import { settled, useEditor } from '../testing/editor.ts';
import { FleetSettings, withDefaultBudget } from './fleet-settings.ts';

describe('the settings of the fleet', () => {
  let home: string;
  let settings: FleetSettings;
  useEditor();
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'spl-settings-'));
    settings = new FleetSettings(home, keptLog());
  });
  afterEach(async () => {
    settings.dispose();
    await rm(home, { recursive: true });
  });

  const written = async (): Promise<unknown> =>
    JSON.parse(await readFile(homePaths(home).editorSettings, 'utf8'));

  it('are written into the home, without the defaults', async () => {
    editor.settings.set('fleet.slots', 4);
    editor.settings.set('fleet.stallSecs', 300);
    editor.settings.set('fleet.worktree.include', ['.env']);
    editor.settings.set('fleet.agents', { reviewer: { command: ['review'] } });
    await settings.save();
    assert.deepEqual(await written(), {
      agents: { reviewer: { command: ['review'] } },
      worktree: { include: ['.env'] },
      fleet: { slots: 4 },
    });
  });

  it('of a folder do not count: it must not choose programs', async () => {
    editor.settings.set('fleet.agents', { claude: { command: ['evil'] } }, 2);
    await settings.save();
    assert.deepEqual(await readdir(home), []);
  });

  it('that are wrong are named, and change nothing', async () => {
    editor.settings.set('fleet.slots', 2);
    await settings.save();
    editor.settings.set('fleet.agents', { reviewer: { command: 'review --print' } });
    editor.person.will(press('Open Settings'));
    await settings.save();
    assert.deepEqual(editor.person.told('warning'), [
      'The settings of the fleet are not used: fleet.agents.reviewer.command must be a list of words.',
    ]);
    await settled();
    assert.deepEqual(editor.executed.at(-1), ['workbench.action.openSettings', 'fleet.agents']);
    assert.deepEqual(await written(), { agents: {}, worktree: {}, fleet: { slots: 2 } });
  });

  it('limit agents whose plan names no limit, and nothing else', () => {
    editor.settings.set('fleet.budget.usd', 5);
    const subtasks = [
      { goal: 'a', executor: 'agent:claude' },
      { goal: 'b', executor: 'agent:claude', budget_usd: 1, budget_tokens: 9 },
      { goal: 'c', run: 'true' },
    ];
    assert.deepEqual(
      withDefaultBudget(subtasks).map(each => [each['budget_usd'], each['budget_tokens']]),
      [
        [5, undefined],
        [1, 9],
        [undefined, undefined],
      ],
    );
  });
});
