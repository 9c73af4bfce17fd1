import assert from 'node:assert/strict';
import * as vscode from 'vscode';

describe('the extension', () => {
  it('activates', async () => {
    const found = vscode.extensions.getExtension('spl-fleet.spl-fleet');
    assert.ok(found, 'it is installed');
    await found.activate();
    assert.equal(found.isActive, true);
  });
});
