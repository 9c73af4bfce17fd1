import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { noColours } from '../render/colours.ts';
import { prefixes } from './labels.ts';

const labelsOf = (...goals: readonly string[]): readonly string[] => {
  const all = goals.map((goal, index) => ({ index, name: null, goal }));
  const prefixOf = prefixes(all, noColours);
  return all.map(prefixOf);
};

describe('the names before lines', () => {
  it('are aligned', () => assert.deepEqual(labelsOf('a', 'long'), ['a    │ ', 'long │ ']));

  it('begin where commands differ that would look the same', () => {
    assert.deepEqual(
      labelsOf(
        'python3 -m unittest tests.test_one',
        'python3 -m unittest tests.test_two',
        'python3 -m unittest tests',
        'npm test',
      ),
      ['…tests.test_one │ ', '…tests.test_two │ ', '…tests          │ ', 'npm test        │ '],
    );
    assert.deepEqual(labelsOf('npx eslint packages/a/src/index.js', 'npx eslint packages/a/src/other.js'), [
      '…index.js │ ',
      '…other.js │ ',
    ]);
  });

  it('of the same commands are the same', () => {
    const [first, second] = labelsOf('x'.repeat(40), 'x'.repeat(40));
    assert.equal(first, second);
    assert.equal(first, `${'x'.repeat(23)}… │ `);
  });
});
