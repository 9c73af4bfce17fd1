import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { until } from '../../../harness/until.ts';
import { fleet, run, stopFleet } from '../support.ts';

describe('the panel of a join and its speedup', () => {
  const panels = (): readonly string[] =>
    vscode.window.tabGroups.all
      .flatMap(group => group.tabs)
      .flatMap(({ input, label }) => (input instanceof vscode.TabInputWebview ? [label] : []));
  const panelsWhen = (what: string, isSo: (labels: readonly string[]) => boolean): Promise<true> =>
    until(
      what,
      async () => (isSo(panels()) ? true : undefined),
      async () => panels(),
    );
  const task = async (alias: string): Promise<object> => ({
    kind: 'task',
    thread: (await fleet.join(alias)).thread,
  });

  before(async () => {
    await run('fleet.start');
    for (const alias of ['PANEL-1', 'PANEL-2']) {
      await fleet.fanOut(alias, [{ goal: 'say hello' }, { goal: 'say goodbye' }]);
      await fleet.joined(alias);
    }
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await panelsWhen('no panel', labels => labels.length === 0);
  });

  after(stopFleet);

  it('opens once for each task', async () => {
    await run('fleet.openReport', await task('PANEL-1'));
    await panelsWhen('a panel', labels => labels.length === 1);
    await run('fleet.openReport', await task('PANEL-2'));
    await panelsWhen('two panels', labels => labels.length === 2);
    await run('fleet.openReport', await task('PANEL-1'));
    await panelsWhen('both are named', labels =>
      ['PANEL-1', 'PANEL-2'].every(alias => labels.some(l => l.includes(alias))),
    );
    assert.equal(panels().length, 2);
  });

  it('opens for the task of a new serial run', async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await panelsWhen('no panel', labels => labels.length === 0);
    await run('fleet.runSerial', await task('PANEL-2'));
    await panelsWhen('its panel', labels => labels.some(label => label.includes('PANEL-2')));
    assert.equal((await fleet.joined('PANEL-2-serial')).outcome, 'satisfied');
  });
});
