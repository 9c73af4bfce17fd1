import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import { echoExecutor } from './echo.ts';
import type { AttemptResult } from './executor.ts';
import { anAttempt } from './testing/attempt.ts';

const ATTEMPT = anAttempt({ goal: 'say hello\nand more', timeoutMs: 600_000 });
const ACCEPTED: AttemptResult = {
  verdict: 'accept',
  reason: null,
  exitCode: null,
  signal: null,
  summary: 'echo: say hello',
  costUsd: 0,
  leftGroup: [],
};
const output = {
  write: (): Promise<void> => assert.fail('echo prints nothing'),
};
const context = (signal = new AbortController().signal) => ({ output, signal, used: () => {} });

describe('the echo executor', () => {
  it('answers at once when it takes no time', () => {
    assert.deepEqual(echoExecutor({ delayMs: 0 }).start(ATTEMPT, context()), ACCEPTED);
  });

  it('accepts after its delay', async () => {
    const began = performance.now();
    assert.deepEqual(await echoExecutor({ delayMs: 30 }).start(ATTEMPT, context()), ACCEPTED);
    const tookMs = performance.now() - began;
    assert.ok(tookMs >= 29, `took ${tookMs} ms`);
  });

  it('cuts a long goal on a whole character', () => {
    for (const goal of ['🙂'.repeat(5_000), `x${'🙂'.repeat(5_000)}`]) {
      const { summary } = echoExecutor({ delayMs: 0 }).start(
        { ...ATTEMPT, goal },
        context(),
      ) as AttemptResult;
      assert.ok(summary.length <= 220 && summary.endsWith('🙂…'), summary);
    }
  });

  it('ends as cancelled, with the reason, before it begins and while it waits', async () => {
    const before = AbortSignal.abort('nobody wants it');
    const early = await echoExecutor({ delayMs: 60_000 }).start(ATTEMPT, context(before));
    assert.deepEqual(early, { ...CANCELLED, reason: 'nobody wants it' });
    const later = new AbortController();
    const waiting = echoExecutor({ delayMs: 60_000 }).start(ATTEMPT, context(later.signal));
    later.abort('no more');
    assert.deepEqual(await waiting, { ...CANCELLED, reason: 'no more' });
  });

  it('ends as timeout when its delay is the longer one', async () => {
    const result = await echoExecutor({ delayMs: 60_000 }).start({ ...ATTEMPT, timeoutMs: 20 }, context());
    assert.deepEqual(result, {
      ...CANCELLED,
      verdict: 'timeout',
      reason: 'ran longer than its time-out of 0.02 s',
    });
  });

  it('bears a time-out that is longer than the system’s timers', async () => {
    const year = { ...ATTEMPT, timeoutMs: 31_536_000_000 };
    assert.deepEqual(await echoExecutor({ delayMs: 20 }).start(year, context()), ACCEPTED);
  });

  it('takes its delay from the environment, 1000 without', async () => {
    assert.deepEqual(echoExecutor({ env: { SPL_ECHO_MS: '0' } }).start(ATTEMPT, context()), ACCEPTED);
    const began = performance.now();
    await echoExecutor({ env: {} }).start(ATTEMPT, context());
    const tookMs = performance.now() - began;
    assert.ok(tookMs >= 999, `took ${tookMs} ms`);
  });

  it('refuses a delay that is none', () => {
    for (const delay of ['soon', '-1', 'NaN', 'Infinity']) {
      assert.throws(
        () => echoExecutor({ env: { SPL_ECHO_MS: delay } }),
        (error: unknown) => FleetError.is(error, 'USAGE') && error.message.includes(`'${delay}'`),
      );
    }
  });
});

const CANCELLED: AttemptResult = { ...ACCEPTED, verdict: 'cancelled', summary: '' };
