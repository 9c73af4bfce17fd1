import assert from 'node:assert/strict';
import axe from 'axe-core';
import type { Frame } from 'playwright-core';

/** Asserts that axe finds nothing serious or critical in a document. */
export async function assertAccessible(frame: Frame): Promise<void> {
  // Evaluated by the browser's debugger, to which the document's policy does not apply.
  await frame.evaluate(axe.source);
  const { violations } = await frame.evaluate<axe.AxeResults>('axe.run(document)');
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => ({ id, help, targets: nodes.map(({ target }) => target) }));
  assert.deepEqual(serious, []);
}
