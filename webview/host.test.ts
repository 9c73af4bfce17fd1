import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { useDom } from '../test/webview/dom.ts';
import { Host, RequestFailed } from './host.ts';
import { decodeToHost, MAX_TEXT_CHARS, type ToHost, type ToView } from './protocol.ts';

describe('the host as the view sees it', () => {
  const dom = useDom(() => Promise.resolve());
  let said: ToHost[];
  let told: ToView[];
  let host: Host;
  beforeEach(() => {
    said = [];
    told = [];
    const postMessage = (message: unknown): void => {
      const decoded = decodeToHost(message);
      assert.ok(decoded.ok, JSON.stringify(decoded));
      said.push(decoded.message);
    };
    host = new Host({ postMessage, getState: () => undefined, setState: () => undefined }, message =>
      told.push(message),
    );
  });
  afterEach(() => host.dispose());

  const reply = (id: number, result: unknown): Promise<void> => dom.post({ type: 'reply', id, result });
  const problem = { code: 'CONFLICT', message: 'subtask 3 was cancelled', hint: 'Retry the task.' };

  it('passes on all messages except replies', async () => {
    const message = { type: 'stream', state: 'live', note: null } as const;
    await dom.post(message);
    const asked = host.ask({ kind: 'pause' });
    await reply(1, { ok: true, value: null });
    assert.equal(await asked, null);
    assert.deepEqual(told, [message]);
  });

  it('answers each request with its own reply, in any order', async () => {
    const [first, second] = [host.ask({ kind: 'export-json' }), host.ask({ kind: 'retry', index: 3 })];
    assert.deepEqual(said, [
      { type: 'request', id: 1, request: { kind: 'export-json' } },
      { type: 'request', id: 2, request: { kind: 'retry', index: 3 } },
    ]);
    const refused = assert.rejects(second, (thrown: unknown) => {
      assert.ok(thrown instanceof RequestFailed);
      assert.deepEqual(thrown.problem, problem);
      return true;
    });
    await reply(2, { ok: false, problem });
    await refused;
    await reply(1, { ok: true, value: 'build.json' });
    assert.equal(await first, 'build.json');
  });

  it('logs messages that it does not understand, and unexpected replies', async () => {
    await dom.post({ type: 'launch' });
    await reply(9, { ok: true, value: null });
    const asked = host.ask({ kind: 'pause' });
    await reply(1, { ok: true, value: null });
    await reply(1, { ok: true, value: null });
    await asked;
    assert.deepEqual(
      said.map(message =>
        message.type === 'problem' ? message.message.replace(/(dropped): .*/, '$1') : message.type,
      ),
      [
        'a message to the view was dropped',
        'nothing waits for reply 9',
        'request',
        'nothing waits for reply 1',
      ],
    );
    assert.deepEqual(told, []);
  });

  it('logs no more than the host accepts', async () => {
    await dom.post({ type: 'x'.repeat(10 * MAX_TEXT_CHARS) });
    assert.equal(said.length, 1);
  });

  it('refuses too many open requests, until some are answered', async () => {
    const waiting = Array.from({ length: 64 }, () => host.ask({ kind: 'pause' }));
    await assert.rejects(host.ask({ kind: 'pause' }), /too many requests wait/);
    await reply(1, { ok: true, value: null });
    await waiting[0];
    waiting.push(host.ask({ kind: 'resume' }));
    assert.equal(said.length, 65);
    const closed = Promise.allSettled(waiting.slice(1));
    host.dispose();
    for (const result of await closed)
      assert.match(String((result as PromiseRejectedResult).reason), /panel was closed/);
  });

  it('receives nothing after disposal', async () => {
    host.dispose();
    await dom.post({ type: 'stream', state: 'live', note: null });
    assert.deepEqual([told, said], [[], []]);
  });
});
