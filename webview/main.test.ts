import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { useDom } from '../test/webview/dom.ts';

describe('the page of the panel', () => {
  const said: unknown[] = [];
  let acquired = 0;
  const api = {
    postMessage: (message: unknown) => said.push(message),
    getState: () => undefined,
    setState: () => {},
  };
  const dom = useDom(() => import('./main.ts'), { acquireVsCodeApi: () => ((acquired += 1), api) });

  it('shows the view, which reports that it is ready, and records when its script began', () => {
    assert.ok(document.querySelector('fleet-join-view') !== null);
    assert.deepEqual(said, [{ type: 'ready' }]);
    assert.equal(acquired, 1, 'the editor gives its functions once');
    assert.deepEqual(dom.measured, ['fleet:start']);
  });
});
