import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, it } from 'mocha';
import type { FanOutRequest } from '../../contract/commands.ts';
import { VERSION, type CallContext, type EngineEvent } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import { TOPIC, type JoinBody } from '../../domain/model/record-bodies.ts';
import { Coordinator } from '../../domain/coordinator/coordinator.ts';
import { ENVIRONMENT_GONE } from '../../domain/model/messages.ts';
import { openHome } from '../../home/home.ts';
import { workerHome } from '../../home/paths.ts';
import { writePidFile } from '../../home/pid-file.ts';
import { processStart } from '../../system/process-table.ts';
import type { Log } from '../../log/log.ts';
import type { ThreadId } from '../../record/ids.ts';
import type { SealedRecord } from '../../record/record.ts';
import { readEnvironment } from './environments.ts';
import { echoExecutor } from '../executors/echo.ts';
import { CALLER, CoordinatorRig, RawWorker, type RigOptions } from '../testing/coordinator-rig.ts';
import { identify, rawPeer } from '../testing/raw-peer.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../../contract/testing/requests.ts';

const rigs: CoordinatorRig[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

async function open(options: RigOptions = {}): Promise<CoordinatorRig> {
  const rig = await CoordinatorRig.open(options);
  rigs.push(rig);
  return rig;
}

/** A started engine with one connected worker. */
async function fleet(options: RigOptions = {}): Promise<{ rig: CoordinatorRig; worker: RawWorker }> {
  const rig = await open(options);
  const key = await rig.admit('a');
  await rig.engine.start(null);
  return { rig, worker: await rig.connect(key) };
}

/** Opens a fan-out with this number of subtasks. @returns its task */
async function fanOut(
  rig: CoordinatorRig,
  subtasks: number,
  changes: Partial<FanOutRequest> = {},
  context: CallContext = CALLER,
): Promise<string> {
  const { alias } = await rig.engine.submit('task.add', BARE_TASK, CALLER);
  const list = Array.from({ length: subtasks }, (_, i) => ({ goal: `goal ${i}` }));
  await rig.engine.submit(
    'task.fan-out',
    { task: alias, ...BARE_FAN_OUT, subtasks: list, ...changes },
    context,
  );
  return alias;
}

/** Waits for a record of this topic. */
async function written(rig: CoordinatorRig, topic: string): Promise<void> {
  const end = new AbortController();
  for await (const event of rig.engine.watch({ after: -1, kinds: ['record'], signal: end.signal }))
    if (event.kind === 'record' && event.record.body['topic'] === topic) return end.abort();
}

const joinOf = (rig: CoordinatorRig, task: string) => rig.engine.report('join', { task, summary: false });

/** Accepts deliveries and reports each, until all have ended. */
async function runAll(
  worker: RawWorker,
  subtasks: number,
  by = (intent: SealedRecord) => worker.reportOf(intent),
): Promise<void> {
  for (let first = 0; first < subtasks;) {
    const records = (await worker.delivered()).map(by);
    worker.send({ type: 'report', first, records });
    first += records.length;
    while (Number((await worker.next('ack'))['upTo']) < first);
  }
}

describe('a coordinator', () => {
  it('assigns subtasks, counts the reports and joins once', async () => {
    const { rig, worker } = await fleet();
    const task = await fanOut(rig, 40, { join: 'k_of_n:40' });
    await runAll(worker, 40);
    const join = await joinOf(rig, task);
    assert.deepEqual([join.complete, join.outcome, join.counts.accepted], [true, 'satisfied', 40]);
    const [record, another] = rig.recordsOf(TOPIC.join);
    assert.equal(another, undefined);
    assert.equal((record!.body as unknown as JoinBody).children.length, 40);
    // The worker's signature is stored with the reports.
    const kept = [...rig.storage.signatures.values()].filter(({ by }) => by === worker.key.did);
    assert.ok(kept.length > 0);
  });

  describe('stores the environment of the submitter', () => {
    const inShell = (value: string): CallContext => ({
      ...CALLER,
      environment: { SHELLS_OWN: `value-${value}` },
    });
    const subtasks = [{ goal: 'a', run: 'true' }];
    const environmentIn = (rig: CoordinatorRig, { record }: SealedRecord) =>
      readEnvironment(rig.home.paths, record.body['environment'] as string);
    const kept = (rig: CoordinatorRig) => readdir(rig.home.paths.environmentsLink);

    it('until the last round that needs it is over, and a retry stores its own', async () => {
      const { rig, worker } = await fleet();
      const task = await fanOut(rig, 0, { subtasks }, inShell('one'));
      const [first] = await worker.delivered();
      assert.deepEqual(await environmentIn(rig, first!), { SHELLS_OWN: 'value-one' });
      worker.send({ type: 'report', first: 0, records: [worker.reportOf(first!, { verdict: 'failed' })] });
      // The removal of a file causes no event.
      while ((await kept(rig)).length > 0) await delay(2);
      assert.equal(rig.recordsOf(TOPIC.join).length, 1);
      await rig.engine.submit('task.retry', { task, subtask: 0, hint: null }, inShell('two'));
      const [second] = await worker.delivered();
      assert.deepEqual(await environmentIn(rig, second!), { SHELLS_OWN: 'value-two' });
      assert.doesNotMatch(JSON.stringify(rig.storage.records), /SHELLS_OWN|value-/, 'it is in no record');
    });

    it('once for a command that is repeated, and not for one that is refused', async () => {
      const { rig, worker } = await fleet();
      const again = { ...inShell('one'), idempotencyKey: 'k' };
      const task = await fanOut(rig, 0, { subtasks }, again);
      await worker.delivered();
      const request = { task, ...BARE_FAN_OUT, subtasks };
      await rig.engine.submit('task.fan-out', request, again);
      await assert.rejects(
        rig.engine.submit('task.fan-out', request, inShell('two')),
        /already has a fan-out/,
      );
      assert.equal((await kept(rig)).length, 1);
    });

    it('and makes subtasks wait when it is gone, with the reason', async () => {
      const rig = await open();
      const key = await rig.admit('a');
      await rig.engine.start(null);
      const task = await fanOut(rig, 0, { subtasks }, inShell('one'));
      for (const name of await kept(rig)) await rm(join(rig.home.paths.environmentsLink, name));
      const later = await rig.reopened();
      rigs.splice(rigs.indexOf(rig), 1, later);
      await later.engine.start(null);
      const worker = await later.connect(key);
      const other = await fanOut(later, 1);
      const [delivery] = await worker.delivered();
      assert.equal(delivery?.record.body['task'], other, 'what needs none goes on');
      const { children } = await joinOf(later, task);
      assert.equal(children[0]!.state, 'pending');
      assert.match(children[0]!.reason ?? '', /the environment of its submission is gone; .*spl task retry/);
    });

    it('and makes a subtask wait that a worker could not begin without it', async () => {
      const { rig, worker } = await fleet();
      const task = await fanOut(rig, 0, { subtasks }, inShell('one'));
      const [delivery] = await worker.delivered();
      const ref = { thread: delivery!.record.body['parent_thread'] as ThreadId, index: 0, delivery: 0 };
      worker.send({ type: 'returned', deliveries: [ref], reason: ENVIRONMENT_GONE, begun: false });
      await written(rig, TOPIC.returned);
      const { children } = await joinOf(rig, task);
      assert.equal(children[0]!.state, 'pending');
      assert.match(children[0]!.reason ?? '', /is gone/);
      assert.ok(!worker.rest().includes('deliver'));
    });
  });

  it('notes agents that are missing in the submitter’s environment', async () => {
    const agent = (name: string, program: string) => ({ ...echoExecutor({ delayMs: 0 }), name, program });
    const executors = [agent('agent:none', 'no-such-agent'), agent('agent:sh', 'sh')];
    const { rig } = await fleet({ executors });
    const subtasks = executors.map(({ name }) => ({
      goal: 'a',
      executor: name,
      isolation: 'folder',
      dir: '/',
    }));
    const noted = async (environment: Record<string, string>): Promise<unknown> => {
      const input = { ...BARE_TASK, fan_out: { ...BARE_FAN_OUT, subtasks } };
      return (await rig.engine.submit('fan-out.open', input, { ...CALLER, environment })).fan_out.notes;
    };
    const [only, another] = (await noted({ PATH: '/bin' })) as string[];
    assert.match(only!, /^agent:none needs 'no-such-agent', which is not installed/);
    assert.equal(another, undefined);
    assert.equal(((await noted({ PATH: '' })) as string[]).length, 2);
  });

  it('notes a join that is decided whatever its subtasks do', async () => {
    const { rig } = await fleet();
    const noted = async (join: string): Promise<unknown> => {
      const input = { ...BARE_TASK, fan_out: { ...BARE_FAN_OUT, join, subtasks: [{ goal: 'a' }] } };
      return (await rig.engine.submit('fan-out.open', input, CALLER)).fan_out.notes;
    };
    assert.deepEqual(await noted('accepted > 3'), [
      'join: it can never hold, whatever happens to the subtasks, at position 0',
    ]);
    assert.equal(await noted('accepted == total'), undefined);
    await assert.rejects(noted('acepted > 3'), /unknown name 'acepted'/);
  });

  it('checks a repository once for a fan-out, a retry and a serial run', async () => {
    const { rig, worker } = await fleet();
    const dir = join(rig.folder, 'repo');
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.org', ...args], { cwd: dir });
    const subtasks = [{ goal: 'a', run: 'true', isolation: 'worktree', dir }];
    await mkdir(dir);
    git('init', '--quiet');
    await assert.rejects(fanOut(rig, 0, { subtasks }), /has no commit yet/);
    await writeFile(join(dir, 'a.txt'), 'one');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'first');
    const task = await fanOut(rig, 0, { subtasks });
    const [intent] = await worker.delivered();
    worker.send({ type: 'report', first: 0, records: [worker.reportOf(intent!, { verdict: 'failed' })] });
    await written(rig, TOPIC.join);
    await writeFile(join(dir, 'a.txt'), 'two');
    const isRefused = { code: 'CONFLICT', message: /has uncommitted changes, .*: a\.txt$/ };
    await assert.rejects(fanOut(rig, 0, { subtasks }), isRefused);
    const retry = { task, failed: true, hint: null };
    await assert.rejects(rig.engine.submit('task.retry', retry, CALLER), isRefused);
    await assert.rejects(rig.engine.submit('task.run-serial', { task, worker: null }, CALLER), isRefused);
    git('commit', '--quiet', '--all', '--message', 'second');
    assert.equal((await rig.engine.submit('task.retry', retry, CALLER)).round, 2);
  });

  it('acknowledges a report when it is durable, and also a repeated one', async () => {
    const { rig, worker } = await fleet();
    const task = await fanOut(rig, 1);
    const [intent] = await worker.delivered();
    const report = worker.reportOf(intent!);
    for (let i = 0; i < 3; i++) {
      worker.send({ type: 'report', first: 5, records: [report, report] });
      assert.equal((await worker.next('ack'))['upTo'], 7);
      assert.ok(rig.storage.records.some(({ record }) => record.id === report.record.id));
    }
    assert.equal(rig.recordsOf(TOPIC.childDone).length, 1);
    assert.equal((await joinOf(rig, task)).counts.accepted, 1);
  });

  describe('keeps its counts, whatever a worker sends:', () => {
    const lies: Record<string, (worker: RawWorker, intent: SealedRecord) => SealedRecord> = {
      'of another delivery': (worker, intent) => worker.reportOf(intent, { delivery: 1 }),
      'of a subtask that is not there': (worker, intent) => worker.reportOf(intent, { index: 99_999 }),
      'of a subtask that it was not given': (worker, intent) => worker.reportOf(intent, { index: 1 }),
    };
    for (const [what, lie] of Object.entries(lies)) {
      it(`a report ${what} is stored and not counted`, async () => {
        const { rig, worker } = await fleet();
        const task = await fanOut(rig, 2);
        const [intent] = await worker.delivered();
        worker.send({ type: 'report', first: 0, records: [lie(worker, intent!)] });
        await worker.next('ack');
        const { counts } = await joinOf(rig, task);
        assert.deepEqual([counts.running, counts.pending, counts.accepted], [1, 1, 0]);
        assert.equal(rig.recordsOf(TOPIC.childDone).length, 1);
      });
    }

    it('an invalid report ends the link, and the worker may reconnect', async () => {
      const { rig, worker } = await fleet();
      const task = await fanOut(rig, 1);
      const [intent] = await worker.delivered();
      const wrong = worker.reportOf(intent!, { index: '0' as unknown as number });
      worker.send({ type: 'report', first: 0, records: [wrong] });
      await worker.peer.ended();
      assert.equal(rig.recordsOf(TOPIC.childDone).length, 0);
      assert.ok(rig.logged.some(line => line.includes('invalid report: index is not a number')));

      const again = await rig.connect(worker.key);
      const [same] = await again.delivered();
      assert.equal(same!.record.id, intent!.record.id);
      again.send({ type: 'report', first: 0, records: [again.reportOf(same!)] });
      await again.next('ack');
      assert.equal((await joinOf(rig, task)).outcome, 'satisfied');
    });

    it('another record with a used clock ends the link', async () => {
      const { rig, worker } = await fleet();
      await fanOut(rig, 1);
      const [intent] = await worker.delivered();
      const report = worker.reportOf(intent!);
      worker.send({ type: 'report', first: 0, records: [report] });
      await worker.next('ack');
      const other = await rig.connect(worker.key);
      other.send({ type: 'report', first: 0, records: [other.reportOf(intent!, { verdict: 'failed' })] });
      await other.peer.ended();
      assert.ok(rig.logged.some(line => line.includes('another record with clock 0')));
      assert.equal(rig.recordsOf(TOPIC.childDone).length, 1);
    });

    it('deliveries that are returned twice, or were never its own, count once', async () => {
      const { rig, worker } = await fleet();
      const task = await fanOut(rig, 2);
      const [intent] = await worker.delivered();
      const thread = intent!.record.body['parent_thread'] as ThreadId;
      const ref = { thread, index: 0, delivery: 0 };
      const none = { thread: 'th_none' as ThreadId, index: 0, delivery: 0 };
      worker.send({
        type: 'returned',
        deliveries: [ref, ref, none, { ...ref, index: 77 }],
        reason: 'why not',
        begun: false,
      });
      const [again] = await worker.delivered();
      // The same attempt, in a new delivery.
      const { body, clock } = again!.record;
      assert.deepEqual([body['attempt'], clock - (body['index'] === 0 ? 1 : 0)], [1, 0]);
      const { counts } = await joinOf(rig, task);
      assert.deepEqual([counts.running, counts.pending], [1, 1]);
    });
  });

  it('keeps the latest of two links of one worker', async () => {
    const { rig, worker } = await fleet();
    const task = await fanOut(rig, 1);
    const [intent] = await worker.delivered();
    const latest = await rig.connect(worker.key, [
      { thread: intent!.record.body['parent_thread'] as ThreadId, index: 0, delivery: 0 },
    ]);
    await worker.peer.ended();
    latest.send({ type: 'report', first: 0, records: [latest.reportOf(intent!)] });
    await latest.next('ack');
    assert.equal((await joinOf(rig, task)).outcome, 'satisfied');
    const instance = await rig.engine.report('instance', { instance: worker.key.did });
    assert.equal(instance.status, 'live');
  });

  it('answers a worker only when it has read its log', async () => {
    const rig = await open();
    const key = await rig.admit('a');
    const peer = await new Promise<Awaited<ReturnType<typeof rawPeer>>>((resolve, reject) => {
      rawPeer(rig.socketPath).then(resolve, reject);
      void delay(50).then(() => rig.engine.start(null));
    });
    const challenge = await peer.next();
    assert.equal(challenge['type'], 'challenge');
    peer.sendFrame(identify(key, challenge as never));
    assert.equal((await peer.next())['type'], 'welcome');
  });

  it('accepts only admitted workers, and no other coordinator', async () => {
    const { rig } = await fleet();
    const peer = await rawPeer(rig.socketPath);
    peer.sendFrame(identify(rig.home.key, (await peer.next()) as never));
    assert.equal((await peer.next())['code'], 'SCOPE_FORBIDDEN');
  });

  describe('whose log fails', () => {
    it('acknowledges nothing, rejects its callers and stops', async () => {
      const { rig, worker } = await fleet();
      const task = await fanOut(rig, 2);
      const [intent] = await worker.delivered();
      rig.storage.nextFailure = new Error('the disk is full');
      const submitted = rig.engine.submit('task.cancel', { task, subtask: 1, reason: null }, CALLER);
      worker.send({ type: 'report', first: 0, records: [worker.reportOf(intent!)] });
      await assert.rejects(submitted, isPoisoned);
      await assert.rejects(fanOut(rig, 1), isPoisoned);
      assert.equal(rig.stops.length, 1);
      assert.ok(isPoisoned(rig.stops[0]));
      const durable = rig.storage.records.length;
      await rig.engine.close();
      await worker.peer.ended();
      assert.ok(!worker.rest().includes('ack'));
      assert.equal(rig.storage.records.length, durable);
    });

    it('also stops when one batch is refused, because its state is ahead of the log', async () => {
      let refuse = false;
      const { rig } = await fleet({
        around: log =>
          new Proxy(log, {
            get: (target, name) => {
              if (name === 'append' && refuse)
                return () => Promise.reject(new FleetError('TOO_LARGE', 'too large for the log'));
              const value: unknown = Reflect.get(target, name, target);
              return typeof value === 'function' ? (value.bind(target) as unknown) : value;
            },
          }) satisfies Log,
      });
      refuse = true;
      await assert.rejects(fanOut(rig, 1), error => FleetError.is(error, 'TOO_LARGE'));
      refuse = false;
      assert.ok(FleetError.is(rig.stops[0], 'TOO_LARGE'));
      await assert.rejects(fanOut(rig, 1), error => FleetError.is(error, 'TOO_LARGE'));
    });
  });

  it('does not spin when its rules fail at every tick', async () => {
    let ticks = 0;
    class Broken extends Coordinator {
      override nextDeadline(now: number): number {
        return now;
      }
      override tick(): void {
        ticks++;
        throw new Error('a fault of ours');
      }
    }
    const { rig } = await fleet({ rules: Broken });
    await delay(300);
    assert.ok(ticks >= 1 && ticks < 10, `${ticks} ticks in 300 ms`);
    assert.ok(rig.logged.includes('a fault of ours'));
    assert.deepEqual(rig.stops, []);
  });

  describe('that is closed', () => {
    it('ends its links and its watchers, and refuses later calls', async () => {
      const { rig, worker } = await fleet();
      const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
      const { signal } = new AbortController();
      const watching = all(rig.engine.watch({ signal }));
      const closing = [rig.engine.close(), rig.engine.close()];
      await Promise.all(closing);
      await worker.peer.ended();
      await watching;
      assert.equal(getEventListeners(signal, 'abort').length, 0);
      // The one timer is this test's own.
      assert.ok(timers() <= 1, 'a timer holds the process');
      await assert.rejects(fanOut(rig, 1), error => FleetError.is(error, 'UNAVAILABLE'));
      await assert.rejects(rig.engine.report('fleet', {}), error => FleetError.is(error, 'UNAVAILABLE'));
      const late = await rawPeer(rig.socketPath).then(
        peer => peer.ended(),
        () => undefined,
      );
      assert.equal(late, undefined);
    });

    it('rejects callers that wait for workers, because it is stopping', async () => {
      const rig = await open();
      await rig.engine.start(null);
      const started = rig.engine.submit('fleet.start', { workers: 0, executor: null }, CALLER);
      assert.deepEqual((await started).spawned, []);
      await rig.admit('a');
      const restarting = rig.engine.submit('fleet.restart', { instance: 'worker-a' }, CALLER);
      while ((await rig.launched('a')).length === 0) await delay(10);
      await rig.engine.close();
      await assert.rejects(
        restarting,
        error => FleetError.is(error, 'UNAVAILABLE') && /is stopping/.test(error.message),
      );
    });
  });

  describe('is watched', () => {
    it('from a position on, without a missing or repeated record', async () => {
      const { rig, worker } = await fleet();
      const task = await fanOut(rig, 20);
      const stop = new AbortController();
      const seen: number[] = [];
      const watching = (async () => {
        for await (const event of rig.engine.watch({ after: 2, kinds: ['record'], signal: stop.signal })) {
          if (event.kind === 'record') seen.push(event.position);
          if (event.kind === 'record' && event.record.body['topic'] === TOPIC.join) break;
        }
      })();
      await runAll(worker, 20);
      await watching;
      assert.equal((await joinOf(rig, task)).outcome, 'satisfied');
      assert.deepEqual(
        seen,
        seen.map((_, i) => i + 3),
      );
      assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
    });

    it('from a position that its log has not reached, which belongs to another log', async () => {
      const { rig } = await fleet();
      const stop = new AbortController();
      const seen: EngineEvent['kind'][] = [];
      for await (const event of rig.engine.watch({ after: 9_999, kinds: ['record'], signal: stop.signal })) {
        seen.push(event.kind);
        if (event.kind === 'gap') await fanOut(rig, 1);
        else stop.abort();
      }
      assert.deepEqual(seen, ['gap', 'record']);
    });

    it('until its signal aborts, also while past records are read', async () => {
      const { rig } = await fleet();
      await fanOut(rig, 200);
      const stop = new AbortController();
      const events: EngineEvent[] = [];
      for await (const event of rig.engine.watch({ after: -1, signal: stop.signal })) {
        events.push(event);
        stop.abort();
      }
      assert.equal(events.length, 1);
      const before = AbortSignal.abort();
      assert.deepEqual(await all(rig.engine.watch({ signal: before })), []);
      assert.deepEqual(await all(rig.engine.watch({ after: -1, signal: before })), []);
    });
  });

  it('lets a worker of another version finish, and restarts it in its own', async () => {
    const rig = await open();
    const key = await rig.admit('a');
    await rig.engine.start(null);
    const old = spawn('sleep', ['60'], { stdio: 'ignore' });
    const exited = new Promise(resolve => old.once('exit', resolve));
    const peer = await rawPeer(rig.socketPath);
    peer.sendFrame(identify(key, (await peer.next()) as never, { version: '0.0.1' }));
    const worker = new RawWorker(peer, key);
    worker.beat({ version: '0.0.1', pid: old.pid!, pid_start: processStart(old.pid!)! });
    worker.send({ type: 'hello', held: [], at: 0 });
    assert.ok(Number((await worker.next('stop'))['graceMs']) > 86_400_000);
    // The worker gets no more work.
    await fanOut(rig, 1);
    peer.socket.destroy();
    old.kill('SIGKILL');
    await exited;
    while ((await rig.launched('a')).length === 0) await delay(10);
    assert.ok(!worker.rest().includes('deliver'));
    // The replacement is kept, and gets the work.
    const replaced = await rig.connect(key);
    replaced.beat({ pid: (await rig.launched('a'))[0]! });
    const [intent] = await replaced.delivered();
    assert.equal(intent!.record.body['index'], 0);
    assert.ok(!replaced.rest().includes('stop'));
  });
});

describe('a coordinator that stops everything', () => {
  const STOP = { scope: 'all', instance: null, grace_secs: 0 } as const;

  it('starts no worker in the meantime', async () => {
    const rig = await open();
    await rig.engine.start(null);
    const stopped = rig.engine.submit('fleet.stop', STOP, CALLER);
    await assert.rejects(rig.engine.submit('fleet.start', { workers: 1, executor: null }, CALLER), {
      code: 'UNAVAILABLE',
      message: 'the fleet is being stopped',
    });
    assert.deepEqual((await stopped).stopped, []);
  });

  it('restarts no worker in the meantime', async () => {
    const rig = await open();
    await rig.engine.start(null);
    await rig.admit('a');
    const stopped = rig.engine.submit('fleet.stop', STOP, CALLER);
    await assert.rejects(rig.engine.submit('fleet.restart', { instance: 'worker-a' }, CALLER), {
      code: 'UNAVAILABLE',
      message: 'the fleet is being stopped',
    });
    await stopped;
    assert.deepEqual(await rig.launched('a'), []);
  });

  it('does not complete a restart whose worker was being stopped', async () => {
    const rig = await open();
    await rig.engine.start(null);
    const serving = await servedHome('worker-a', join(rig.folder, 'w-a'));
    rig.core.admit(serving.worker, 0);
    const restarted = rig.engine.submit('fleet.restart', { instance: 'worker-a' }, CALLER);
    const refused = assert.rejects(restarted, { code: 'UNAVAILABLE' });
    await rig.engine.submit('fleet.stop', STOP, CALLER);
    await refused;
    await serving.exited;
    assert.deepEqual(await rig.launched('a'), []);
  });

  it('ends the process that serves a worker’s home beside its own, also for an unknown worker', async () => {
    const rig = await open();
    await rig.engine.start(null);
    const { exited } = await servedHome('worker-c', workerHome(rig.home.paths.home, 2));
    const { stopped } = await rig.engine.submit('fleet.stop', STOP, CALLER);
    assert.deepEqual(
      stopped.map(({ alias, how }) => [alias, how]),
      [['worker-c', 'terminated']],
    );
    assert.deepEqual(await exited, [null, 'SIGTERM']);
  });

  it('ends only the named worker beside its own home, by alias or DID', async () => {
    const rig = await open();
    await rig.engine.start(null);
    const named = await servedHome('worker-c', workerHome(rig.home.paths.home, 2));
    const other = await servedHome('worker-d', workerHome(rig.home.paths.home, 3));
    const stop = (instance: string) => rig.engine.submit('fleet.stop', { ...STOP, instance }, CALLER);
    const { stopped } = await stop('worker-c');
    assert.deepEqual(
      stopped.map(({ alias, did }) => [alias, did]),
      [['worker-c', named.worker.did]],
    );
    assert.deepEqual(await named.exited, [null, 'SIGTERM']);
    await assert.rejects(stop('worker-c'), { code: 'NOT_FOUND' });
    assert.equal((await stop(other.worker.did)).stopped.length, 1);
    assert.deepEqual(await other.exited, [null, 'SIGTERM']);
  });

  it('rejects callers that wait for a worker to start', async () => {
    const rig = await open();
    await rig.engine.start(null);
    const key = await rig.admit('a');
    const restarted = rig.engine.submit('fleet.restart', { instance: 'worker-a' }, CALLER);
    const refused = assert.rejects(restarted, {
      code: 'UNAVAILABLE',
      message: 'the fleet is being stopped',
    });
    while ((await rig.launched('a')).length === 0) await delay(5);
    const { stopped } = await rig.engine.submit('fleet.stop', STOP, CALLER);
    assert.deepEqual(
      stopped.map(({ did }) => did),
      [key.did],
    );
    await refused;
  });

  it('ends the process that serves the home of one of its workers, also an unknown one', async () => {
    const rig = await open();
    await rig.engine.start(null);
    const { worker, exited } = await servedHome('worker-a', join(rig.folder, 'w-a'));
    rig.core.admit(worker, 0);
    const { stopped } = await rig.engine.submit('fleet.stop', STOP, CALLER);
    assert.deepEqual(
      stopped.map(({ alias, how }) => [alias, how]),
      [['worker-a', 'terminated']],
    );
    assert.deepEqual(await exited, [null, 'SIGTERM']);
  });
});

it('a coordinator names the command that ends another process in its worker’s home', async () => {
  const rig = await open();
  await rig.engine.start(null);
  const home = workerHome(rig.home.paths.home, 0);
  await servedHome('worker-a', home);
  await writeFile(join(home, 'behaviour'), 'fail');
  await assert.rejects(rig.engine.submit('fleet.start', { workers: 1, executor: null }, CALLER), {
    code: 'WORKER_FAILED',
    hint: 'Workers of another fleet run in these homes. Stop them, then start again: spl fleet stop --all',
  });
  await rig.engine.submit('fleet.stop', { scope: 'all', instance: null, grace_secs: 0 }, CALLER);
});

/** Starts a process that serves the home of a worker unknown to the coordinator. */
async function servedHome(alias: string, home: string) {
  const { key, paths } = await openHome(home, { create: true, version: VERSION });
  const { did, publicKey: public_key } = key;
  const child = spawn('sleep', ['60']);
  const exited = once(child, 'exit');
  const start = processStart(child.pid!)!;
  await writePidFile(paths.pidFile, { pid: child.pid!, start, endpoint: null, version: '0' });
  return { worker: { did, alias, role: 'worker', home, public_key } as const, exited };
}

const isPoisoned = (error: unknown): boolean => FleetError.is(error, 'LOG_POISONED');

async function all(events: AsyncIterable<EngineEvent>): Promise<EngineEvent[]> {
  const seen: EngineEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}
