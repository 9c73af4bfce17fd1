import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { EngineEvent, WatchOptions } from '../contract/engine.ts';
import { FleetError } from '../errors.ts';
import type { EngineClient } from './client.ts';
import { sharingWatch } from './shared-watch.ts';
import { FakeClient } from './testing/fake-client.ts';

const task = (thread: string): EngineEvent => ({ kind: 'task', thread, children: [0], complete: false });

describe('watches that share a stream', () => {
  let client: FakeClient;
  let shared: EngineClient;
  let stop: AbortController;
  beforeEach(() => {
    client = new FakeClient({});
    shared = sharingWatch(client);
    stop = new AbortController();
  });
  afterEach(() => stop.abort());

  const watch = (options: Partial<WatchOptions> = {}): AsyncIterator<EngineEvent> =>
    shared.watch({ kinds: ['task'], signal: stop.signal, ...options })[Symbol.asyncIterator]();
  const gap = { done: false, value: { kind: 'gap' } };

  it('open one, each begin with a gap, and get the requested events', async () => {
    const a = watch({ thread: 'th_a' });
    assert.deepEqual(await a.next(), gap);
    const all = watch({ kinds: ['task', 'namespace'] });
    assert.deepEqual(await all.next(), gap);
    const ofA = a.next();
    const ofAll = [all.next(), all.next(), all.next()];
    client.emit(task('th_b'));
    client.emit({ kind: 'namespace', id: 'acme' });
    client.emit(task('th_a'));
    assert.deepEqual((await ofA).value, task('th_a'));
    assert.deepEqual(
      (await Promise.all(ofAll)).map(({ value }) => (value as EngineEvent).kind),
      ['task', 'namespace', 'task'],
    );
    assert.equal(client.watched.length, 1);
  });

  it('all get a gap when the engine comes back', async () => {
    const both = [watch(), watch()];
    for (const each of both) assert.deepEqual(await each.next(), gap);
    client.emit({ kind: 'gap' });
    for (const each of both) assert.deepEqual(await each.next(), gap);
  });

  it('close it with the last of them, and open it again', async () => {
    const [first, second] = [watch(), watch()];
    await Promise.all([first.next(), second.next()]);
    await first.return?.();
    assert.equal(client.watchers, 1);
    const leaving = second.next();
    stop.abort();
    assert.equal((await leaving).done, true);
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(client.watchers, 0);
    assert.deepEqual(await watch({ signal: new AbortController().signal }).next(), gap);
    assert.equal(client.watched.length, 2);
  });

  it('fail with it; later watches do not', async () => {
    const both = [watch(), watch()];
    for (const each of both) await each.next();
    const failing = both.map(each => each.next());
    client.emit(new FleetError('UNREACHABLE', 'nobody answers'));
    for (const each of failing) await assert.rejects(each, { code: 'UNREACHABLE' });
    assert.deepEqual(await watch().next(), gap);
  });

  it('do not include watches for records or heartbeats, or from a position', async () => {
    await watch().next();
    for (const own of [{ kinds: ['record'] }, { kinds: ['heartbeat'] }, { after: 7 }, { kinds: undefined }]) {
      await watch(own as Partial<WatchOptions>).next();
      assert.deepEqual({ ...client.watched.at(-1), ...own }, client.watched.at(-1));
    }
    assert.equal(client.watched.length, 5);
  });
});
