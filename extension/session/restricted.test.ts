import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { COMMANDS as LIST, type CommandName } from '../../engine/operations/index.ts';
import { restricted } from './restricted.ts';

const COMMANDS = Object.keys(LIST) as CommandName[];

describe('the engine for a folder that may not be trusted', () => {
  it('accepts commands that end work, and refuses all others before they are sent', async () => {
    const sent = new FakeClient({});
    const engine = restricted(sent, () => false);
    for (const name of COMMANDS) await engine.submit(name, {} as never).catch(() => undefined);
    assert.deepEqual(sent.asked.map(({ name }) => name).toSorted(), ['fleet.stop', 'kill', 'task.cancel']);
    await assert.rejects(engine.submit('fleet.start', {} as never), { code: 'SCOPE_FORBIDDEN' });
  });

  it('accepts all once the folder is trusted', async () => {
    let isTrusted = false;
    const sent = new FakeClient({});
    const engine = restricted(sent, () => isTrusted);
    isTrusted = true;
    for (const name of COMMANDS) await engine.submit(name, {} as never).catch(() => undefined);
    assert.deepEqual(
      sent.asked.map(({ name }) => name),
      COMMANDS,
    );
  });

  it('still answers questions and watches', async () => {
    const client = new FakeClient({ health: { status: 'ok' } });
    const engine = restricted(client, () => false);
    assert.deepEqual(await engine.report('health', {}), { status: 'ok' });
    const stop = new AbortController();
    for await (const event of engine.watch({ signal: stop.signal })) {
      assert.equal(event.kind, 'gap');
      stop.abort();
    }
    await engine.close();
    assert.equal(client.closed, 1);
  });
});
