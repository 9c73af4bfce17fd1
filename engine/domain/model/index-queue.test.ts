import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { IndexQueue } from './index-queue.ts';

describe('IndexQueue', () => {
  it('returns its entries in order', () => {
    const operation = fc.oneof(fc.nat(), fc.constantFrom('shift', 'peek', 'drain'));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), operations => {
        const queue = new IndexQueue();
        let model: number[] = [];
        for (const each of operations) {
          if (typeof each === 'number') {
            queue.push(each);
            model.push(each);
          } else if (each === 'shift') assert.equal(queue.shift(), model.shift());
          else if (each === 'peek') assert.equal(queue.peek(), model[0]);
          else {
            assert.deepEqual(queue.drain(), model);
            model = [];
          }
          assert.equal(queue.size, model.length);
        }
      }),
      { numRuns: runs(100) },
    );
  });

  it('stays in order over many more entries than its capacity', () => {
    const queue = new IndexQueue();
    let next = 0;
    for (let i = 0; i < 20_000; i++) {
      queue.push(i);
      if (i % 3 > 0) assert.equal(queue.shift(), next++);
    }
    assert.deepEqual(
      queue.drain(),
      Array.from({ length: 20_000 - next }, (_, i) => next + i),
    );
  });
});
