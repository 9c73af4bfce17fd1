import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { FleetDocument } from '../../../../engine/contract/documents.ts';
import { until } from '../../../harness/until.ts';
import { extension, fleet, home, run, spl, workspaceFolder, stopFleet } from '../support.ts';

describe('spl in integrated terminals', () => {
  let terminal: vscode.Terminal;

  before(async () => {
    await extension().activate();
    await run('fleet.start');
  });

  after(stopFleet);

  afterEach(() => terminal.dispose());

  it('runs on the fleet of this window, without any set-up', async () => {
    terminal = vscode.window.createTerminal({ name: 'plain' });
    const list = JSON.parse(await outcome('spl fleet list --json')) as FleetDocument;
    const { instances } = await fleet.state();
    assert.deepEqual(
      list.instances.map(({ did, status }) => [did, status]),
      instances.map(({ did, status }) => [did, status]),
    );
  });

  it('finds the home of this window', async () => {
    terminal = vscode.window.createTerminal({ name: 'plain' });
    assert.equal((await outcome('printf "%s\\n" "$SYNCROPEL_HOME"')).trim(), home);
  });

  it('runs where no Node.js is on the PATH', async () => {
    terminal = vscode.window.createTerminal({ name: 'plain' });
    const spl = '/bin/sh "$(command -v spl)"';
    assert.match(await outcome(`echo "$(PATH=/nothing ${spl} version --json)"`), /"version"/);
  });

  it('works in the namespace of the workspace, in terminals of either kind', async () => {
    const used = 'printf "%s\\n" "$SPL_NAMESPACE"';
    await spl('namespace', 'create', 'acme');
    await run('fleet.useNamespace', { kind: 'namespace', id: 'acme' });
    terminal = vscode.window.createTerminal({ name: 'plain' });
    assert.equal((await outcome(used)).trim(), 'acme');
    terminal.dispose();
    await run('fleet.openTerminal');
    terminal = vscode.window.terminals.at(-1)!;
    assert.equal((await outcome(used)).trim(), 'acme');
    terminal.dispose();
    await run('fleet.clearNamespace');
    terminal = vscode.window.createTerminal({ name: 'plain' });
    assert.equal((await outcome(used)).trim(), '');
  });

  it('is not there once the integration is turned off, but in the terminal made for it', async () => {
    const configuration = vscode.workspace.getConfiguration('fleet');
    await configuration.update('terminal.integration', false, vscode.ConfigurationTarget.Global);
    try {
      terminal = vscode.window.createTerminal({ name: 'plain' });
      assert.equal((await outcome('command -v spl || echo none')).trim(), 'none');
      terminal.dispose();
      await run('fleet.openTerminal');
      terminal = vscode.window.terminals.at(-1)!;
      assert.equal(terminal.name, 'spl');
      assert.match(await outcome('command -v spl || echo none'), /\/spl\n/);
    } finally {
      await configuration.update('terminal.integration', undefined, vscode.ConfigurationTarget.Global);
    }
  });

  let lines = 0;

  /** Runs a command line in the terminal. @returns its output */
  async function outcome(line: string): Promise<string> {
    const file = join(workspaceFolder(), `printed-${++lines}`);
    // The file gets its name only when it is complete.
    terminal.sendText(`(${line}) > ${file}.part; mv ${file}.part ${file}`);
    return until(`the terminal ran: ${line}`, () => readFile(file, 'utf8').catch(() => undefined));
  }
});
