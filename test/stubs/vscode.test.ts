import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'mocha';
import { runs } from '../runs.ts';
import * as vscode from 'vscode';
import * as stub from './vscode.ts';
import { editor, enter, escape, freshEditor, pick, press, type } from './vscode.ts';

const SOURCES = fileURLToPath(new URL('../../extension', import.meta.url));

/** Checked by the compiler: constructor arguments of the stub's classes are valid for the API's classes. */
const CLASSES = {
  CodeLens: stub.CodeLens,
  Disposable: stub.Disposable,
  EventEmitter: stub.EventEmitter,
  FileDecoration: stub.FileDecoration,
  MarkdownString: stub.MarkdownString,
  Position: stub.Position,
  ProcessExecution: stub.ProcessExecution,
  Range: stub.Range,
  Selection: stub.Selection,
  Task: stub.Task,
  TerminalProfile: stub.TerminalProfile,
  SnippetString: stub.SnippetString,
  ThemeColor: stub.ThemeColor,
  ThemeIcon: stub.ThemeIcon,
  TreeItem: stub.TreeItem,
} satisfies { readonly [K in keyof typeof stub]?: Takes<K> };

type Takes<K extends keyof typeof stub> = (typeof stub)[K] extends new (...args: infer A) => object
  ? K extends keyof typeof vscode
    ? (typeof vscode)[K] extends new (...args: A) => object
      ? object
      : never
    : never
  : never;

describe('the stub of vscode', () => {
  beforeEach(() => void freshEditor());

  it('is what unit tests import as vscode', () => {
    for (const [name, made] of Object.entries(CLASSES))
      assert.equal(vscode[name as keyof typeof vscode], made);
    assert.equal(vscode.window, stub.window);
  });

  it('has all of the API that the extension uses', () => {
    const api = stub as unknown as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    const missing = [...usesOf()].filter(use => {
      const [name = '', member] = use.split('.');
      return !(name in api) || (member !== undefined && !(member in api[name]!));
    });
    assert.deepEqual(missing, []);
  });

  it('throws on access to a missing member, with its name', () => {
    assert.throws(() => vscode.window.createQuickPick(), /has no window\.createQuickPick/);
    assert.throws(() => vscode.workspace.rootPath, /has no workspace\.rootPath/);
    const item = vscode.window.createStatusBarItem('id');
    assert.throws(() => item['nothing' as 'text'], /has no StatusBarItem\.nothing/);
  });

  it('parses the URIs that it writes', () => {
    const part = fc.string({ unit: 'grapheme', maxLength: 12 });
    fc.assert(
      fc.property(part, part, part, (path, query, fragment) => {
        fc.pre(!path.startsWith('/'));
        const uri = vscode.Uri.from({ scheme: 'fleet', path: `/${path}`, query, fragment });
        const read = vscode.Uri.parse(uri.toString());
        assert.deepEqual([read.path, read.query, read.fragment], [`/${path}`, query, fragment]);
      }),
      { numRuns: runs(100) },
    );
    assert.equal(vscode.Uri.file('/a b/c:d.txt').toString(), 'file:///a%20b/c%3Ad.txt');
  });

  it('takes a setting from the workspace, the user, and the manifest, in this order', async () => {
    const read = (): unknown => vscode.workspace.getConfiguration('fleet').get('workers');
    assert.equal(read(), 2);
    editor.settings.set('fleet.workers', 3);
    assert.equal(read(), 3);
    await vscode.workspace
      .getConfiguration('fleet')
      .update('workers', 4, vscode.ConfigurationTarget.Workspace);
    assert.equal(read(), 4);
    editor.isTrusted = false;
    assert.equal(read(), 3, 'the manifest restricts this setting');
  });

  it('answers as the test says, in the order of the questions', async () => {
    editor.person.will(pick('two'), type('', 'text'), press('Yes'), enter);
    const items = [{ label: '$(add) one' }, { label: '$(add) two' }];
    assert.equal(await vscode.window.showQuickPick(items), items[1]);
    const validateInput = (text: string): string | undefined => (text === '' ? 'nothing' : undefined);
    assert.equal(await vscode.window.showInputBox({ validateInput }), 'text');
    assert.equal(await vscode.window.showWarningMessage('Sure?', { modal: true }, 'Yes'), 'Yes');
    assert.equal(await vscode.window.showInputBox({ value: 'as it is' }), 'as it is');
    editor.person.leave();
  });

  it('fails a test whose questions and answers do not go together', async () => {
    await assert.rejects(
      async () => vscode.window.showInputBox({ prompt: 'Why?' }),
      /answers no input “Why\?”/,
    );
    assert.throws(() => editor.person.leave(), /answers no input/);
    freshEditor().person.will(pick('x'));
    await assert.rejects(async () => vscode.window.showInputBox({}), /“pick x” is no answer/);
    freshEditor().person.will(pick('x'));
    await assert.rejects(async () => vscode.window.showQuickPick([{ label: 'y' }]), /offers no x: y/);
    freshEditor().person.will(escape);
    assert.throws(() => editor.person.leave(), /nothing was asked for: escape/);
  });
});

/**
 * Yields the parts of the API that the sources use at run time: `window.showQuickPick`, and classes that they
 * instantiate.
 */
function* usesOf(): Generator<string> {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' });
  for (const file of files.filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))) {
    const text = readFileSync(join(SOURCES, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/new vscode\.(\w+)/g)) yield name;
    for (const [, use = ''] of text.matchAll(/[^'\w]vscode\.(\w+\.\w+)/g)) yield use;
  }
}
