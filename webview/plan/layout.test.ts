import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { layoutOf, NODE } from './layout.ts';

const graph = fc.array(fc.nat(4), { maxLength: 30 }).chain(layers => {
  const nodes = layers.map((layer, id) => ({
    id,
    layer,
    name: `n${id}`,
    detail: '',
    count: 1,
    follows: null,
    tone: null,
    state: '',
  }));
  const pairs = nodes.flatMap(from =>
    nodes.filter(to => to.layer > from.layer).map(to => ({ from: from.id, to: to.id })),
  );
  return fc.subarray(pairs).map(edges => ({ nodes, edges }));
});

describe('the picture of a plan', () => {
  it('places each subtask once, without overlap, and right of its dependencies or below them', () => {
    fc.assert(
      fc.property(graph, fc.constantFrom('right', 'down'), ({ nodes, edges }, direction) => {
        const { width, height, places } = layoutOf({ nodes, edges }, direction);
        assert.equal(places.size, nodes.length);
        const all = [...places.values()];
        for (const { x, y } of all) {
          assert.ok(x >= 0 && x + NODE.width <= width && y >= 0 && y + NODE.height <= height);
        }
        const apart = (a: number, b: number, size: number): boolean => Math.abs(a - b) >= size;
        all.forEach((a, i) => {
          for (const b of all.slice(i + 1))
            assert.ok(apart(a.x, b.x, NODE.width) || apart(a.y, b.y, NODE.height));
        });
        for (const { from, to } of edges) {
          const [before, after] = [places.get(from)!, places.get(to)!];
          if (direction === 'right') assert.ok(before.x + NODE.width < after.x);
          else assert.ok(before.y + NODE.height < after.y);
        }
      }),
      { numRuns: runs(100) },
    );
  });

  it('orders subtasks like their dependencies', () => {
    const node = (id: number, layer: number) => ({
      id,
      layer,
      name: '',
      detail: '',
      count: 1,
      follows: null,
      tone: null,
      state: '',
    });
    const { places } = layoutOf({
      nodes: [node(0, 0), node(1, 0), node(2, 1), node(3, 1)],
      edges: [
        { from: 1, to: 2 },
        { from: 0, to: 3 },
      ],
    });
    assert.ok(places.get(3)!.y < places.get(2)!.y);
  });
});
