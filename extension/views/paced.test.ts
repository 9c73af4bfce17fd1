import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Clock } from '../../test/stubs/clock.ts';
import { PacedChanges } from './paced.ts';

describe('changes of a tree', () => {
  let clock: Clock;
  let told: (readonly string[] | undefined)[];
  let changes: PacedChanges<string>;
  beforeEach(() => {
    clock = new Clock();
    told = [];
    changes = new PacedChanges<string>();
    changes.event(rows => told.push(rows));
  });
  afterEach(() => {
    clock.restore();
    changes.dispose();
  });

  it('are fired at once after a pause, and gathered until the next one', () => {
    changes.fire(['a']);
    assert.deepEqual(told, [['a']]);
    changes.fire(['b']);
    changes.fire(['c', 'b']);
    assert.equal(told.length, 1);
    clock.pass(220);
    assert.deepEqual(told, [['a'], ['b', 'c']]);
  });

  it('are of the whole tree as soon as one of them is', () => {
    changes.fire([]);
    assert.deepEqual(told, [], 'of no row nothing is told');
    changes.fire(['a']);
    changes.fire(['b']);
    changes.fire(undefined);
    changes.fire(['c']);
    clock.pass(220);
    assert.deepEqual(told, [['a'], undefined]);
  });

  it('are not fired once the tree is gone', () => {
    changes.fire(['a']);
    changes.fire(['b']);
    changes.dispose();
    clock.pass(1000);
    assert.deepEqual([told, clock.size], [[['a']], 0]);
  });
});
