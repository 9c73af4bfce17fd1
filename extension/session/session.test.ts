import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { CoordinatorThread } from '../../engine/client/coordinator-thread.ts';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { FleetError } from '../../engine/errors.ts';
import { homePaths, workerHome } from '../../engine/home/paths.ts';
import { writePidFile } from '../../engine/home/pid-file.ts';
import { processStart } from '../../engine/system/process-table.ts';
import { markStopped } from '../../engine/home/stop-mark.ts';
import type { Did } from '../../engine/record/ids.ts';
import { EventEmitter, keptLog } from '../../test/stubs/vscode.ts';
import { next, settled } from '../testing/editor.ts';
import { Session } from './session.ts';

/** A coordinator in this process, as a session sees it. */
class Hosted implements CoordinatorThread {
  readonly client = new FakeClient({});
  readonly notes: readonly string[] = ['a port was taken'];
  readonly ended: Promise<void>;
  closed = 0;
  stop: () => void = () => undefined;
  fail: (error: Error) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve, reject) => {
      this.stop = resolve;
      this.fail = reject;
    });
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

const HELD = new FleetError('LEASE_HELD', 'another process has the home');
const WRONG = new FleetError('HOME_INVALID', 'the home is none');

describe('a window’s session', () => {
  let folder: string;
  let home: string;
  let session: Session;
  /** The coordinator outside this window that serves the home. */
  let serving: FakeClient | undefined;
  let hosted: Hosted[];
  /** The errors of successive attempts to host. */
  let failures: FleetError[];
  let mayHost: boolean;
  let actor: () => Promise<Did>;
  let looks: EventEmitter<number>;
  let looked: number;
  const log = keptLog();

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-session-'));
    home = join(folder, 'home');
    await mkdir(homePaths(home).runDir, { recursive: true });
    [serving, hosted, failures, mayHost, looked] = [undefined, [], [], true, 0];
    looks = new EventEmitter();
    actor = async () => 'did:sync:user:ada' as Did;
    session = new Session({
      home,
      log,
      actor: () => actor(),
      find: async () => {
        looks.fire((looked += 1));
        return serving;
      },
      host: async () => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        hosted.push(new Hosted());
        return hosted.at(-1)!;
      },
      mayHost: () => mayHost,
      guard: client => client,
    });
  });
  afterEach(async () => {
    await session.close();
    await rm(folder, { recursive: true });
  });

  const when = async (kind: Session['state']['kind']): Promise<void> => {
    if (session.state.kind !== kind) await next(session.onDidChange, () => session.state.kind === kind);
  };
  const start = async (kind: Session['state']['kind']): Promise<void> => {
    session.start();
    await when(kind);
  };
  /** Makes a change in the home that a window notices. */
  const stir = async (): Promise<void> => {
    const look = next(looks.event);
    await writeFile(join(homePaths(home).runDir, 'spl.pid'), String(looked));
    await look;
    await settled();
  };

  it('has no engine, and hosts none, while nobody asks for one', async () => {
    await start('none');
    await stir();
    assert.deepEqual([session.client, session.isHosting, hosted.length], [undefined, false, 0]);
  });

  it('hosts the home once somebody asks, and logs the notes', async () => {
    await start('none');
    const client = await session.open();
    assert.equal(client, hosted[0]!.client);
    assert.deepEqual([session.state.kind, session.isHosting], ['live', true]);
    assert.ok(log.lines.includes('warn a port was taken'));
    assert.equal(await session.open(), client, 'there is one');
  });

  it('is a client of the process that serves the home', async () => {
    serving = new FakeClient({});
    await start('live');
    assert.deepEqual([session.client, session.isHosting, hosted.length], [serving, false, 0]);
  });

  it('finds a process that begins to serve the home, even if nobody asks', async () => {
    await start('none');
    serving = new FakeClient({});
    await stir();
    await when('live');
    assert.equal(session.client, serving);
  });

  it('hosts the home at once if it has orphaned workers', async () => {
    const { pidFile, runDir } = homePaths(workerHome(home, 0));
    await mkdir(runDir, { recursive: true });
    const start_ = processStart(process.pid) ?? '';
    await writePidFile(pidFile, { pid: process.pid, start: start_, endpoint: null, version: '0' });
    await start('live');
    assert.ok(session.isHosting);
  });

  it('requests only a home with a history by itself', async () => {
    await start('none');
    await session.wantHistory();
    await stir();
    assert.equal(session.state.kind, 'none');
    await writeFile(homePaths(home).homeJson, '{}');
    await session.wantHistory();
    await when('live');
  });

  describe('whose engine goes', () => {
    it('takes over if it died', async () => {
      const died = (serving = new FakeClient({}));
      await start('live');
      serving = undefined;
      died.emit(new FleetError('UNREACHABLE', 'nobody answers'));
      await next(session.onDidChange, () => session.isHosting);
      assert.equal(died.closed, 1);
    });

    it('does not if it was asked to stop', async () => {
      const stopped = (serving = new FakeClient({}));
      await start('live');
      serving = undefined;
      await markStopped(homePaths(home), 'all');
      stopped.emit(new FleetError('UNREACHABLE', 'nobody answers'));
      await when('none');
      assert.equal(hosted.length, 0);
    });

    it('has none once its own was asked to stop, and another one on request', async () => {
      await start('none');
      await session.open();
      hosted[0]!.stop();
      await when('none');
      const client = await session.open();
      assert.deepEqual([hosted.length, hosted[0]!.closed, client === hosted[1]!.client], [2, 1, true]);
    });

    it('reports why its own cannot go on, and is a client of the next one', async () => {
      await start('none');
      await session.open();
      hosted[0]!.fail(new FleetError('LOG_POISONED', 'the log cannot be written'));
      await when('down');
      assert.deepEqual([hosted[0]!.closed, session.client], [1, undefined]);
      const { state } = session;
      assert.equal(state.kind === 'down' && state.error.code, 'LOG_POISONED');
      assert.equal(await session.open(), hosted[1]!.client, 'who asks again is answered');
      hosted[1]!.fail(new FleetError('LOG_POISONED', 'the log cannot be written'));
      await when('down');
      serving = new FakeClient({});
      await stir();
      await when('live');
      assert.equal(session.isHosting, false);
    });
  });

  describe('on a home that another process holds', () => {
    it('is its client as soon as it answers', async () => {
      await start('none');
      failures = [HELD];
      const opened = session.open();
      await next(looks.event);
      serving = new FakeClient({});
      assert.equal(await opened, serving);
      assert.deepEqual([session.isHosting, hosted.length], [false, 0]);
    });

    it('hosts it when the other releases it', async () => {
      await start('none');
      failures = [HELD];
      await session.open();
      assert.ok(session.isHosting);
    });
  });

  describe('on a home that cannot be opened', () => {
    it('reports the reason, and does not retry until somebody asks again', async () => {
      await start('none');
      failures = [WRONG, WRONG];
      await assert.rejects(session.open(), { code: 'HOME_INVALID' });
      assert.equal(session.state.kind, 'down');
      await stir();
      await stir();
      assert.deepEqual([session.state.kind, failures.length], ['down', 1], 'it was not opened again');
      await assert.rejects(session.open(), { code: 'HOME_INVALID' });
      session.want();
      await when('live');
      assert.ok(session.isHosting);
    });

    it('reports an invalid configuration, until it is corrected', async () => {
      actor = () => Promise.reject(WRONG);
      await start('down');
      actor = async () => 'did:sync:user:ada' as Did;
      session.want();
      await when('live');
    });

    it('also reports an error that is not a FleetError', async () => {
      actor = () => Promise.reject(new TypeError('this is a fault'));
      await start('down');
      const { state } = session;
      assert.deepEqual(state.kind === 'down' && [state.error.code, state.error.message], [
        'INTERNAL',
        'this is a fault',
      ]);
    });
  });

  describe('in an untrusted folder', () => {
    beforeEach(() => {
      mayHost = false;
    });

    it('hosts nothing, and reports the reason', async () => {
      await start('none');
      await assert.rejects(session.open(), { code: 'SCOPE_FORBIDDEN' });
      session.want();
      await settled();
      assert.deepEqual([session.state.kind, hosted.length], ['none', 0]);
    });

    it('is a client of the process that serves the home, and does not take over', async () => {
      const died = (serving = new FakeClient({}));
      await start('live');
      serving = undefined;
      died.emit(new FleetError('UNREACHABLE', 'nobody answers'));
      await when('none');
      assert.equal(hosted.length, 0);
    });

    it('hosts the home on request once it is trusted', async () => {
      await writeFile(homePaths(home).homeJson, '{}');
      await start('none');
      await session.wantHistory();
      mayHost = true;
      await session.wantHistory();
      await when('live');
      assert.ok(session.isHosting);
    });
  });

  it('releases its engine with its window, and fires no more events', async () => {
    await start('none');
    await session.open();
    let told = 0;
    session.onDidChange(() => (told += 1));
    await session.close();
    assert.deepEqual([hosted[0]!.closed, told], [1, 0]);
  });

  it('closes while it waits for a lease', async () => {
    await start('none');
    failures = Array<FleetError>(100).fill(HELD);
    session.open().catch(() => undefined);
    await when('opening');
    await session.close();
    assert.equal(hosted.length, 0);
  });
});
