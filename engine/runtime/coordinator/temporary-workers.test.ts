import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Did } from '../../record/ids.ts';
import { TemporaryWorkers } from './temporary-workers.ts';

const [A, B] = ['did:sync:instance:a', 'did:sync:instance:b'] as unknown as readonly [Did, Did];
/** Longer than the interval between two looks. */
const LOOK_MS = 3_000;

describe('temporary workers', () => {
  let isIdle: boolean;
  let ended: Did[];
  let workers: TemporaryWorkers;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setInterval'] });
    [isIdle, ended] = [false, []];
    workers = new TemporaryWorkers({ isIdle: () => isIdle, end: each => ended.push(...each) });
    workers.add([A, B]);
  });
  afterEach(() => {
    workers.close();
    mock.timers.reset();
  });

  it('end when nothing is open at two looks in succession, once', () => {
    mock.timers.tick(10 * LOOK_MS);
    assert.deepEqual(ended, []);
    isIdle = true;
    mock.timers.tick(10 * LOOK_MS);
    assert.deepEqual(ended, [A, B]);
  });

  it('stay if somebody else asked for them', () => {
    workers.keep([B]);
    isIdle = true;
    mock.timers.tick(10 * LOOK_MS);
    assert.deepEqual(ended, [A]);
  });
});
