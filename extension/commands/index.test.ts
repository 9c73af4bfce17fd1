import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { FleetError } from '../../engine/errors.ts';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { fleet, task } from '../../engine/cli/testing/documents.ts';
import { editor, enter, escape, press } from '../../test/stubs/vscode.ts';
import { COMMAND_IDS, type CommandId } from '../command-registry.ts';
import { settled, useEditor } from '../testing/editor.ts';
import { useFleet } from '../testing/suite.ts';
import { Window } from '../testing/window.ts';

describe('commands with any argument', () => {
  const on = useFleet();
  let thread: string;
  before(async () => {
    thread = await on.fleet.fanOut('GONE-1', ['go on']);
    await on.fleet.taken(thread);
    // With more than one task, the command asks for one.
    await on.fleet.task('BARE-1');
    await on.fleet.fanOut('GONE-2', ['wait']);
  });
  beforeEach(() => on.window.knows('GONE-2', ({ fan_out: fanOut }) => fanOut !== null));

  const CHANGING = ['fleet.cancel', 'fleet.retry', 'fleet.stopInstance', 'fleet.restartInstance'] as const;

  const present = async (): Promise<unknown> => {
    const { children, round, complete } = await on.fleet.client.report('join', {
      task: thread,
      summary: false,
    });
    const { tasks } = await on.fleet.client.report('tasks', { all: true });
    return [children.map(({ state, attempt }) => [state, attempt]), round, complete, tasks.length];
  };

  it('ask for a target if the argument names nothing', async () => {
    const garbage: readonly unknown[] = [
      42,
      'x'.repeat(1_000_000),
      ['task'],
      { kind: 'constructor' },
      JSON.parse('{"__proto__":{"kind":"task","thread":"GONE-1"}}'),
      { kind: 'child', thread, index: -1 },
      { kind: 'child', thread, index: 0.5 },
      { kind: 'child', thread, index: Number.NaN },
      { kind: 'attempt', thread, index: 0, attempt: -1 },
    ];
    const before = await present();
    for (const argument of garbage)
      for (const command of CHANGING) {
        // Nothing has failed, so that there is nothing to ask for.
        if (command !== 'fleet.retry') editor.person.will(escape);
        await on.window.run(command, argument);
      }
    assert.deepEqual(await present(), before);
    assert.deepEqual(on.window.errors, []);
  });

  it('change nothing if the target does not exist', async () => {
    const before = await present();
    await on.window.run('fleet.cancel', { kind: 'task', thread: '../../etc/passwd' });
    await on.window.run('fleet.cancel', { kind: 'child', thread, index: 7 });
    await on.window.run('fleet.retry', { kind: 'child', thread, index: 7 });
    await on.window.run('fleet.restartInstance', { kind: 'instance', did: 'did:sync:instance:none' });
    assert.deepEqual(await present(), before);
    assert.equal(on.window.errors.length, 4, 'each says so');
  });

  it('act on the selected row in a key binding', async () => {
    on.window.selection = [{ kind: 'task', thread }];
    await on.window.run('fleet.copyThread', { kind: 'selection' });
    assert.equal(editor.clipboard, thread);
  });

  it('start nothing from an untrusted folder, and show why', async () => {
    editor.isTrusted = false;
    const before = await present();
    const did = on.window.model.fleet!.instances[1]!.did;
    editor.person.will(enter);
    const calls: readonly (readonly [CommandId, object?])[] = [
      ['fleet.start'],
      ['fleet.firstFanOut'],
      ['fleet.runSerial', { kind: 'task', thread }],
      ['fleet.restartInstance', { kind: 'instance', did }],
      ['fleet.reviveNamespace', { kind: 'namespace', id: 'default' }],
      ['fleet.retry', { kind: 'child', thread, index: 0 }],
    ];
    for (const [command, subject] of calls) await on.window.run(command, subject);
    assert.deepEqual(await present(), before);
    const refusal = /^This folder is not trusted, so that nothing is started from it\. Trust it: Workspaces/;
    assert.equal(on.window.errors.length, calls.length);
    for (const error of on.window.errors) assert.match(error, refusal);
  });

  it('show and end running work from an untrusted folder', async () => {
    editor.isTrusted = false;
    await on.window.run('fleet.showTask', { kind: 'task', thread });
    assert.equal(on.window.shown[0], '/GONE-1.md');
    await on.window.run('fleet.cancel', { kind: 'child', thread, index: 0 });
    await on.fleet.toldToEnd(thread);
    assert.deepEqual(on.window.errors, []);
  });
});

describe('a command that fails', () => {
  useEditor();

  it('shows the error with its hint and the log, and without links from its text', async () => {
    const failure = new FleetError('CONFLICT', 'see [this](command:fleet.stopAll)', { hint: 'Stop that.' });
    const window = await Window.open(new FakeClient({ fleet: fleet(), tasks: { tasks: [] }, ping: failure }));
    editor.person.will(press('Show Log'));
    await window.run('fleet.pingInstance', { kind: 'instance', did: window.model.fleet!.instances[1]!.did });
    await settled();
    assert.deepEqual(window.errors, ['See [this] (command:fleet.stopAll). Stop that.']);
    assert.ok(window.log.isShown);
    assert.match(window.log.lines.at(-1)!, /^error fleet\.pingInstance: /);
    window.close();
  });

  it('asks for an engine if none answers, and shows why there is none', async () => {
    const window = new Window();
    window.session.down(new FleetError('HOME_INVALID', 'the home is none', { hint: 'Use another.' }));
    await window.run('fleet.openHistory');
    await window.run('fleet.showStatus');
    assert.deepEqual(window.errors, ['The home is none. Use another.', 'The home is none. Use another.']);
    window.close();
  });
});

describe('the commands of the manifest', () => {
  useEditor();

  it('are all registered, and are gone with the window', async () => {
    const window = new Window();
    assert.deepEqual([...editor.handlers.keys()].toSorted(), [...COMMAND_IDS].toSorted());
    window.close();
    await assert.rejects(async () => vscode.commands.executeCommand('fleet.start'), /not found/);
  });
});

describe('a pick', () => {
  useEditor();

  it('shows goals and names from elsewhere literally', async () => {
    const tasks = ['EVIL-1', 'EVIL-2'].map((alias, i) =>
      task({ alias, thread: `th_${i}`, goal: '$(trash) [x](command:fleet.stopAll)' }),
    );
    const window = await Window.open(new FakeClient({ fleet: fleet(), tasks: { tasks } }));
    editor.person.will(escape);
    await window.run('fleet.openReport');
    const [asked] = editor.person.asked;
    assert.deepEqual(
      asked?.kind === 'pick' && asked.items.map(({ label, detail }) => [label, detail]),
      ['EVIL-2', 'EVIL-1'].map(alias => ['\\$(trash) [x](command:fleet.stopAll)', alias]),
    );
    window.close();
  });

  it('is skipped if only one fits, and reports if none does', async () => {
    const client = new FakeClient({ fleet: fleet(), tasks: { tasks: [task()] } });
    const window = await Window.open(client);
    await window.run('fleet.openReport');
    assert.deepEqual(window.reports, [task().thread]);
    await window.run('fleet.setTaskStatus');
    client.change({ fleet: fleet({ instances: [] }), namespaces: { namespaces: [], explicit: 0 } });
    client.emit({ kind: 'instance', did: 'any' });
    await window.until(() => window.model.fleet?.instances.length === 0);
    await window.run('fleet.copyDid');
    await window.run('fleet.useNamespace');
    assert.deepEqual(editor.person.told('info'), [
      'There is no task that fits.',
      'There is no worker that fits.',
      'There is no namespace that fits.',
    ]);
    window.close();
  });
});
