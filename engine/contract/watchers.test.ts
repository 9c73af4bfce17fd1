import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'mocha';
import type { EngineEvent } from './engine.ts';
import type { ThreadId } from '../record/ids.ts';
import { seal } from '../record/record.ts';
import type { Did } from '../record/ids.ts';
import { Watchers } from './watchers.ts';

const task = (thread: string, ...children: number[]): EngineEvent => ({
  kind: 'task',
  thread,
  children,
  complete: false,
});
const instance: EngineEvent = { kind: 'instance', did: 'did:sync:instance:00000000000000aa' };
const namespace: EngineEvent = { kind: 'namespace', id: 'acme' };
const record = (position: number, thread: string): EngineEvent => ({
  kind: 'record',
  position,
  at: 0,
  record: seal({
    act: 'DO',
    actor: 'did:sync:user:ada' as Did,
    body: {},
    clock: position,
    data_type: 'VOID',
    parents: [],
    thread: thread as ThreadId,
  }).record,
});

/** Returns this number of a watcher's events, or fewer if it ends. */
async function take(watcher: AsyncIterable<EngineEvent>, count: number): Promise<EngineEvent[]> {
  const events: EngineEvent[] = [];
  if (count > 0)
    for await (const event of watcher) {
      events.push(event);
      if (events.length === count) break;
    }
  return events;
}

describe('watchers', () => {
  it('each get events from the call on, in order', async () => {
    const watchers = new Watchers();
    const { signal } = new AbortController();
    watchers.publish(instance);
    const first = watchers.add({ signal });
    watchers.publish(task('th_a', 0));
    const second = watchers.add({ signal });
    watchers.publish(task('th_a', 1));
    assert.deepEqual(await take(first, 2), [task('th_a', 0), task('th_a', 1)]);
    assert.deepEqual(await take(second, 1), [task('th_a', 1)]);
  });

  it('are woken by an event while they wait', async () => {
    const watchers = new Watchers();
    const watcher = watchers.add({ signal: new AbortController().signal });
    const taken = take(watcher, 3);
    for (const event of [instance, task('th_a'), instance]) {
      await new Promise(resolve => setImmediate(resolve));
      watchers.publish(event);
    }
    assert.deepEqual(await taken, [instance, task('th_a'), instance]);
  });

  it('get only events of their thread and kinds', async () => {
    const watchers = new Watchers();
    const { signal } = new AbortController();
    const thread = watchers.add({ signal, thread: 'th_a' });
    const kinds = watchers.add({ signal, kinds: ['record'] });
    const none = watchers.add({ signal, kinds: [] });
    assert.ok(watchers.wants('record'));
    const events = [task('th_b'), record(0, 'th_b'), instance, namespace, task('th_a'), record(1, 'th_a')];
    for (const event of events) watchers.publish(event);
    assert.deepEqual(await take(thread, 4), [instance, namespace, task('th_a'), record(1, 'th_a')]);
    assert.deepEqual(await take(kinds, 2), [record(0, 'th_b'), record(1, 'th_a')]);
    none.end();
    assert.deepEqual(await take(none, 1), []);
    assert.ok(!watchers.wants('record'), 'those who stopped reading are still there');
  });

  it('that are too slow get a gap, and then the events after it', async () => {
    const watchers = new Watchers();
    const watcher = watchers.add({ signal: new AbortController().signal, kinds: ['task'] });
    for (let i = 0; i < 10_001; i++) watchers.publish(task('th_a', i));
    watchers.publish(task('th_a', 20_000));
    const [gap, next] = await take(watcher, 2);
    assert.deepEqual(gap, { kind: 'gap' });
    assert.deepEqual(next, task('th_a', 20_000));
  });

  it('end with their signal, also one that was already aborted', async () => {
    const watchers = new Watchers();
    const stop = new AbortController();
    const watcher = watchers.add({ signal: stop.signal });
    watchers.publish(instance);
    const taken = take(watcher, 5);
    await new Promise(resolve => setImmediate(resolve));
    stop.abort();
    assert.deepEqual(await taken, [instance]);
    assert.equal(watchers.size, 0);

    const late = watchers.add({ signal: AbortSignal.abort() });
    assert.ok(late.isEnded);
    watchers.publish(instance);
    assert.deepEqual(await take(late, 1), []);
    assert.equal(watchers.size, 0);
  });

  it('release their signal when they are no longer read', async () => {
    const watchers = new Watchers();
    const { signal } = new AbortController();
    const broken = watchers.add({ signal });
    watchers.publish(instance);
    await take(broken, 1);
    watchers.add({ signal }).end();
    assert.equal(watchers.size, 0);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('end when the engine closes, and later ones immediately', async () => {
    const watchers = new Watchers();
    const { signal } = new AbortController();
    const taken = take(watchers.add({ signal }), 1);
    watchers.close();
    assert.deepEqual(await taken, []);
    const late = watchers.add({ signal });
    assert.deepEqual(await take(late, 1), []);
    assert.equal(watchers.size, 0);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});
