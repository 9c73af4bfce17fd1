import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import { VERSION } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import {
  asJson,
  TOPIC,
  topicOf,
  type ChildBody,
  type ChildDoneBody,
  type HeartbeatBody,
} from '../../domain/model/record-bodies.ts';
import { ENVIRONMENT_GONE, type DeliveryRef, type ToCoordinator } from '../../domain/model/messages.ts';
import { openHome, type Home } from '../../home/home.ts';
import { MemoryStorage, openMemoryLog, type MemoryLog } from '../../log/memory/memory-log.ts';
import type { ThreadId } from '../../record/ids.ts';
import { seal, type SealedRecord } from '../../record/record.ts';
import { risingClock } from '../clock.ts';
import type { AttemptResult, AttemptSpec, Executor, ExecutorContext, Used } from '../executors/executor.ts';
import type { WorkerPeer } from '../link/accept.ts';
import type { Signed } from '../link/frames.ts';
import { openOutputStore } from '../output/store.ts';
import { Inbox, linkHost, type LinkHost, type LinkHostOptions } from '../testing/link-host.ts';
import { WorkerEngine, type WorkerEngineOptions } from './worker-engine.ts';

const parent = 'th_parent' as ThreadId;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const accepted: AttemptResult = {
  verdict: 'accept',
  reason: null,
  exitCode: 0,
  signal: null,
  summary: 'done',
  costUsd: 0,
  leftGroup: [],
};

/** One run of an executor that does what the test says. */
interface Run {
  readonly spec: AttemptSpec;
  readonly context: ExecutorContext;
  readonly answer: (result: Partial<AttemptResult>) => void;
  readonly fail: (error: unknown) => void;
}

/** An executor whose attempts end when the test says so, or when they are told to. */
class Puppet implements Executor {
  readonly name: string;
  readonly sideEffects: boolean;
  readonly runsCommands = true;
  readonly runs = new Inbox<Run>();
  running = 0;
  most = 0;

  constructor(name: string, sideEffects: boolean) {
    this.name = name;
    this.sideEffects = sideEffects;
  }

  refusal(): null {
    return null;
  }

  start(spec: AttemptSpec, context: ExecutorContext): Promise<AttemptResult> {
    this.running++;
    this.most = Math.max(this.most, this.running);
    return new Promise<AttemptResult>((resolve, reject) => {
      const answer = (result: Partial<AttemptResult>): void => resolve({ ...accepted, ...result });
      context.signal.addEventListener('abort', () =>
        answer({ verdict: 'cancelled', reason: String(context.signal.reason) }),
      );
      this.runs.put({ spec, context, answer, fail: reject });
    }).finally(() => this.running--);
  }
}

const instant: Executor = {
  name: 'instant',
  sideEffects: false,
  runsCommands: false,
  refusal: () => null,
  start: ({ goal }) => ({ ...accepted, summary: goal }),
};

interface Rig {
  readonly host: LinkHost;
  readonly home: Home;
  readonly shell: Puppet;
  readonly slow: Puppet;
  readonly logged: string[];
  readonly storage: MemoryStorage;
}

/** A coordinator's door and a home for a worker; the engine comes by `work`. */
async function rig(options: Partial<LinkHostOptions> = {}): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'spl-worker-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const home = await openHome(join(folder, 'h'), { create: true, version: VERSION });
  const admitted = new Map([[home.key.did, home.key.publicKey]]);
  const host = await linkHost({ admitted, onMessage: permitting, ...options });
  cleanups.push(() => host.close());
  return {
    host,
    home,
    shell: new Puppet('shell', true),
    slow: new Puppet('slow', false),
    logged: [],
    storage: new MemoryStorage(),
  };
}

interface Working {
  readonly engine: WorkerEngine;
  readonly log: MemoryLog;
}

function work(from: Rig, changes: Partial<WorkerEngineOptions> = {}): Working {
  const { host, home, shell, slow, logged, storage } = from;
  const clock = risingClock();
  const engine = new WorkerEngine({
    home,
    alias: 'worker-a',
    slots: 1,
    coordinator: host.key.did,
    address: () => Promise.resolve({ socketPath: host.socketPath }),
    executors: new Map<string, Executor>([shell, slow, instant].map(each => [each.name, each])),
    output: openOutputStore(home.paths.outputDir, { capBytes: 1024 }),
    clock,
    logger: { info: message => logged.push(message), error: message => logged.push(message) },
    idleExitMs: 60_000,
    ...changes,
  });
  const log = openMemoryLog({
    storage,
    now: () => clock.now(),
    reader: { restore: checkpoint => engine.restore(checkpoint), visit: record => engine.replay(record) },
  });
  engine.start(log, null);
  cleanups.push(() => engine.close());
  return { engine, log };
}

function intent(
  { host, home }: Rig,
  index: number,
  executor: string,
  changes: Partial<ChildBody> = {},
): SealedRecord {
  const body: ChildBody = {
    topic: TOPIC.child,
    goal: `goal ${index}`,
    parent_thread: parent,
    task: 'T',
    index,
    attempt: 1,
    worker: home.key.did,
    executor,
    timeout_secs: 600,
    ...changes,
  };
  return seal({
    act: 'INTEND',
    actor: host.key.did,
    body: asJson(body),
    clock: 0,
    data_type: 'SCALAR',
    parents: [],
    thread: `th_child_${index}` as ThreadId,
  });
}

const ref = (index: number): DeliveryRef => ({ thread: parent, index, delivery: 0 });
const isOf =
  <T extends ToCoordinator['type']>(type: T) =>
  (message: Signed<ToCoordinator>): message is Signed<Extract<ToCoordinator, { type: T }>> =>
    message.type === type;
const hello = isOf('hello');
const reported = isOf('report');
const returned = isOf('returned');
const started = isOf('started');

const bodiesOf = (message: { readonly records: readonly SealedRecord[] }): ChildDoneBody[] =>
  message.records.map(({ record }) => record.body as unknown as ChildDoneBody);

/** Answers, as a coordinator does, that nothing is frozen. */
function permitting(peer: WorkerPeer, message: Signed<ToCoordinator>): void {
  if (message.type === 'hello' || message.type === 'ask')
    peer.send({ type: 'permit', asOf: message.at, frozen: [] });
}

/** Connected, its `hello` taken. */
async function connected({ host }: Rig): Promise<WorkerPeer> {
  const peer = await host.opened.next();
  await host.messages.nextOf(hello);
  return peer;
}

describe('a worker', () => {
  it('runs an attempt in the environment that it was submitted in, and gives back one whose environment is gone', async () => {
    const it = await rig();
    work(it, { environmentOf: name => Promise.resolve(name === 'kept' ? { MINE: 'yes' } : undefined) });
    const peer = await it.host.opened.next();
    await it.host.messages.nextOf(hello);
    peer.send({
      type: 'deliver',
      records: [
        intent(it, 0, 'shell', { environment: 'gone' }),
        intent(it, 1, 'shell', { environment: 'kept', env: { A: '1' } }),
      ],
    });
    const back = await it.host.messages.nextOf(returned);
    assert.deepEqual([back.deliveries, back.reason, back.begun], [[ref(0)], ENVIRONMENT_GONE, false]);
    const { spec, answer } = await it.shell.runs.next();
    assert.deepEqual([spec.index, spec.environment, spec.env], [1, { MINE: 'yes' }, { A: '1' }]);
    answer({});
    await it.host.messages.nextOf(reported);
  });

  it('says that it lives, what it holds, and how its deliveries ended', async () => {
    const from = await rig();
    const { log } = work(from);
    const peer = await from.host.opened.next();
    const beat = await from.host.messages.next();
    assert.equal(beat.type, 'heartbeat');
    const body = (beat as { record: SealedRecord }).record.record.body as unknown as HeartbeatBody;
    assert.equal(body.did, from.home.key.did);
    assert.deepEqual([body.health, body.slots, body.pid], ['healthy', 1, process.pid]);
    const greeting = await from.host.messages.nextOf(hello);
    assert.deepEqual(greeting.held, []);
    assert.ok(Math.abs(greeting.at - Date.now()) < 10_000, 'it says its time');

    const intents = [intent(from, 0, 'instant'), intent(from, 1, 'instant')];
    peer.send({ type: 'deliver', records: intents });
    const report = await from.host.messages.nextOf(reported);
    assert.equal(report.first, 0);
    assert.deepEqual(
      bodiesOf(report).map(({ index, verdict, summary, delivery, attempt }) => [
        index,
        verdict,
        summary,
        delivery,
        attempt,
      ]),
      [
        [0, 'accept', 'goal 0', 0, 1],
        [1, 'accept', 'goal 1', 0, 1],
      ],
    );
    // What was sent is in its own log, with the INTENDs and its own KNOWs.
    assert.equal(log.end, 6);
    for (const { record } of [...intents, ...report.records]) assert.ok(log.find(record.id)! < log.end);
  });

  it('begins what may change the world only when its beginning is written down', async () => {
    const from = await rig();
    const { log } = work(from);
    const peer = await connected(from);
    peer.send({ type: 'deliver', records: [intent(from, 0, 'shell', { run: 'true', dir: '/', hint: 'h' })] });
    const run = await from.shell.runs.next();
    assert.deepEqual(
      from.storage.records.map(({ record }) => topicOf(record)),
      [TOPIC.child, TOPIC.childStarted],
    );
    assert.equal(log.end, 2);
    const { id, ...spec } = run.spec;
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(spec, {
      thread: 'th_child_0',
      attempt: 1,
      index: 0,
      task: 'T',
      goal: 'goal 0',
      run: 'true',
      errexit: false,
      dir: '/',
      timeoutMs: 600_000,
      hint: 'h',
      inputs: null,
      outputs: null,
      isolation: 'folder',
      depends: [],
      results: {},
      session: null,
      earlierBranch: null,
      env: {},
      environment: null,
      name: null,
      executor: 'shell',
      budget_usd: null,
      budget_tokens: null,
      budget_secs: null,
    });
    assert.deepEqual((await from.host.messages.nextOf(started)).deliveries, [ref(0)]);
    run.answer({ verdict: 'failed', exitCode: 3, reason: 'exit 3' });
    const [done] = bodiesOf(await from.host.messages.nextOf(reported));
    assert.deepEqual([done!.verdict, done!.exit_code, done!.reason], ['failed', 3, 'exit 3']);
  });

  it('reports what only some executors tell, and nothing of it where they do not', async () => {
    const from = await rig();
    work(from, { slots: 2 });
    const peer = await connected(from);
    peer.send({ type: 'deliver', records: [intent(from, 0, 'slow'), intent(from, 1, 'slow')] });
    const tree = { branch: 'b', base: 'c', dir: '/w' };
    const told = { tokens: 12, session: 's', quota: { resetsAtUnix: 99 }, work: tree };
    (await from.slow.runs.next()).answer({ verdict: 'failed', ...told });
    const [first] = bodiesOf(await from.host.messages.nextOf(reported));
    assert.deepEqual(
      [first!.tokens, first!.session, first!.quota, first!.work],
      [12, 's', { resets_at_unix: 99 }, tree],
    );
    (await from.slow.runs.next()).answer({ quota: {} });
    const [second] = bodiesOf(await from.host.messages.nextOf(reported));
    assert.deepEqual(second!.quota, {});
    for (const member of ['tokens', 'session', 'work']) assert.ok(!(member in second!), member);
  });

  describe('ends an attempt that passes its share of a budget, and keeps what it told:', () => {
    const budgeted = (from: Rig, changes: Partial<ChildBody>): SealedRecord =>
      intent(from, 0, 'slow', changes);
    const cases: readonly [string, Partial<ChildBody>, Used[], string][] = [
      ['dollars', { budget_usd: 0.5 }, [{ costUsd: 0.5 }, { costUsd: 0.75 }], 'passed its budget of $0.50'],
      ['tokens', { budget_tokens: 10 }, [{ tokens: 10 }, { tokens: 11 }], 'passed its budget of 10 tokens'],
      ['seconds', { budget_secs: 0.05 }, [], 'passed its budget of 0.05s'],
    ];
    for (const [currency, share, told, reason] of cases) {
      it(currency, async () => {
        const from = await rig();
        work(from);
        const peer = await connected(from);
        peer.send({ type: 'deliver', records: [budgeted(from, share)] });
        const { context } = await from.slow.runs.next();
        for (const used of told) {
          assert.ok(!context.signal.aborted, 'what it takes up to its share is its own');
          context.used(used);
        }
        const [done] = bodiesOf(await from.host.messages.nextOf(reported));
        assert.deepEqual([done!.verdict, done!.reason], ['failed', reason]);
        const { costUsd = 0, tokens } = told.at(-1) ?? {};
        assert.deepEqual([done!.cost_usd, done!.tokens], [costUsd, tokens]);
      });
    }
  });

  describe('watches what may change the world for signs of life, and', () => {
    const stalled = isOf('stalled');
    const watched = async (policy: 'notify' | 'end') => {
      const from = await rig();
      work(from, { stall: { afterMs: 60, policy } });
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [intent(from, 0, 'shell', { run: 'true' })] });
      return { from, run: await from.shell.runs.next() };
    };

    it('tells when there is none and when there is one again, also to a coordinator that comes back', async () => {
      const { from, run } = await watched('notify');
      const first = await from.host.messages.nextOf(stalled);
      assert.deepEqual(first.deliveries, [ref(0)]);
      assert.ok(first.silentMs! >= 60);
      from.host.sockets[0]!.destroy();
      await from.host.opened.next();
      assert.ok((await from.host.messages.nextOf(stalled)).silentMs! >= first.silentMs!);
      await run.context.output.write(Buffer.from('here I am'));
      assert.equal((await from.host.messages.nextOf(stalled)).silentMs, null);
      assert.ok(!run.context.signal.aborted, 'it is told of, and no more');
      run.answer({});
      assert.equal(bodiesOf(await from.host.messages.nextOf(reported))[0]!.verdict, 'accept');
    });

    it('ends one that shows none, where that is the policy', async () => {
      const { from } = await watched('end');
      const [done] = bodiesOf(await from.host.messages.nextOf(reported));
      assert.equal(done!.verdict, 'failed');
      assert.match(done!.reason!, /^stalled: no sign of life for 0\.\d+s$/);
    });
  });

  it('lets what an attempt said stand that was done when its budget was passed', async () => {
    const from = await rig();
    work(from);
    const peer = await connected(from);
    peer.send({ type: 'deliver', records: [intent(from, 0, 'slow', { budget_usd: 1 })] });
    const run = await from.slow.runs.next();
    run.answer({ verdict: 'accept', costUsd: 0.25 });
    run.context.used({ costUsd: 2 });
    const [done] = bodiesOf(await from.host.messages.nextOf(reported));
    assert.deepEqual([done!.verdict, done!.cost_usd], ['accept', 2]);
  });

  it('runs as many at a time as it has slots, and each delivery once, however often it comes', async () => {
    const from = await rig();
    work(from, { slots: 2 });
    const peer = await connected(from);
    const intents = Array.from({ length: 5 }, (_, i) => intent(from, i, 'slow'));
    peer.send({ type: 'deliver', records: intents });
    peer.send({ type: 'deliver', records: intents });
    const order: number[] = [];
    for (let i = 0; i < 5; i++) {
      const run = await from.slow.runs.next();
      order.push(run.spec.index);
      run.answer({});
      peer.send({ type: 'deliver', records: [intents[run.spec.index]!] });
    }
    for (let got = 0; got < 5;) got += (await from.host.messages.nextOf(reported)).records.length;
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    assert.equal(from.slow.most, 2);
    assert.deepEqual(from.slow.runs.take(), []);
  });

  it('reports again, with the same numbers, what was not acknowledged when the link broke', async () => {
    const from = await rig();
    work(from);
    const peer = await connected(from);
    peer.send({ type: 'deliver', records: [0, 1, 2].map(i => intent(from, i, 'instant')) });
    const first = await from.host.messages.nextOf(reported);
    assert.equal(first.records.length, 3);
    peer.send({ type: 'ack', upTo: 1 });
    // In order behind the acknowledgement, so that it is known to be taken.
    peer.send({ type: 'deliver', records: [intent(from, 3, 'instant')] });
    const fourth = await from.host.messages.nextOf(reported);
    assert.equal(fourth.first, 3);
    from.host.sockets[0]!.destroy();
    await from.host.closed.next();

    await from.host.opened.next();
    const { held } = await from.host.messages.nextOf(hello);
    assert.deepEqual(held, [ref(1), ref(2), ref(3)]);
    const again = await from.host.messages.nextOf(reported);
    assert.equal(again.first, 1);
    assert.deepEqual(
      again.records.map(({ record }) => record.id),
      [...first.records.slice(1), ...fourth.records].map(({ record }) => record.id),
    );
  });

  it('goes on without its coordinator, and tells it when it is back', async () => {
    const from = await rig();
    work(from);
    const peer = await connected(from);
    peer.send({ type: 'deliver', records: [intent(from, 0, 'slow'), intent(from, 1, 'slow')] });
    const run = await from.slow.runs.next();
    from.host.sockets[0]!.destroy();
    await from.host.closed.next();
    run.answer({});
    await from.host.opened.next();
    assert.deepEqual((await from.host.messages.nextOf(hello)).held, [ref(0), ref(1)]);
    assert.deepEqual(
      bodiesOf(await from.host.messages.nextOf(reported)).map(({ index }) => index),
      [0],
    );
    // What waited begins now.
    assert.equal((await from.slow.runs.next()).spec.index, 1);
  });

  describe('told to', () => {
    it('cancel, ends what runs and what waits, and reports both with the reason', async () => {
      const from = await rig();
      work(from);
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [intent(from, 0, 'slow'), intent(from, 1, 'slow')] });
      await from.slow.runs.next();
      peer.send({ type: 'cancel', deliveries: [ref(0), ref(1), ref(7)], reason: 'not needed' });
      const ended: ChildDoneBody[] = [];
      while (ended.length < 2) ended.push(...bodiesOf(await from.host.messages.nextOf(reported)));
      assert.deepEqual(ended.map(({ index, verdict, reason }) => [index, verdict, reason]).sort(), [
        [0, 'cancelled', 'not needed'],
        [1, 'cancelled', 'not needed'],
      ]);
      assert.deepEqual(from.slow.runs.take(), []);
    });

    it('recall, gives back what has not begun, and only that', async () => {
      const from = await rig();
      work(from);
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [intent(from, 0, 'slow'), intent(from, 1, 'slow')] });
      const run = await from.slow.runs.next();
      peer.send({ type: 'recall', deliveries: [ref(0), ref(1)] });
      const back = await from.host.messages.nextOf(returned);
      assert.deepEqual(back.deliveries, [ref(1)]);
      run.answer({});
      assert.deepEqual(
        bodiesOf(await from.host.messages.nextOf(reported)).map(({ index }) => index),
        [0],
      );
      // It may come again.
      peer.send({ type: 'deliver', records: [intent(from, 1, 'slow')] });
      assert.equal((await from.slow.runs.next()).spec.index, 1);
    });

    it('fence, ends what runs and says nothing of it', async () => {
      const from = await rig();
      work(from);
      const peer = await connected(from);
      peer.send({
        type: 'deliver',
        records: [intent(from, 0, 'slow'), intent(from, 1, 'slow'), intent(from, 2, 'instant')],
      });
      const run = await from.slow.runs.next();
      peer.send({ type: 'fence', deliveries: [ref(0), ref(1)] });
      const report = await from.host.messages.nextOf(reported);
      assert.deepEqual(
        bodiesOf(report).map(({ index }) => index),
        [2],
      );
      assert.ok(run.context.signal.aborted);
      assert.deepEqual(from.slow.runs.take(), []);
    });

    it('stop, finishes what runs, hands back the rest and leaves', async () => {
      const from = await rig();
      const { engine } = work(from);
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [intent(from, 0, 'shell'), intent(from, 1, 'shell')] });
      const run = await from.shell.runs.next();
      await from.host.messages.nextOf(started);
      peer.send({ type: 'stop', graceMs: 60_000 });
      // It says that it drains before it hands anything back.
      const beat = await from.host.messages.next();
      assert.ok(beat.type === 'heartbeat' && beat.record.record.body['health'] === 'draining');
      assert.deepEqual(await from.host.messages.next(), {
        type: 'returned',
        deliveries: [ref(1)],
        reason: 'the worker is stopping',
        begun: false,
      });
      peer.send({ type: 'deliver', records: [intent(from, 2, 'shell')] });
      assert.deepEqual((await from.host.messages.nextOf(returned)).deliveries, [ref(2)]);
      run.answer({});
      const report = await from.host.messages.nextOf(reported);
      peer.send({ type: 'ack', upTo: report.first + 1 });
      assert.equal(await engine.ended, 'stopped');
      await from.host.closed.next();
      assert.deepEqual(from.host.opened.take(), [], 'it came back');
    });

    it('stop, hands back at the end of the grace what still runs', async () => {
      const from = await rig();
      const { engine, log } = work(from);
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [intent(from, 0, 'shell')] });
      const run = await from.shell.runs.next();
      peer.send({ type: 'stop', graceMs: 20 });
      const back = await from.host.messages.nextOf(returned);
      assert.deepEqual(back.deliveries, [ref(0)]);
      assert.equal(run.context.signal.reason, 'the worker is stopping');
      assert.equal(await engine.ended, 'stopped');
      const topics = from.storage.records.slice(0, log.end).map(({ record }) => topicOf(record));
      assert.ok(!topics.includes(TOPIC.childDone));
    });

    it('stop at once, does not wait for the grace that it was given before', async () => {
      const from = await rig();
      const { engine } = work(from);
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [intent(from, 0, 'shell')] });
      await from.shell.runs.next();
      peer.send({ type: 'stop', graceMs: 3_600_000 });
      await from.host.messages.nextOf(isOf('heartbeat'));
      engine.stop(10);
      engine.stop(3_600_000);
      assert.deepEqual((await from.host.messages.nextOf(returned)).deliveries, [ref(0)]);
      assert.equal(await engine.ended, 'stopped');
    });
  });

  describe('survives an executor that', () => {
    for (const [what, start] of [
      [
        'throws',
        () => {
          throw new Error('no such luck');
        },
      ],
      ['rejects', () => Promise.reject(new Error('no such luck'))],
    ] as const) {
      it(what, async () => {
        const from = await rig();
        const broken: Executor = {
          name: 'broken',
          sideEffects: true,
          runsCommands: true,
          refusal: () => null,
          start,
        };
        const executors = new Map<string, Executor>([broken, instant].map(each => [each.name, each]));
        work(from, { executors });
        const peer = await connected(from);
        peer.send({ type: 'deliver', records: [intent(from, 0, 'broken'), intent(from, 1, 'instant')] });
        const ended: ChildDoneBody[] = [];
        while (ended.length < 2) ended.push(...bodiesOf(await from.host.messages.nextOf(reported)));
        assert.deepEqual(
          ended.map(({ index, verdict, reason }) => [index, verdict, reason ?? null]),
          [
            [0, 'failed', 'the executor broke: no such luck'],
            [1, 'accept', null],
          ],
        );
      });
    }

    it('prints what can’t be written down, or without end', async () => {
      const from = await rig();
      work(from);
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [intent(from, 0, 'slow')] });
      (await from.slow.runs.next()).answer({
        verdict: 'failed',
        summary: 'half \ud83d',
        reason: 'x'.repeat(100_000),
        leftGroup: ['1 \udc00'],
      });
      const [done] = bodiesOf(await from.host.messages.nextOf(reported));
      assert.deepEqual(
        [done!.summary, done!.reason!.length, done!.left_group],
        ['half \ufffd', 65_536, ['1 \ufffd']],
      );
    });

    describe('tells what nobody can count or use:', () => {
      const long = 'x'.repeat(5_000);
      const cases: readonly [
        string,
        Partial<AttemptResult>,
        Partial<Record<keyof ChildDoneBody, unknown>>,
      ][] = [
        ['a cost', { costUsd: 1e308 }, { cost_usd: 9_007_199_254 }],
        ['a negative cost', { costUsd: -1 }, { cost_usd: 0 }],
        ['a cost that is no number', { costUsd: Number.NaN }, { cost_usd: 0 }],
        ['tokens', { tokens: Number.POSITIVE_INFINITY }, { tokens: 9_007_199_254 }],
        ['a time before all time', { quota: { resetsAtUnix: -62_135_596_800 } }, { quota: {} }],
        ['a time after all time', { quota: { resetsAtUnix: 1e20 } }, { quota: {} }],
        ['a conversation that no command can name', { session: 'a\0b' }, { session: undefined }],
        ['a conversation without end', { session: long }, { session: undefined }],
        ['a process without end', { leftGroup: [long] }, { left_group: ['x'.repeat(4_096)] }],
        ['processes without end', { leftGroup: Array<string>(1_001).fill('1 x') }, {}],
      ];
      for (const [what, told, expected] of cases) {
        it(what, async () => {
          const from = await rig();
          work(from);
          const peer = await connected(from);
          peer.send({ type: 'deliver', records: [intent(from, 0, 'slow')] });
          (await from.slow.runs.next()).answer({ verdict: 'failed', ...told });
          const [done] = bodiesOf(await from.host.messages.nextOf(reported));
          for (const [member, value] of Object.entries(expected))
            assert.deepEqual(done![member as keyof ChildDoneBody], value, member);
        });
      }
    });

    it('it does not have', async () => {
      const from = await rig();
      work(from);
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [intent(from, 0, 'quantum')] });
      const [done] = bodiesOf(await from.host.messages.nextOf(reported));
      assert.deepEqual([done!.verdict, done!.reason], ['failed', "this worker has no executor 'quantum'"]);
    });
  });

  describe('after a restart', () => {
    it('reports what it had finished, and what was running as lost; what only waited it has forgotten', async () => {
      const from = await rig();
      const before = work(from, { slots: 2 });
      const peer = await connected(from);
      peer.send({ type: 'deliver', records: [0, 1, 2, 3].map(i => intent(from, i, 'shell')) });
      await from.shell.runs.next();
      (await from.shell.runs.next()).answer({});
      const report = await from.host.messages.nextOf(reported);
      await from.shell.runs.next();
      // Without a checkpoint, its log is as that of a process which was killed.
      await before.engine.close();
      from.storage.checkpoint = undefined;
      await from.host.closed.next();
      from.host.messages.take();
      const again = work({ ...from, shell: new Puppet('shell', true) });
      await from.host.opened.next();
      const { held } = await from.host.messages.nextOf(hello);
      assert.deepEqual(held.map(({ index }) => index).sort(), [0, 1, 2]);
      const ended = bodiesOf(await from.host.messages.nextOf(reported));
      assert.deepEqual(
        ended
          .map(({ index, verdict, reason, lost }) => [index, verdict, reason ?? null, lost ?? false])
          .sort(),
        [
          [0, 'failed', 'worker died', true],
          [1, 'accept', null, false],
          [2, 'failed', 'worker died', true],
        ],
      );
      assert.ok(again.log.find(report.records[0]!.record.id) !== undefined);
    });

    it('reports nothing that was acknowledged, also from a checkpoint', async () => {
      for (const checkpoint of [false, true]) {
        const from = await rig();
        const before = work(from);
        const peer = await connected(from);
        peer.send({ type: 'deliver', records: [0, 1].map(i => intent(from, i, 'instant')) });
        await from.host.messages.nextOf(reported);
        peer.send({ type: 'ack', upTo: 1 });
        peer.send({ type: 'stop', graceMs: 0 });
        peer.send({ type: 'ack', upTo: 2 });
        assert.equal(await before.engine.ended, 'stopped');
        await before.engine.close();
        if (!checkpoint) from.storage.checkpoint = undefined;
        else assert.equal(from.storage.checkpoint?.position, from.storage.records.length);
        work(from);
        const later = await from.host.opened.next();
        assert.deepEqual((await from.host.messages.nextOf(hello)).held, []);
        later.send({ type: 'deliver', records: [intent(from, 2, 'instant')] });
        const report = await from.host.messages.nextOf(reported);
        assert.equal(report.first, 2);
        assert.deepEqual(
          bodiesOf(report).map(({ index }) => index),
          [2],
        );
      }
    });
  });

  it('tells nobody what it could not write, and ends', async () => {
    const from = await rig();
    const { engine } = work(from);
    const peer = await connected(from);
    from.storage.nextFailure = new Error('the disk is full');
    peer.send({ type: 'deliver', records: [intent(from, 0, 'instant'), intent(from, 1, 'shell')] });
    await assert.rejects(engine.ended, error => FleetError.is(error, 'LOG_POISONED'));
    await engine.close();
    await from.host.closed.next();
    assert.deepEqual(from.host.messages.take().filter(reported), []);
    assert.deepEqual(from.shell.runs.take(), []);
  });

  it('ends by itself without a coordinator and without work, and not before', async () => {
    const from = await rig();
    const { engine } = work(from, { idleExitMs: 30 });
    const peer = await connected(from);
    peer.send({ type: 'deliver', records: [intent(from, 0, 'slow')] });
    const run = await from.slow.runs.next();
    await from.host.close();
    let isOver = false;
    void engine.ended.then(() => (isOver = true));
    await new Promise(resolve => setTimeout(resolve, 150));
    assert.equal(isOver, false, 'it left what was running');
    run.answer({});
    assert.equal(await engine.ended, 'no coordinator, and nothing to do');
  });

  it('pauses longer and longer before a coordinator that breaks the link at once, and complains once', async () => {
    const from = await rig();
    work(from);
    const until = performance.now() + 600;
    let links = 0;
    while (performance.now() < until) {
      (await from.host.opened.next()).close();
      links++;
    }
    // After 20, 40, 80, 160 and 320 ms.
    assert.ok(links <= 7, `${links} links in 600 ms`);
    from.host.sockets.at(-1)!.destroy();
    const other = await rig({ admitted: new Map() });
    work(other);
    for (let i = 0; i < 4; i++)
      assert.match(await other.host.refused.next(), /does not belong to this fleet/);
    assert.equal(other.logged.filter(line => line.includes('does not belong to this fleet')).length, 1);
  });

  it('closes while it dials, and while it works', async () => {
    const mute = await rig({ upgrade: () => {} });
    const dialling = work(mute);
    while (mute.host.sockets.length === 0) await new Promise(resolve => setImmediate(resolve));
    await dialling.engine.close();

    const from = await rig();
    const { engine } = work(from);
    const peer = await connected(from);
    peer.send({ type: 'deliver', records: [intent(from, 0, 'shell'), intent(from, 1, 'shell')] });
    const run = await from.shell.runs.next();
    await engine.close();
    assert.ok(run.context.signal.aborted);
    assert.equal(from.shell.running, 0);
    await from.host.closed.next();
    assert.deepEqual(from.shell.runs.take(), [], 'it began another');
    // How it ended is not recorded: it was this worker that ended it.
    assert.ok(from.storage.records.every(({ record }) => topicOf(record) !== TOPIC.childDone));
  });

  it('gives what an attempt prints, as it prints it', async () => {
    const from = await rig();
    const { engine } = work(from);
    const peer = await connected(from);
    peer.send({ type: 'deliver', records: [intent(from, 0, 'shell')] });
    const run = await from.shell.runs.next();
    const { signal } = new AbortController();
    const request = { task: 'th_child_0', subtask: 0, follow: true, signal };
    const { info, chunks } = await engine.output(request);
    assert.deepEqual([info.running, info.worker, info.attempt], [true, 'worker-a', 1]);
    void run.context.output.write(Buffer.from('one\n')).then(() => {
      void run.context.output.write(Buffer.from('two\n'));
      run.answer({});
    });
    assert.equal(await textOf(chunks), 'one\ntwo\n');
    const [done] = bodiesOf(await from.host.messages.nextOf(reported));
    assert.equal(done!.output?.size, 8);
    const later = await engine.output(request);
    assert.equal(later.info.running, false);
    assert.equal(await textOf(later.chunks), 'one\ntwo\n');
  });

  it('answers for its health, and for nothing else', async () => {
    const from = await rig();
    const { engine } = work(from);
    const health = await engine.report('health');
    assert.deepEqual([health.status, health.role, health.did], ['ok', 'worker', from.home.key.did]);
    await assert.rejects(engine.report('tasks'), error => FleetError.is(error, 'NOT_FOUND'));
  });
});

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}
