import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { NamespaceDocument } from '../../engine/contract/documents.ts';
import { runs } from '../../test/runs.ts';
import { belowNamespace, type NamespaceNode, type NamespacePage } from './namespace-nodes.ts';

const row = (children: number): NamespaceNode => ({
  kind: 'namespace',
  id: 'acme',
  document: { id: 'acme', children } as NamespaceDocument,
});

/** Returns the pages that are read when all rows below a row are expanded. */
function pages(node: NamespaceNode): readonly NamespacePage[] {
  const below = belowNamespace(node);
  return 'parent' in below ? [below] : below.flatMap(pages);
}

describe('the rows below a namespace', () => {
  it('are its namespaces, or ranges for more than a hundred', () => {
    assert.deepEqual(belowNamespace(row(100)), { parent: 'acme', offset: 0, limit: 100 });
    assert.deepEqual(belowNamespace(row(101)), [
      { kind: 'range', parent: 'acme', from: 0, to: 100 },
      { kind: 'range', parent: 'acme', from: 100, to: 101 },
    ]);
  });

  it('contain each namespace once, a hundred at a time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 101, max: 5_000 }), children => {
        let next = 0;
        for (const { parent, offset, limit } of pages(row(children))) {
          assert.deepEqual([parent, offset], ['acme', next]);
          assert.ok(limit >= 1 && limit <= 100);
          next += limit;
        }
        assert.equal(next, children);
      }),
      { numRuns: runs(100) },
    );
  });
});
