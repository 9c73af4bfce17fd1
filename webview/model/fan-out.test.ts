import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import {
  child,
  ended,
  many,
  OPENED,
  runningSince,
  satisfied,
  statusOf,
  underWay,
} from '../../test/webview/fan-outs.ts';
import { childRow, joinRow, speedupRow } from '../protocol.ts';
import { criticalIndices, elapsedOf, FanOutModel } from './fan-out.ts';

function modelOf(children: readonly ChildDocument[], told = {}): FanOutModel {
  const model = new FanOutModel();
  model.apply({ join: joinRow(statusOf(children, told)), children: children.map(childRow), reset: true });
  return model;
}

describe('the model of a fan-out', () => {
  it('has a lane for each worker, with all of its attempts, in the order of names that people expect', () => {
    const model = modelOf([
      ended(0, 'worker-10', [0, 1]),
      ended(1, 'worker-9', [0, 1]),
      ...underWay()
        .children.slice(2, 3)
        .map(told => ({ ...told, index: 2 })),
    ]);
    assert.deepEqual(
      model
        .lanes()
        .map(lane => [lane.worker, lane.bars.map(({ index, attempt, look }) => [index, attempt, look])]),
      [
        ['worker-9', [[1, 1, 'accepted']]],
        ['worker-10', [[0, 1, 'accepted']]],
        ['worker-a', [[2, 2, 'running']]],
        ['worker-b', [[2, 1, 'failed']]],
      ].sort(([a], [b]) => (a as string).localeCompare(b as string, 'en', { numeric: true })),
    );
  });

  it('moves a changed attempt, and lays out only the affected lanes again', () => {
    const model = modelOf([runningSince(0, 'a', 0), ended(1, 'b', [0, 1])]);
    const [before, untouched] = model.lanes();
    assert.equal(before!.bars[0]!.end, null);
    model.apply({ join: model.join!, children: [childRow(ended(0, 'a', [0, 2], 'failed'))], reset: false });
    const [after, same] = model.lanes();
    assert.deepEqual(
      [after!.bars.length, after!.bars[0]!.end, after!.bars[0]!.look],
      [1, OPENED + 2, 'failed'],
    );
    assert.equal(same, untouched);
  });

  it('removes what a retry removed', () => {
    const model = modelOf([ended(0, 'a', [0, 1], 'failed')]);
    const earlier = {
      attempt: 1,
      worker: 'a',
      verdict: 'failed',
      reason: null,
      cost_usd: 0,
      tokens: 0,
      work: null,
      wall_time_secs: 1,
    };
    const times = { started_unix: OPENED, ended_unix: OPENED + 1 };
    const again = runningSince(0, 'b', 2, { attempt: 2, earlier_attempts: [{ ...earlier, ...times }] });
    model.apply({ join: model.join!, children: [childRow(again)], reset: false });
    const bars = model.lanes().flatMap(lane => lane.bars.map(bar => [lane.worker, bar.attempt, bar.present]));
    assert.deepEqual(bars, [
      ['a', 1, false],
      ['b', 2, true],
    ]);
    assert.equal(model.running, 1);
  });

  it('puts simultaneous attempts into separate tracks, and consecutive ones into one', () => {
    const model = modelOf([
      ended(0, 'a', [0, 2]),
      ended(1, 'a', [1, 1.5]),
      ended(2, 'a', [2.001, 1]),
      runningSince(3, 'a', 2.9),
      runningSince(4, 'a', 3.5),
    ]);
    const tracks = model.lanes()[0]!.tracks.map(track => track.map(bar => bar.index));
    assert.deepEqual(tracks, [
      [0, 2, 4],
      [1, 3],
    ]);
  });

  it('forgets everything at a reset', () => {
    const model = modelOf(satisfied().children);
    model.apply({ join: joinRow(statusOf([child(0)])), children: [childRow(child(0))], reset: true });
    assert.deepEqual([model.known, model.lanes().length, model.costUsd, model.running], [1, 0, 0, 0]);
  });

  it('adds up the cost of all attempts, and counts those without times', () => {
    const lost = {
      attempt: 1,
      worker: 'a',
      verdict: 'failed',
      reason: null,
      cost_usd: 0.5,
      tokens: 0,
      work: null,
      wall_time_secs: 3,
    };
    const unknown = { started_unix: null, ended_unix: null };
    const told = ended(0, 'a', [5, 1], 'accept', {
      cost_usd: 0.25,
      attempt: 2,
      earlier_attempts: [{ ...lost, ...unknown }],
    });
    const model = modelOf([told]);
    assert.equal(model.costUsd, 0.75);
    assert.equal(model.untimed, 1);
    model.apply({ join: model.join!, children: [childRow({ ...told, cost_usd: 1 })], reset: false });
    assert.equal(model.costUsd, 1.5);
    assert.equal(model.untimed, 1);
    const unknowns = childRow({ ...told, cost_usd: 0, cost_unknown: true });
    model.apply({ join: model.join!, children: [unknowns], reset: false });
    assert.deepEqual([model.costUsd, model.unknownCosts], [0.5, 1]);
  });

  it('keeps an attempt that was lost with its worker', () => {
    const lost = {
      attempt: 1,
      worker: 'a',
      verdict: 'failed',
      reason: 'worker lost: a ended',
      cost_usd: 0,
      tokens: 0,
      work: null,
      lost: true,
      wall_time_secs: 0,
      started_unix: null,
      ended_unix: OPENED + 4,
    };
    const again = runningSince(0, 'b', 5, { attempt: 2, earlier_attempts: [lost] });
    const bars = (model: FanOutModel): unknown =>
      model.lanes().map(({ worker, bars: [bar] }) => [worker, bar!.start, bar!.end, bar!.lost]);
    const seen = modelOf([runningSince(0, 'a', 1)]);
    seen.apply({ join: seen.join!, children: [childRow(again)], reset: false });
    assert.deepEqual(bars(seen), [
      ['a', OPENED + 1, OPENED + 4, true],
      ['b', OPENED + 5, null, false],
    ]);
    // Its start is unknown if nobody saw it; the moment of the loss is known.
    assert.deepEqual(bars(modelOf([again])), [
      ['a', OPENED + 4, OPENED + 4, true],
      ['b', OPENED + 5, null, false],
    ]);
    const { untimed } = modelOf([again]);
    assert.equal(untimed, 0);
  });

  it('counts what needs a person, what was tried again, and what was reused', () => {
    const used = { task: 'A', thread: 'th_a', subtask: 0, name: null, attempt: 1 };
    const model = modelOf([
      child(0, { needs_you: 'Which one?' }),
      runningSince(1, 'a', 0, { attempt: 2 }),
      ended(2, 'a', [0, 0], 'accept', { reused: used }),
    ]);
    assert.deepEqual([model.needsYou, model.retried, model.reused, model.hasCosts], [1, 1, 1, false]);
    model.apply({ join: model.join!, children: [childRow(child(0))], reset: false });
    assert.equal(model.needsYou, 0);
  });

  it('spans from the opening to the last end, or to now while it runs', () => {
    const now = OPENED + 100;
    assert.deepEqual(modelOf(underWay().children).span(now), { start: OPENED, end: now });
    const done = { complete: true, outcome: 'satisfied', joined_unix: OPENED + 9.2 } as const;
    assert.ok(Math.abs(modelOf(satisfied().children, done).span(now)!.end - (OPENED + 9.9)) < 0.001);
    const loser = modelOf([ended(0, 'a', [0, 1]), runningSince(1, 'a', 1)], done);
    assert.equal(loser.span(now)!.end, now);
    assert.equal(new FanOutModel().span(now), null);
  });

  it('marks the report’s critical path, or the longest subtask without dependencies', () => {
    const { speedup, children } = satisfied();
    const rows = children.map(childRow);
    assert.deepEqual(criticalIndices(speedupRow(speedup), rows), [0, 2, 6]);
    assert.deepEqual(criticalIndices(speedupRow({ ...speedup, critical_path: [] }), rows), [7]);
    assert.deepEqual(criticalIndices(null, rows), []);
  });

  it('has an elapsed time only for started attempts', () => {
    const now = OPENED + 10;
    assert.equal(elapsedOf(childRow(child(0)), now), null);
    assert.equal(elapsedOf(childRow(child(0, { state: 'running', worker: 'a' })), now), null);
    assert.equal(elapsedOf(childRow(runningSince(0, 'a', 4)), now), 6);
    assert.equal(elapsedOf(childRow(ended(0, 'a', [0, 3])), now), 3);
  });

  it('ignores a row beyond the end', () => {
    const model = modelOf([child(0)]);
    model.apply({ join: model.join!, children: [childRow(child(1_000_000))], reset: false });
    assert.equal(model.rows.length, 1);
  });

  it('holds ten thousand', () => {
    const { children } = many(10_000);
    const model = modelOf(children);
    assert.equal(model.known, 10_000);
    assert.equal(
      model.lanes().reduce((sum, lane) => sum + lane.bars.length, 0),
      10_000,
    );
    for (const lane of model.lanes()) {
      for (const track of lane.tracks) {
        for (let at = 1; at < track.length; at += 1)
          assert.ok(track[at - 1]!.end! <= track[at]!.start + 0.002);
      }
    }
  });
});
