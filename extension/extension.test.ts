import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { PROGRAM_FILES } from '../engine/home/program.ts';
import { editor, EventEmitter, part } from '../test/stubs/vscode.ts';
import { COMMAND_IDS } from './command-registry.ts';
import { activate, deactivate } from './extension.ts';
import { memento, next, useEditor } from './testing/editor.ts';

describe('the extension', () => {
  let folder: string;
  let owned: vscode.Disposable[];
  /** Fires when `spl` is put on the PATH of terminals, the last step of an activation. */
  let integrated: EventEmitter<void>;
  useEditor();
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-activate-'));
    await mkdir(join(folder, 'dist', 'bin'), { recursive: true });
    for (const name of PROGRAM_FILES) await writeFile(join(folder, 'dist', 'bin', name), '');
    editor.settings.set('fleet.home', join(folder, 'home'));
    owned = [];
    integrated = new EventEmitter();
  });
  afterEach(async () => {
    await deactivate();
    for (const each of owned) each.dispose();
    await rm(folder, { recursive: true });
  });

  function context(): vscode.ExtensionContext {
    return part<vscode.ExtensionContext>('ExtensionContext', {
      subscriptions: owned,
      extensionUri: vscode.Uri.file(folder),
      asAbsolutePath: path => join(folder, path),
      globalStorageUri: vscode.Uri.file(join(folder, 'storage')),
      workspaceState: memento(),
      environmentVariableCollection: part<vscode.GlobalEnvironmentVariableCollection>('variables', {
        persistent: true,
        description: undefined,
        clear: () => undefined,
        replace: () => undefined,
        prepend: () => integrated.fire(),
      }),
    });
  }

  it('activates without a fleet: it creates no home, and serves none', async () => {
    const ready = next(integrated.event);
    activate(context());
    await ready;
    assert.deepEqual([...editor.handlers.keys()].toSorted(), [...COMMAND_IDS].toSorted());
    assert.deepEqual([...editor.trees.keys()], ['fleet.instances', 'fleet.fanOuts', 'fleet.namespaces']);
    await assert.rejects(access(join(folder, 'home')), { code: 'ENOENT' });
    assert.deepEqual([editor.panels, editor.texts.editors, editor.person.asked], [[], [], []]);
    assert.equal(editor.statusBarItems[0]!.isShown, false);
  });

  it('ends with its window', async () => {
    const ready = next(integrated.event);
    activate(context());
    await ready;
    await deactivate();
    for (const each of owned.splice(0)) each.dispose();
    assert.deepEqual([editor.handlers.size, editor.trees.size, editor.registered.size], [0, 0, 0]);
  });
});
