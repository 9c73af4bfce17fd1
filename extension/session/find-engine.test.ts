import assert from 'node:assert/strict';
import { once as eventOf } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { serveApi } from '../../engine/http/server.ts';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { FakeEngine } from '../../engine/http/testing/fake-engine.ts';
import { FleetError } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import type { Did } from '../../engine/record/ids.ts';
import { findEngine, homeExists, untilGone } from './find-engine.ts';
import { watchForCoordinator } from './home-watch.ts';
import { once } from './once.ts';

const NEVER = new AbortController().signal;
const ADA = 'did:sync:user:ada' as Did;

describe('a home on this machine', () => {
  let folder: string;
  let home: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-find-'));
    home = join(folder, 'home');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('has an engine if one answers at its socket, with the person as the actor', async () => {
    assert.equal(await findEngine(home, ADA, NEVER), undefined);
    await mkdir(homePaths(home).runDir, { recursive: true });
    const engine = new FakeEngine();
    const api = await serveApi({ engine, socketPath: homePaths(home).socket, tcp: null });
    const client = await findEngine(home, ADA, NEVER);
    await client!.submit('task.cancel', { task: 'A', subtask: null, reason: null });
    assert.equal(engine.calls.at(-1)?.context?.actor, ADA);
    await client!.close();
    await api.close();
  });

  it('reports a coordinator that hangs, within the time limit', async () => {
    await mkdir(homePaths(home).runDir, { recursive: true });
    const hung = createServer().listen(homePaths(home).socket);
    await eventOf(hung, 'listening');
    const found = assert.rejects(findEngine(home, ADA, NEVER, 500), { code: 'TIMED_OUT' });
    await eventOf(hung, 'connection');
    // Collects garbage: a time-out without a reference would not fire.
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    await found;
    hung.close();
  });

  it('reports an error of the coordinator', async () => {
    await mkdir(homePaths(home).runDir, { recursive: true });
    const engine = new FakeEngine();
    engine.failure = new FleetError('INTERNAL', 'a fault');
    const api = await serveApi({ engine, socketPath: homePaths(home).socket, tcp: null });
    await assert.rejects(findEngine(home, ADA, NEVER), { code: 'INTERNAL' });
    await api.close();
  });

  it('exists once it was created', async () => {
    assert.equal(await homeExists(home), false);
    await mkdir(home);
    assert.equal(await homeExists(home), false);
    await writeFile(homePaths(home).homeJson, '{}');
    assert.equal(await homeExists(home), true);
  });

  it('reports a process that begins to serve it', async () => {
    await mkdir(homePaths(home).runDir, { recursive: true });
    const watch = watchForCoordinator(home);
    await writeFile(homePaths(home).pidFile, '');
    await watch.stirred;
  });

  it('reports its creation, also with the folders above it', async () => {
    const deep = join(folder, 'not', 'there', 'yet');
    const watch = watchForCoordinator(deep);
    await mkdir(deep, { recursive: true });
    await watch.stirred;
  });

  it('reports nothing after disposal', async () => {
    await mkdir(homePaths(home).runDir, { recursive: true });
    const [left, stays] = [watchForCoordinator(home), watchForCoordinator(home)];
    let stirred = false;
    void left.stirred.then(() => (stirred = true));
    left.dispose();
    left.dispose();
    await writeFile(homePaths(home).pidFile, '');
    await stays.stirred;
    assert.equal(stirred, false);
  });
});

describe('an engine that is watched', () => {
  it('is gone when it no longer answers', async () => {
    const client = new FakeClient({});
    const gone = untilGone(client, NEVER);
    client.emit({ kind: 'instance', did: 'any' });
    client.emit(new FleetError('UNREACHABLE', 'nobody answers'));
    await gone;
  });

  it('does not hide a fault', async () => {
    const client = new FakeClient({});
    const gone = untilGone(client, NEVER);
    client.emit(new TypeError('a fault'));
    await assert.rejects(gone, TypeError);
  });
});

describe('a value that is created once', () => {
  it('is the same for all callers, also during its creation', async () => {
    let made = 0;
    const make = once(async () => ({ number: (made += 1) }));
    const [first, second] = await Promise.all([make(), make()]);
    assert.ok(first === second && first === (await make()));
  });

  it('is created again after a failure', async () => {
    let tries = 0;
    const make = once(async () => {
      tries += 1;
      if (tries === 1) throw new Error('not yet');
      return tries;
    });
    await assert.rejects(make(), /not yet/);
    assert.equal(await make(), 2);
  });
});
