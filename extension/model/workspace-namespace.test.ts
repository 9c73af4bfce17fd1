import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { editor } from '../../test/stubs/vscode.ts';
import { useEditor } from '../testing/editor.ts';
import { namespaceVariables, workspaceNamespace, workspaceNamespaceFault } from './workspace-namespace.ts';

describe('the namespace of a workspace', () => {
  useEditor();
  const set = (value: unknown): void => editor.settings.set('fleet.namespace', value, 2);

  it('is none by default', () => {
    assert.deepEqual([workspaceNamespace(), namespaceVariables()], [null, {}]);
    set('acme/web');
    assert.deepEqual(
      [workspaceNamespace(), namespaceVariables()],
      ['acme/web', { SPL_NAMESPACE: 'acme/web' }],
    );
  });

  it('is refused if it is invalid, so that no work goes elsewhere', () => {
    for (const wrong of ['Acme', 'acme\0', 'a/b/c/d/e', '/', 'acme/']) {
      set(wrong);
      assert.ok(workspaceNamespaceFault()?.startsWith(`'${wrong}' has `), wrong);
      assert.throws(workspaceNamespace, { code: 'INVALID_RECORD' });
      assert.deepEqual(namespaceVariables(), {}, 'terminals are told of none');
    }
  });

  it('ignores the setting of an untrusted folder', () => {
    set('acme');
    editor.isTrusted = false;
    assert.equal(workspaceNamespace(), null);
  });

  it('is none if the setting is not text', () => {
    set(['acme']);
    assert.equal(workspaceNamespace(), null);
  });
});
