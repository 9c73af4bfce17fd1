import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { followFanOut, readFanOut } from '../../engine/client/fan-out.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { Fleet } from '../testing/fleet.ts';

describe('a followed fan-out', () => {
  it('yields a real run to its end', async () => {
    const fleet = await Fleet.open();
    const thread = await fleet.fanOut('RUN-1', ['first', 'second']);
    const known = new Map<number, ChildDocument>();
    const joined = (async () => {
      for await (const { status, changed } of followFanOut(fleet.client, thread, AbortSignal.timeout(5000))) {
        for (const child of changed) known.set(child.index, child);
        if (status.complete) return;
      }
    })();
    await fleet.start(thread, 0);
    await fleet.end(thread, 0, 'accept');
    await fleet.end(thread, 1, 'accept');
    await joined;
    assert.deepEqual(
      [...known.values()].map(({ verdict }) => verdict),
      ['accept', 'accept'],
    );
    const whole = await readFanOut(fleet.client, thread, AbortSignal.timeout(5000));
    assert.deepEqual(whole.children, [...known.values()]);
    await fleet.close();
  });
});
