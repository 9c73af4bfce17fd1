import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ended, satisfied, underWay } from '../test/webview/fan-outs.ts';
import {
  childRow,
  decodeToHost,
  decodeToView,
  joinRow,
  MAX_ROWS,
  MAX_TEXT_CHARS,
  savedThreadOf,
  speedupRow,
  type ToView,
} from './protocol.ts';

const change = (children: unknown[]): unknown => ({
  type: 'change',
  seq: 1,
  nowUnix: 1,
  reset: true,
  join: joinRow(underWay().status),
  children,
});

describe('the protocol between panel and view', () => {
  it('transfers a subtask unchanged', () => {
    const { children } = underWay();
    const decoded = decodeToView(JSON.parse(JSON.stringify(change(children.map(childRow)))));
    assert.ok(decoded.ok);
    const row = (decoded.message as ToView & { type: 'change' }).children[2]!;
    const told = children[2]!;
    assert.deepEqual(
      [row.index, row.name, row.worker, row.state, row.started_unix, row.attempt, row.depends_on],
      [2, told.name, told.worker, told.state, told.started_unix, 2, [0]],
    );
    const { tokens: _tokens, work: _work, ...drawn } = told.earlier_attempts[0]!;
    assert.deepEqual(row.earlier_attempts, [drawn]);
  });

  it('transfers a report, and drops what a newer engine added', () => {
    const { speedup } = satisfied();
    const report = speedupRow({ ...speedup, invented: 1 });
    assert.ok(decodeToView({ type: 'speedup', report, problem: null }).ok);
    const status = { ...underWay().status, counts: { ...underWay().status.counts, invented: 1 } };
    const message = { ...(change([]) as object), join: joinRow(status) };
    assert.ok(decodeToView(message).ok);
  });

  it('cuts texts that are too long for a row, and counts omitted entries of a list', () => {
    const dependsOn = Array.from({ length: 5000 }, (_, index) => index);
    const long = ended(0, 'a', [0, 1], 'failed', {
      reason: 'x'.repeat(MAX_TEXT_CHARS + 1),
      depends_on: dependsOn,
    });
    const row = childRow(long);
    assert.equal(row.reason?.length, MAX_TEXT_CHARS);
    assert.ok(row.reason?.endsWith('…'));
    assert.equal(row.depends_on_count, 5000);
    assert.ok(row.depends_on.length < 5000);
  });

  it('refuses invalid messages, with the place of the fault', () => {
    const row = childRow(ended(0, 'a', [0, 1]));
    const wrong: unknown[] = [
      null,
      'change',
      {},
      { type: 'launch' },
      change([{ index: 1 }]),
      change([{ ...row, invented: 1 }]),
      change([{ ...row, index: -1 }]),
      change(new Array(MAX_ROWS + 1).fill(row)),
      { ...(change([]) as object), more: 1 },
      { type: 'reply', id: 1, result: { ok: false } },
      { type: 'init', strings: { accepted: 'accepted' } },
    ];
    for (const message of wrong) {
      const decoded = decodeToView(message);
      assert.equal(decoded.ok, false, JSON.stringify(message)?.slice(0, 80));
      assert.ok(!decoded.ok && decoded.problem.length > 0);
    }
    for (const message of [
      undefined,
      { type: 'request', id: 1, request: { kind: 'delete-everything' } },
      { type: 'request', id: -1, request: { kind: 'pause' } },
      { type: 'request', id: 1, request: { kind: 'retry', index: 1.5 } },
      { type: 'applied', seq: '1' },
    ]) {
      assert.equal(decodeToHost(message).ok, false, JSON.stringify(message));
    }
  });

  it('names the task of a saved view, if it has one', () => {
    assert.equal(savedThreadOf({ thread: 'th_x', more: 1 }), 'th_x');
    for (const state of [undefined, null, {}, { thread: null }, { thread: 'FIRST-001' }, 'th_x'])
      assert.equal(savedThreadOf(state), null);
  });
});
