import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { editor } from '../test/stubs/vscode.ts';
import { Documents } from './documents.ts';
import { settled, useEditor } from './testing/editor.ts';

describe('a fleet’s documents in an editor', () => {
  let documents: Documents;
  useEditor();
  beforeEach(() => {
    documents = new Documents();
  });
  afterEach(() => documents.dispose());

  const shown = (): unknown => [
    editor.texts.active?.document.uri.path,
    editor.texts.active?.document.getText(),
  ];

  it('are shown under their name, and updated in the same editor', async () => {
    await documents.show('acme/web policy.txt', 'first');
    assert.deepEqual(shown(), ['/acme_web policy.txt', 'first']);
    await documents.show('acme/web policy.txt', 'second');
    await settled();
    assert.deepEqual([shown(), editor.texts.editors.length], [['/acme_web policy.txt', 'second'], 1]);
  });

  it('are kept if they are among the last fifty, and otherwise replaced by a note', async () => {
    for (let i = 0; i < 51; i++) await documents.show(`${i}.txt`, `text ${i}`);
    const textOf = (name: string): string =>
      documents.provideTextDocumentContent(vscode.Uri.from({ scheme: 'fleet', path: `/${name}` }));
    assert.equal(textOf('1.txt'), 'text 1');
    assert.match(textOf('0.txt'), /^This was shown in an earlier window/);
  });
});
