import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import * as vscode from 'vscode';
import { homePaths } from '../../../../engine/home/paths.ts';
import { processesNaming } from '../../../harness/processes.ts';
import { extension, home } from '../support.ts';

describe('the extension in a folder where nobody uses a fleet', () => {
  before(async () => {
    await extension().activate();
  });

  it('is active', () => {
    assert.equal(extension().isActive, true);
  });

  it('has every command registered that its manifest contributes', async () => {
    const registered = await vscode.commands.getCommands(true);
    const manifest = extension().packageJSON as { contributes: { commands: { command: string }[] } };
    const missing = manifest.contributes.commands.filter(({ command }) => !registered.includes(command));
    assert.deepEqual(missing, []);
  });

  it('starts no process, and serves no home', async () => {
    const programs = processesNaming(home).filter(({ command }) =>
      /\/(spl|worker\.js|coordinator\.js)( |$)/.test(command),
    );
    assert.deepEqual(programs, []);
    await assert.rejects(access(homePaths(home).socket), { code: 'ENOENT' });
  });

  it('opens no editor', () => {
    const tabs = vscode.window.tabGroups.all.flatMap(group => group.tabs.map(({ label }) => label));
    assert.deepEqual(tabs, []);
  });
});
