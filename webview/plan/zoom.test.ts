import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { fitting, zoomed } from './zoom.ts';

describe('the scale of a graph', () => {
  it('fits width and height, enlarges nothing, and stays readable', () => {
    const graph = { width: 1000, height: 500 };
    assert.equal(fitting(graph, { width: 500, height: 500 }), 0.5);
    assert.equal(fitting(graph, { width: 2000, height: 400 }), 0.8);
    assert.equal(fitting(graph, { width: 4000, height: 4000 }), 1);
    assert.equal(fitting(graph, { width: 100, height: 100 }), 0.3);
    assert.equal(fitting(graph, { width: 500, height: -1 }), 0.5);
    assert.equal(fitting(graph, { width: 0, height: 0 }), 1);
  });

  it('moves by steps within its bounds', () => {
    assert.equal(zoomed(1, 1), 1.25);
    assert.equal(zoomed(1.25, -1), 1);
    assert.deepEqual([zoomed(3, 1), zoomed(0.3, -1)], [3, 0.3]);
  });
});
