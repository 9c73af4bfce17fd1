import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ago, reasonText, span } from './words.ts';

describe('the words for people', () => {
  it('are two units of a span of time at most, and one of an age', () => {
    assert.deepEqual([0, 0.42, 19.4, 60, 125, 3_600, 3_725, 86_400, 97_200].map(span), [
      '0 s',
      '0.4 s',
      '19 s',
      '1 min',
      '2 min 5 s',
      '1 h',
      '1 h 2 min',
      '1 d',
      '1 d 3 h',
    ]);
    assert.deepEqual([0, 59, 185, 7_300, 440_000].map(ago), [
      'just now',
      'just now',
      '3 min ago',
      '2 h ago',
      '5 d ago',
    ]);
  });

  it('are no words of the engine, and no advice for a command line', () => {
    assert.equal(reasonText('the join was unsatisfiable (losers: cancel)'), 'another subtask had failed');
    const asks = 'needs you: which port?; answer with: spl task retry A --subtask lint --hint "…"';
    assert.equal(reasonText(asks), 'needs you: which port?');
    assert.equal(reasonText('exit code 2'), 'exit code 2');
  });
});
