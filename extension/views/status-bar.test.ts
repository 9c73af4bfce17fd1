import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type * as vscode from 'vscode';
import { task } from '../../engine/cli/testing/documents.ts';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { editor } from '../../test/stubs/vscode.ts';
import { useModel } from '../testing/model.ts';
import { statusBar } from './status-bar.ts';

function run(thread: string, completed: number, subtasks: number, complete = false): TaskDocument {
  const bare = task();
  return {
    ...bare,
    thread,
    fan_out: { ...bare.fan_out!, completed, subtasks, complete, under_way: !complete },
  };
}
const issued = { reason: 'bad release', issued_by: 'ada', issued_at_unix: 1_750_000_000 };
const freeze = (namespace: string, level = 'soft') => ({ namespace, level, grace_secs: 60, ...issued });

describe('the item in the status bar', () => {
  const on = useModel();
  let owned: vscode.Disposable;
  beforeEach(() => {
    owned = statusBar(on.window.session, on.window.model);
  });
  afterEach(() => {
    owned.dispose();
  });

  const shown = () => {
    const { isShown, text, command, backgroundColor } = editor.statusBarItems[0]!;
    return isShown ? [text, command, backgroundColor?.id] : 'nothing';
  };

  it('is hidden while no engine answers', async () => {
    assert.equal(shown(), 'nothing');
    await on.window.has({});
    on.window.session.none();
    assert.equal(shown(), 'nothing');
  });

  it('shows live instances, and the progress of all fan-outs under way', async () => {
    await on.window.has({});
    assert.deepEqual(shown(), ['$(server-process) 2 workers', 'fleet.fanOuts.focus', undefined]);
    const tasks = [run('th_1', 1, 3), run('th_2', 4, 5), run('th_3', 9, 9, true), task({ fan_out: null })];
    await on.window.has({ tasks: { tasks } });
    assert.equal(shown()[0], '$(server-process) 2 workers · 5/8');
    assert.equal(
      editor.statusBarItems[0]!.accessibilityInformation?.label,
      '2 workers; 5 of 8 subtasks have ended',
    );
    const { value } = editor.statusBarItems[0]!.tooltip as vscode.MarkdownString;
    assert.match(
      value,
      /go on when this window closes\. \[Change\]\(command:workbench\.action\.openSettings\?/,
    );
  });

  it('shows freezes first, and offers to lift them', async () => {
    await on.window.has({});
    await on.window.fleet({ freezes: [freeze('acme'), freeze('beta')] });
    const yellow = 'statusBarItem.warningBackground';
    assert.deepEqual(shown(), [
      '$(lock) Frozen: acme, beta · $(server-process) 2 workers',
      'fleet.liftKillSwitch',
      yellow,
    ]);
    assert.match(
      editor.statusBarItems[0]!.tooltip as string,
      /^soft freeze of acme — bad release, since Jun 15, 2025, .*, by ada\nsoft freeze of beta/,
    );
    await on.window.fleet({});
    assert.deepEqual(shown(), ['$(server-process) 2 workers', 'fleet.fanOuts.focus', undefined]);
  });

  it('is red if running work is ended, or nothing may start at all', async () => {
    await on.window.has({});
    await on.window.fleet({ freezes: [freeze('acme'), freeze('beta', 'hard')] });
    assert.equal(shown()[2], 'statusBarItem.errorBackground');
    await on.window.fleet({ emergency: issued });
    assert.deepEqual(shown(), [
      '$(lock) Emergency stop · $(server-process) 2 workers',
      'fleet.liftKillSwitch',
      'statusBarItem.errorBackground',
    ]);
  });

  it('shows why there is no engine', () => {
    on.window.session.down(new FleetError('HOME_INVALID', 'the home is none'));
    assert.deepEqual(shown(), ['$(warning) Fleet', 'fleet.fanOuts.focus', 'statusBarItem.warningBackground']);
    assert.equal(editor.statusBarItems[0]!.tooltip, 'The home is none.');
  });
});
