import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { OutputRequest } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import { threadOf, type FanOut } from '../../domain/model/state.ts';
import { TestFleet, workerDid } from '../../domain/testing/test-fleet.ts';
import { homePaths } from '../../home/paths.ts';
import { openOutput } from './outputs.ts';
import { openOutputStore, type OutputStore } from './store.ts';
import { Watchers } from '../../contract/watchers.ts';

describe('the output of a subtask', () => {
  let folder: string;
  let fleet: TestFleet;
  let fanOut: FanOut;
  let store: OutputStore;
  let watchers: Watchers;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-outputs-'));
    fleet = new TestFleet();
    const admitted = {
      did: workerDid(0),
      alias: 'worker-a',
      role: 'worker',
      home: folder,
      public_key: '',
    } as const;
    fleet.do(now => fleet.core.admit(admitted, now));
    fleet.beat(0);
    fleet.hello(0);
    fanOut = fleet.fanOut([{ goal: 'a', attempts: 2 }, { goal: 'b' }]);
    store = openOutputStore(homePaths(folder).outputDir, { capBytes: 1024 });
    watchers = new Watchers();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = (changes: Partial<OutputRequest> = {}): ReturnType<typeof openOutput> =>
    openOutput(
      fleet.core,
      {
        task: fanOut.task.alias,
        subtask: 0,
        follow: false,
        signal: new AbortController().signal,
        ...changes,
      },
      options => watchers.add(options),
    );
  /** Tells watchers what the rules did, as the engine does. */
  const tell = (): void =>
    watchers.publish({ kind: 'task', thread: fanOut.task.thread, children: [0], complete: false });

  it('is read from the home of the worker that ran it', async () => {
    const sink = store.sink(threadOf(fanOut, 0), 1);
    await sink.write(Buffer.from('hello\n'));
    await sink.close();
    fleet.report(fanOut, 0);
    const { info, chunks } = await open();
    assert.deepEqual(info, { task: 'T-1', subtask: 0, attempt: 1, worker: 'worker-a', running: false });
    assert.equal(await textOf(chunks), 'hello\n');
  });

  it('is followed until its attempt is over, and nobody watches after that', async () => {
    const { signal } = new AbortController();
    const { info, chunks } = await open({ follow: true, signal });
    assert.ok(info.running);
    assert.equal(watchers.size, 1);
    const text = textOf(chunks);
    const sink = store.sink(threadOf(fanOut, 0), 1);
    await sink.write(Buffer.from('one\n'));
    tell();
    await sink.write(Buffer.from('two\n'));
    await sink.close();
    fleet.report(fanOut, 0, { verdict: 'failed' });
    tell();
    assert.equal(await text, 'one\ntwo\n');
    assert.equal(watchers.size, 0);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('is not followed when it is over already', async () => {
    fleet.report(fanOut, 0);
    const { info, chunks } = await open({ follow: true });
    assert.ok(!info.running);
    assert.equal(await textOf(chunks), '');
    assert.equal(watchers.size, 0);
  });

  it('is let go of when its reader goes', async () => {
    const reader = new AbortController();
    const { chunks } = await open({ follow: true, signal: reader.signal });
    const text = textOf(chunks);
    reader.abort();
    assert.equal(await text, '');
    assert.equal(watchers.size, 0);
  });

  it('is that of the attempt which was asked for, or the latest', async () => {
    const thread = threadOf(fanOut, 0);
    for (const attempt of [1, 2]) {
      const sink = store.sink(thread, attempt);
      await sink.write(Buffer.from(`attempt ${attempt}`));
      await sink.close();
    }
    fleet.report(fanOut, 0, { verdict: 'failed' });
    fleet.pass(1_100);
    fleet.report(fanOut, 1);
    fleet.report(fanOut, 0);
    assert.equal(fanOut.children[0]!.attempt, 2);
    assert.equal(await textOf((await open()).chunks), 'attempt 2');
    assert.equal(await textOf((await open({ attempt: 1 })).chunks), 'attempt 1');
  });

  it('is not there of one that ended without having run, and the answer says why', () => {
    fleet.cancel(fanOut.task, 1);
    assert.throws(() => open({ subtask: 1 }), /subtask 1 of 'T-1' was not run: cancelled by request$/);
  });

  it('is not there where nothing ran, and the answer says what is missing', () => {
    for (const [changes, message] of [
      [{ subtask: 7 }, "task 'T-1' has no subtask 7: it has 2, counted from 0"],
      [{ subtask: 'lint' }, "task 'T-1' has no subtask 'lint'"],
      [{ attempt: 9 }, "subtask 0 of 'T-1' has no attempt 9"],
      [{ subtask: 1 }, "subtask 1 of 'T-1' has not run yet"],
    ] as const)
      assert.throws(
        () => open(changes),
        error => FleetError.is(error, 'NOT_FOUND') && error.message === message,
        message,
      );
    assert.throws(
      () => open({ task: 'T-9' }),
      error => FleetError.is(error, 'NOT_FOUND'),
    );
  });
});

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}
