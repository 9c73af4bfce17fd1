import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import { FakeClient, type Answers } from '../../engine/client/testing/fake-client.ts';
import {
  coordinator,
  COORDINATOR_DID,
  fleet,
  instance,
  WORKER_A_DID,
  WORKER_B_DID,
} from '../../engine/cli/testing/documents.ts';
import { editor, escape, pick } from '../../test/stubs/vscode.ts';
import { useEditor } from '../testing/editor.ts';
import { Window } from '../testing/window.ts';

const A = { kind: 'instance', did: WORKER_A_DID };

describe('the commands for an instance', () => {
  let window: Window;
  useEditor();
  afterEach(() => window.close());

  async function open(answers: Answers, hosting = true): Promise<FakeClient> {
    const client = new FakeClient({ fleet: fleet(), tasks: { tasks: [] }, ...answers });
    window = await Window.open(client, hosting);
    client.asked.length = 0;
    return client;
  }

  it('restart a worker, and offer only workers', async () => {
    const client = await open({ 'fleet.restart': instance() });
    editor.person.will(pick('worker-b'));
    await window.run('fleet.restartInstance');
    assert.deepEqual(editor.person.offered, ['worker-a', 'worker-b']);
    assert.deepEqual(client.asked, [{ name: 'fleet.restart', input: { instance: WORKER_B_DID } }]);
    assert.deepEqual(editor.progress, ['Restarting worker-b…']);
  });

  it('stop one instance, and leave the others', async () => {
    const stopped = [{ alias: 'worker-a', did: WORKER_A_DID, pid: 1, how: 'drained', handed_back: 0 }];
    const client = await open({ 'fleet.stop': { stopped, coordinator_stopping: false } });
    await window.run('fleet.stopInstance', A);
    assert.deepEqual(client.asked, [
      { name: 'fleet.stop', input: { scope: 'workers', instance: WORKER_A_DID, grace_secs: 10 } },
    ]);
    assert.deepEqual(editor.statusTexts, ['Fleet: worker-a stopped']);
    editor.person.will(escape);
    await window.run('fleet.stopInstance');
    assert.equal(client.asked.length, 1);
  });

  it('say whether an instance can be reached', async () => {
    const ping = {
      did: WORKER_A_DID,
      alias: 'worker-a',
      reachable: true,
      rtt_ms: 1.6,
      status: 200,
      reason: null,
    };
    const client = await open({ ping });
    await window.run('fleet.pingInstance', A);
    assert.deepEqual(editor.statusTexts, ['$(pass) worker-a reachable in 2 ms']);
    client.change({
      ping: { ...ping, reachable: false, rtt_ms: null, reason: 'nobody [listens](command:x)' },
    });
    await window.run('fleet.pingInstance', A);
    assert.deepEqual(editor.person.told('warning'), [
      'worker-a is not reachable: nobody [listens] (command:x)',
    ]);
  });

  it('show the engine’s present state of an instance, also of one that the views lack', async () => {
    const gone = instance({ did: 'did:sync:instance:gone', alias: 'worker-z' });
    const client = await open({ instance: gone });
    await window.run('fleet.showInstance', { kind: 'instance', did: gone.did });
    const [path, text] = window.shown;
    assert.equal(path, '/worker-z.md');
    assert.ok(text.includes(`| **Identity** | \` ${gone.did} \` |`));
    assert.deepEqual(client.asked.at(-1), { name: 'instance', input: { instance: gone.did } });
  });

  it('put a DID on the clipboard', async () => {
    await open({});
    await window.run('fleet.copyDid', A);
    assert.equal(editor.clipboard, WORKER_A_DID);
  });

  it('open the log of a process, and the channel for the coordinator in this window', async () => {
    const home = await mkdtemp(join(tmpdir(), 'spl-logs-'));
    await mkdir(join(home, 'logs'));
    for (const role of ['worker', 'coordinator']) await writeFile(join(home, 'logs', `${role}.log`), role);
    const instances = [{ ...coordinator(), home }, instance({ home })];
    await open({ fleet: fleet({ instances }) });
    await window.run('fleet.openInstanceLog', A);
    assert.equal(window.shown[1], 'worker');
    await window.run('fleet.openInstanceLog', { kind: 'instance', did: COORDINATOR_DID });
    assert.deepEqual([window.shown[1], window.log.isShown], ['worker', true]);
    window.session.live(window.session.client!, false);
    await window.run('fleet.openInstanceLog', { kind: 'instance', did: COORDINATOR_DID });
    assert.equal(window.shown[1], 'coordinator', 'another process has it');
    await rm(home, { recursive: true });
  });

  it('show a row for each instance, and each freeze with its author and time', async () => {
    const issued = { reason: 'bad release', issued_by: 'did:sync:user:ada', issued_at_unix: 1_750_000_000 };
    const freezes = [{ namespace: 'acme', level: 'soft', grace_secs: 60, ...issued }];
    await open({ fleet: fleet({ freezes }), live: { running: [] } });
    await window.run('fleet.showStatus');
    const [path, text] = window.shown;
    assert.equal(path, '/Fleet.md');
    for (const alias of ['coordinator', 'worker\\-a', 'worker\\-b']) assert.ok(text.includes(`| ${alias} |`));
    assert.match(text, /^> ⚠ soft freeze of acme — bad release, since Jun 15, 2025, .*, by ada$/m);
    assert.match(text, /Nothing runs now\./);
  });

  it('show the log of the extension', async () => {
    window = new Window();
    await window.run('fleet.showLog');
    assert.ok(window.log.isShown);
  });
});
