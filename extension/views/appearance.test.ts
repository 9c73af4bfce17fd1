import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { child } from '../../engine/cli/testing/documents.ts';
import { childContext, childDescription, childIcon } from './appearance.ts';

describe('the row of a subtask that needs a person', () => {
  it('shows its question, and can be answered by a retry', () => {
    const asking = child({ state: 'pending', verdict: null, attempt: 1, needs_you: 'Which port?' });
    assert.equal(childDescription(asking, 0), 'needs you: Which port?');
    assert.match(childContext(asking), /\bretriable\b/);
    assert.equal(childIcon(asking).id, 'question');
  });
});
