import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';
import { homePaths } from '../engine/home/paths.ts';
import { editor } from '../test/stubs/vscode.ts';
import { configLanguage } from './config-language.ts';
import { useEditor } from './testing/editor.ts';

describe('the configuration of the home in an editor', () => {
  useEditor();
  const FILE = vscode.Uri.file(homePaths('/home/ada/.syncro').configToml);

  it('is highlighted, saved or not', () => {
    editor.texts.add(FILE, '');
    const listening = configLanguage('/home/ada/.syncro');
    editor.texts.add(FILE.with({ scheme: 'untitled' }), '');
    editor.texts.add(vscode.Uri.file('/home/ada/src/config.toml'), '');
    listening.dispose();
    assert.deepEqual(
      editor.texts.documents.map(({ languageId }) => languageId),
      ['fleet-config', 'fleet-config', 'plaintext'],
    );
  });

  it('keeps the language that an extension has for it', () => {
    const listening = configLanguage('/home/ada/.syncro');
    editor.texts.add(FILE, '', 'toml');
    listening.dispose();
    assert.equal(editor.texts.documents[0]?.languageId, 'toml');
  });
});
