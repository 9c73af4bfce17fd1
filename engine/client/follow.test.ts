import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { getEventListeners } from 'node:events';
import { FleetError } from '../errors.ts';
import { follow, keepFollowing, type Changed } from './follow.ts';
import { FakeClient } from './testing/fake-client.ts';

const KINDS = ['task', 'instance', 'namespace'] as const;

describe('following an engine', () => {
  /** Returns the changes up to the first one that satisfies the condition. */
  async function take(
    changes: AsyncIterable<Changed>,
    isLast: (changed: Changed) => boolean,
    during: (changed: Changed) => void = () => undefined,
  ): Promise<Changed[]> {
    const taken: Changed[] = [];
    for await (const changed of changes) {
      taken.push(changed);
      if (isLast(changed)) break;
      during(changed);
    }
    return taken;
  }

  it('gathers events while the caller reads, each subtask once', async () => {
    const client = new FakeClient({});
    const stop = new AbortController();
    const changes = await take(
      follow(client, { kinds: KINDS, intervalMs: 0 }, stop.signal),
      ({ tasks }) => tasks.size > 0,
      () => {
        for (const index of [2, 1, 2])
          client.emit({ kind: 'task', thread: 'th_a', children: [index], complete: false });
        client.emit({ kind: 'task', thread: 'th_b', children: [], complete: false });
        client.emit({ kind: 'namespace', id: 'acme' });
      },
    );
    assert.deepEqual(changes, [
      { all: true, namespaces: true, tasks: new Map() },
      {
        all: false,
        namespaces: true,
        tasks: new Map([
          ['th_a', new Set([2, 1])],
          ['th_b', new Set()],
        ]),
      },
    ]);
    assert.equal(client.watchers, 0, 'who leaves closes the watch');
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
  });

  it('waits for the interval, except at the end of its fan-out', async () => {
    const client = new FakeClient({});
    const about = { thread: 'th', kinds: ['task'], intervalMs: 60_000 } as const;
    const changes = await take(
      follow(client, about, new AbortController().signal),
      ({ tasks }) => tasks.size > 0,
      () => {
        client.emit({ kind: 'task', thread: 'th', children: [1], complete: false });
        setImmediate(() => client.emit({ kind: 'task', thread: 'th', children: [0], complete: true }));
      },
    );
    assert.deepEqual(changes[1]?.tasks.get('th'), new Set([1, 0]));
  });

  it('reads at once on request, and again when the watch is open', async () => {
    const client = new FakeClient({});
    const about = { kinds: KINDS, intervalMs: 0, atOnce: true };
    let seen = 0;
    const changes = await take(follow(client, about, new AbortController().signal), () => ++seen === 2);
    assert.deepEqual(
      changes.map(({ all }) => all),
      [true, true],
    );
  });

  it('ends when its signal aborts during a wait, and fails with its watch', async () => {
    const client = new FakeClient({});
    const stop = new AbortController();
    await take(
      follow(client, { kinds: KINDS, intervalMs: 60_000 }, stop.signal),
      () => false,
      () => stop.abort(),
    );
    const failing = take(
      follow(client, { kinds: KINDS, intervalMs: 0 }, new AbortController().signal),
      () => false,
      () => client.emit(new FleetError('UNREACHABLE', 'nobody answers')),
    );
    await assert.rejects(failing, { code: 'UNREACHABLE' });
  });
});

describe('keeping up a follower', () => {
  it('repeats after each failure, counts consecutive failures, and ends leftovers of an attempt', async () => {
    const stop = new AbortController();
    const counted: number[] = [];
    const attempts: AbortSignal[] = [];
    await keepFollowing(
      async (attempt, succeeded) => {
        attempts.push(attempt);
        if (attempts.length === 3) succeeded();
        if (attempts.length === 5) stop.abort();
        throw new Error('lost');
      },
      (failure, failures) => {
        assert.equal((failure as Error).message, 'lost');
        counted.push(failures);
        return 0;
      },
      stop.signal,
    );
    assert.deepEqual(counted, [1, 2, 1, 2]);
    assert.ok(attempts.every(({ aborted }) => aborted));
    assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
  });

  it('gives up without a pause', async () => {
    let attempts = 0;
    await keepFollowing(
      async () => void (attempts += 1),
      failure => (assert.equal(failure, undefined, 'it ended by itself'), undefined),
      new AbortController().signal,
    );
    assert.equal(attempts, 1);
  });
});
