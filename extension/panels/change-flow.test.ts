import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { child, ended, runningSince, statusOf } from '../../test/webview/fan-outs.ts';
import { MAX_ROWS, type ToView } from '../../webview/protocol.ts';
import { ChangeFlow } from './change-flow.ts';

type Change = ToView & { type: 'change' };

function flowOf(): { flow: ChangeFlow; posted: Change[] } {
  const posted: Change[] = [];
  return {
    flow: new ChangeFlow(
      change => posted.push(change),
      () => 42,
    ),
    posted,
  };
}

describe('the flow of changes to a view', () => {
  it('sends at most two unapplied changes, and merges later ones', () => {
    const { flow, posted } = flowOf();
    const status = statusOf([child(0), child(1)]);
    flow.offer({ status, changed: [child(0), child(1)], reset: true });
    flow.offer({ status, changed: [runningSince(0, 'a', 0)], reset: false });
    flow.offer({ status, changed: [runningSince(1, 'a', 0)], reset: false });
    flow.offer({ status, changed: [ended(1, 'a', [0, 1])], reset: false });
    const last = statusOf([ended(0, 'a', [0, 1]), ended(1, 'a', [0, 1])]);
    flow.offer({ status: last, changed: [ended(0, 'a', [0, 1])], reset: false });
    assert.deepEqual(
      posted.map(({ seq, reset }) => [seq, reset]),
      [
        [1, true],
        [2, false],
      ],
    );
    flow.applied(1);
    assert.equal(posted.length, 3);
    assert.equal(posted[2]!.join.completed, 2);
    assert.deepEqual(
      posted[2]!.children.map(({ index, state }) => [index, state]),
      [
        [1, 'done'],
        [0, 'done'],
      ],
    );
    flow.applied(3);
    assert.equal(posted.length, 3, 'nothing is left to say');
  });

  it('sends a change of only the join', () => {
    const { flow, posted } = flowOf();
    flow.offer({ status: statusOf([child(0)]), changed: [], reset: false });
    assert.deepEqual([posted.length, posted[0]!.nowUnix], [1, 42]);
  });

  it('drops unsent changes at a reset', () => {
    const { flow, posted } = flowOf();
    const status = statusOf([child(0), child(1), child(2)]);
    for (const index of [0, 1, 2]) flow.offer({ status, changed: [child(index)], reset: false });
    flow.offer({ status, changed: [child(0)], reset: true });
    flow.applied(2);
    assert.deepEqual(
      posted[2]!.children.map(({ index }) => index),
      [0],
    );
    assert.equal(posted[2]!.reset, true);
  });

  it('splits changes beyond the size of a message', () => {
    const { flow, posted } = flowOf();
    const children = Array.from({ length: 2 * MAX_ROWS + 1 }, (_, index) => child(index));
    flow.offer({ status: statusOf(children), changed: children, reset: true });
    flow.applied(1);
    flow.applied(2);
    assert.deepEqual(
      posted.map(change => [change.reset, change.children.length]),
      [
        [true, MAX_ROWS],
        [false, MAX_ROWS],
        [false, 1],
      ],
    );
  });

  it('ignores an acknowledgement of an unsent change', () => {
    const { flow, posted } = flowOf();
    const status = statusOf([child(0)]);
    flow.applied(1000);
    for (let n = 0; n < 5; n += 1) flow.offer({ status, changed: [child(0)], reset: false });
    assert.equal(posted.length, 2);
  });
});
