import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { FakeClient } from './testing/fake-client.ts';
import { child, done, join, pending, running } from '../cli/testing/documents.ts';
import type { ChildDocument } from '../contract/documents.ts';
import { FleetError } from '../errors.ts';
import { followFanOut, PAGE, type FanOutChange } from './fan-out.ts';

/** Returns a client of a fan-out whose subtasks a test changes. */
function engine(children: ChildDocument[]): FakeClient {
  return new FakeClient({
    join: () => ({ ...join(children), children: [] }),
    children: ({ offset, limit, indices }) => {
      const from = Number(offset);
      const wanted = indices as number[] | undefined;
      const page = wanted?.map(index => children[index]!) ?? children.slice(from, from + Number(limit));
      return { children: page, total: children.length, round: 1, alias: 'A', thread: 'th' };
    },
  });
}

/** Follows a fan-out until the test ends it. */
function follow(client: Parameters<typeof followFanOut>[0]): {
  readonly changes: FanOutChange[];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  readonly when: (isSo: () => boolean) => Promise<void>;
} {
  const changes: FanOutChange[] = [];
  const stop = new AbortController();
  const waiting = new Set<() => void>();
  const take = async (): Promise<void> => {
    for await (const change of followFanOut(client, 'th', stop.signal)) {
      changes.push(change);
      for (const wake of waiting) wake();
    }
  };
  const when = (isSo: () => boolean): Promise<void> =>
    new Promise(resolve => {
      const look = (): void => {
        if (!isSo()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { changes, stop, ended: take(), when };
}

/** Returns the subtasks as a listener to these changes knows them. */
function known(changes: readonly FanOutChange[]): readonly ChildDocument[] {
  const children = new Map<number, ChildDocument>();
  for (const { reset, changed } of changes) {
    if (reset) children.clear();
    for (const each of changed) children.set(each.index, each);
  }
  return [...children.values()].toSorted((a, b) => a.index - b.index);
}

const many = (count: number): ChildDocument[] => Array.from({ length: count }, (_, i) => pending(i));

describe('following a fan-out', () => {
  it('yields the whole fan-out first, one page at a time', async () => {
    const children = many(2 * PAGE + 1);
    const { changes, stop, ended, when } = follow(engine(children));
    await when(() => known(changes).length === children.length);
    assert.deepEqual(
      changes.map(({ reset, changed }) => [reset, changed.length]),
      [
        [true, PAGE],
        [false, PAGE],
        [false, 1],
      ],
    );
    stop.abort();
    await ended;
  });

  it('yields changed subtasks, and reads no others', async () => {
    const children = many(5);
    const client = engine(children);
    const { changes, stop, ended, when } = follow(client);
    await when(() => changes.length === 1);
    children[3] = running(3);
    client.emit({ kind: 'task', thread: 'th', children: [3], complete: false });
    await when(() => changes.length === 2);
    assert.deepEqual([changes[1]!.reset, changes[1]!.changed], [false, [running(3)]]);
    assert.equal(changes[1]!.status.counts.running, 1);
    assert.deepEqual(client.asked.at(-1)?.input['indices'], [3]);
    stop.abort();
    await ended;
    assert.equal(client.watchers, 0);
  });

  it('yields only the join if no subtask changed', async () => {
    const client = engine(many(1));
    const { changes, stop, ended, when } = follow(client);
    await when(() => changes.length === 1);
    const asked = client.asked.length;
    client.emit({ kind: 'task', thread: 'th', children: [], complete: false });
    await when(() => changes.length === 2);
    assert.deepEqual(changes[1]!.changed, []);
    assert.deepEqual(
      client.asked.slice(asked).map(({ name }) => name),
      ['join'],
    );
    stop.abort();
    await ended;
  });

  it('ends with the state of each subtask, whatever the order and number of events', async () => {
    const step = fc.oneof(
      fc.record({ at: fc.nat(5), state: fc.constantFrom('running', 'done') }),
      fc.constant('gap' as const),
      fc.constant('twice' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const children = many(6);
        const client = engine(children);
        const { changes, stop, ended, when } = follow(client);
        await when(() => changes.length === 1);
        const all = children.map((_, i) => i);
        for (const each of steps) {
          if (each === 'gap') client.emit({ kind: 'gap' });
          else if (each === 'twice')
            client.emit({ kind: 'task', thread: 'th', children: all, complete: false });
          else {
            children[each.at] = each.state === 'running' ? running(each.at) : done(each.at);
            client.emit({ kind: 'task', thread: 'th', children: [each.at], complete: false });
          }
        }
        // The last event waits for no interval.
        client.emit({ kind: 'task', thread: 'th', children: [], complete: true });
        await when(() => JSON.stringify(known(changes)) === JSON.stringify(children));
        stop.abort();
        await ended;
      }),
      { numRuns: runs(10) },
    );
  });

  it('gathers many events, and pages the changes', async () => {
    const children = many(2 * PAGE);
    const client = engine(children);
    const { changes, stop, ended, when } = follow(client);
    await when(() => known(changes).length === children.length);
    const before = changes.length;
    for (const { index } of [...children]) {
      children[index] = running(index);
      client.emit({ kind: 'task', thread: 'th', children: [index], complete: false });
    }
    await when(() => known(changes).every(({ state }) => state === 'running'));
    assert.deepEqual(
      changes.slice(before).map(({ changed }) => changed.length),
      [PAGE, PAGE],
    );
    stop.abort();
    await ended;
  });

  it('waits for the fan-out of a task', async () => {
    const children: ChildDocument[] = [];
    const client = engine(children);
    const { changes, stop, ended, when } = follow(client);
    await when(() => changes.length === 1);
    assert.deepEqual([changes[0]!.reset, changes[0]!.changed], [true, []]);
    children.push(child());
    client.emit({ kind: 'task', thread: 'th', children: [0], complete: false });
    await when(() => known(changes).length === 1);
    stop.abort();
    await ended;
  });

  it('fails with the engine’s error', async () => {
    const client = engine(many(1));
    const gone = follow(client);
    await gone.when(() => gone.changes.length === 1);
    client.emit(new FleetError('UNREACHABLE', 'nobody answers'));
    await assert.rejects(gone.ended, { code: 'UNREACHABLE' });
    const refused = follow(new FakeClient({ join: new FleetError('NOT_FOUND', 'no such task') }));
    await assert.rejects(refused.ended, { code: 'NOT_FOUND' });
  });
});
