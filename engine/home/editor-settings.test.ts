import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { readConfig } from './config.ts';
import { readEditorSettings, writeEditorSettings } from './editor-settings.ts';
import { openHome } from './home.ts';
import { homePaths } from './paths.ts';

describe('the settings of an editor', () => {
  let home: string;
  beforeEach(async () => {
    home = path.join(await fs.mkdtemp(path.join(os.tmpdir(), 'spl-editor-')), 'home');
  });
  afterEach(() => fs.rm(path.dirname(home), { recursive: true }));

  const reviewer = { command: ['review', '--print'] };
  const settings = {
    fleet: { slots: 3, timeout_secs: 60 },
    worktree: { setup: 'npm ci' },
    agents: { reviewer },
  };

  it('count where config.toml says nothing', async () => {
    await writeEditorSettings(home, settings);
    await fs.writeFile(
      path.join(home, 'config.toml'),
      '[fleet]\nslots = 2\n[agents.own]\ncommand = ["own"]\n',
    );
    const { fleet, worktree, agents, warnings } = await readConfig(path.join(home, 'config.toml'));
    assert.deepEqual(fleet, { slots: 2, timeout_secs: 60 });
    assert.deepEqual(worktree, { setup: 'npm ci' });
    assert.deepEqual(agents, { own: { command: ['own'] }, reviewer });
    assert.deepEqual(warnings, []);
  });

  it('may be there before the home', async () => {
    await writeEditorSettings(home, settings);
    const { config } = await openHome(home, { create: true, version: '0.0.0' });
    assert.equal(config.fleet.slots, 3);
    assert.equal((await fs.stat(home)).mode & 0o077, 0, 'nobody else reads a home');
  });

  it('have no file without a setting, and make no home', async () => {
    const none = { fleet: {}, worktree: {}, agents: {} };
    await writeEditorSettings(home, none);
    await assert.rejects(fs.stat(home), { code: 'ENOENT' });
    await writeEditorSettings(home, settings);
    await writeEditorSettings(home, none);
    assert.deepEqual(await fs.readdir(home), []);
  });

  for (const [what, text] of [
    ['text that is no JSON', '{'],
    ['a list', '[]'],
    ['slots that no worker can have', '{"fleet":{"slots":0}}'],
    ['an agent without a form', '{"agents":{"reviewer":7}}'],
  ] as const) {
    it(`say nothing as ${what}`, async () => {
      await fs.mkdir(home);
      await fs.writeFile(homePaths(home).editorSettings, text);
      assert.deepEqual(await readEditorSettings(home), { agents: {}, worktree: {}, fleet: {} });
    });
  }
});
