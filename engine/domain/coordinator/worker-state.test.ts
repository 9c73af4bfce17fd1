import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Did } from '../../record/ids.ts';
import {
  moveAssignment,
  newAssignment,
  newLink,
  noteWall,
  waitingBehind,
  windowOf,
  type WorkerLink,
} from './worker-state.ts';
import { newChild, type Child, type FanOut } from '../model/state.ts';

const did = 'did:sync:instance:0000000000000000' as Did;
const fanOut = {} as FanOut;

function holding(count: number, wallMs?: number): { link: WorkerLink; children: Child[] } {
  const link = newLink(did, 0);
  if (wallMs !== undefined) noteWall(link, wallMs);
  const children = Array.from({ length: count }, (_, i) => newChild(i, 0));
  for (const child of children) link.assigned.set(child, newAssignment(fanOut));
  return { link, children };
}

describe('the window of a worker', () => {
  it('is its slots while the duration of its attempts is unknown, and when they take long', () => {
    assert.equal(windowOf(holding(0).link, 4, 0), 4);
    assert.equal(windowOf(holding(0, 500).link, 4, 0), 4);
    assert.equal(windowOf(holding(0, 60_000).link, 4, 0), 4);
  });

  it('includes 50 ms of work ahead for short attempts, and is bounded for attempts without duration', () => {
    assert.equal(windowOf(holding(0, 10).link, 1, 0), 5);
    assert.equal(windowOf(holding(0, 10).link, 3, 0), 15);
    assert.equal(windowOf(holding(0, 499).link, 3, 0), 6, 'at least one for each slot');
    const most = windowOf(holding(0, 0).link, 1, 0);
    assert.ok(most > 100 && most < 10_000, `${most}`);
  });

  it('is its slots while it is stalled, because work ahead would only be recalled', () => {
    const { link } = holding(2, 10);
    assert.equal(windowOf(link, 2, 99), 10);
    assert.equal(windowOf(link, 2, 100), 2);
    assert.equal(windowOf(link, 3, 100), 15, 'a slot is free');
  });

  it('follows a weighted mean of the latest attempts', () => {
    const { link } = holding(0, 100);
    noteWall(link, 0);
    assert.equal(link.meanWallMs, 80);
  });
});

describe('the deliveries behind the slots of a worker', () => {
  it('are stalled when no report came for a while, newest first', () => {
    const { link, children } = holding(4, 10);
    assert.deepEqual(waitingBehind(link, 1, 99), []);
    assert.deepEqual(waitingBehind(link, 1, 100), [children[3], children[2], children[1]]);
  });

  it('exclude started and recalled ones', () => {
    const { link, children } = holding(4, 10);
    moveAssignment(link.assigned.get(children[1]!)!, 'started', 5);
    moveAssignment(link.assigned.get(children[3]!)!, 'recall');
    assert.deepEqual(waitingBehind(link, 1, 1000), [children[2]]);
  });

  it('are none while the worker holds no more than its slots', () => {
    assert.deepEqual(waitingBehind(holding(2).link, 2, 1e9), []);
  });

  it('are those of attempts that take longer than a recall', () => {
    const { link, children } = holding(2, 50);
    assert.deepEqual(waitingBehind(link, 1, 0), [children[1]]);
  });
});
