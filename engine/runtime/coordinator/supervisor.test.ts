import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import { isAlive, processStart } from '../../system/process-table.ts';
import type { Did } from '../../record/ids.ts';
import { Supervisor, type WorkerLaunch } from './supervisor.ts';
import { Inbox } from '../testing/link-host.ts';

const SCRIPT = fileURLToPath(new URL('../testing/worker-script.mjs', import.meta.url));
const did = 'did:sync:instance:00000000000000aa' as Did;
/** A lower priority than this process's. */
const PRIORITY = 5;
const coordinator = 'did:sync:instance:00000000000000cc' as Did;

interface Gone {
  readonly did: Did;
  readonly reason: string;
  readonly expected: boolean;
}

interface Begun {
  readonly pid: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly token: string | null;
}

describe('the supervisor', () => {
  let folder: string;
  let launch: WorkerLaunch;
  let supervisors: Supervisor[];
  let gone: Inbox<Gone>;
  let givenUp: Inbox<string>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-sup-'));
    launch = { did, alias: 'worker-a', home: join(folder, 'h'), port: 9201 };
    await mkdir(launch.home);
    await behave('stay');
    supervisors = [];
    gone = new Inbox();
    givenUp = new Inbox();
  });

  afterEach(async () => {
    for (const supervisor of supervisors) supervisor.close();
    for (const { pid } of await begun()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const behave = (how: 'stay' | 'fail' | 'ignore SIGTERM'): Promise<void> =>
    writeFile(join(launch.home, 'behaviour'), how);

  function supervise(): Supervisor {
    const supervisor = new Supervisor({
      worker: { command: [SCRIPT], priority: PRIORITY },
      coordinator,
      coordinatorHome: join(folder, 'c'),
      logger: { info: () => {}, error: () => {} },
      onGone: (who, reason, expected) => gone.put({ did: who, reason, expected }),
      onGivenUp: (_who, reason) => givenUp.put(reason),
    });
    supervisors.push(supervisor);
    return supervisor;
  }

  /** Returns the processes started so far, as each reported itself. */
  async function begun(): Promise<Begun[]> {
    const text = await readFile(join(launch.home, 'started.jsonl'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Begun);
  }

  /** Waits until this number of processes have started. */
  async function untilBegun(count: number): Promise<Begun[]> {
    for (;;) {
      const all = await begun();
      if (all.length >= count) return all;
      await delay(10);
    }
  }

  it('launches a worker in its home, with its arguments, without the token, and stores its output', async () => {
    process.env['SPL_TOKEN'] = 'secret';
    const supervisor = supervise();
    const pid = await supervisor.launch(launch).finally(() => delete process.env['SPL_TOKEN']);
    const [first] = await untilBegun(1);
    assert.deepEqual(first, {
      pid,
      argv: [
        ...['--home', launch.home, '--alias', 'worker-a', '--port', '9201'],
        ...['--coordinator', coordinator, '--coordinator-home', join(folder, 'c')],
      ],
      cwd: launch.home,
      token: null,
    });
    assert.equal(supervisor.pidOf(did), pid);
    assert.equal(getPriority(pid), PRIORITY);
    assert.ok(supervisor.isRunning(did) && supervisor.comesUp(did) && supervisor.isOurs(did));
    assert.equal(await readFile(join(launch.home, 'logs', 'worker.log'), 'utf8'), 'it runs\n');
  });

  it('restarts a worker that ended by itself, and reports the end', async () => {
    const supervisor = supervise();
    const pid = await supervisor.launch(launch);
    await untilBegun(1);
    process.kill(pid, 'SIGKILL');
    assert.deepEqual(await gone.next(), {
      did,
      reason: `process ${pid} was ended by SIGKILL`,
      expected: false,
    });
    assert.ok(supervisor.comesUp(did) && !supervisor.isRunning(did));
    const [, second] = await untilBegun(2);
    assert.equal(supervisor.pidOf(did), second!.pid);
    assert.ok(supervisor.isRunning(did));
    assert.deepEqual(givenUp.take(), []);
  });

  it('pauses longer each time, and gives up after the fifth restart within a minute', async () => {
    await behave('fail');
    const supervisor = supervise();
    const begin = performance.now();
    await supervisor.launch(launch);
    const reason = await givenUp.next();
    assert.match(
      reason,
      /^process \d+ (exited with code 3|ended at once), for the 6th time within a minute$/,
    );
    // The pauses are 100, 200, 400, 800 and 1600 ms.
    assert.ok(performance.now() - begin >= 3_100);
    assert.equal(gone.take().length, 6);
    assert.equal((await begun()).length, 6);
    assert.ok(!supervisor.comesUp(did) && !supervisor.isRunning(did));
    assert.equal(await supervisor.end(did, 100), 'gone');
    // A person may launch it again.
    await behave('stay');
    await supervisor.launch(launch);
    await untilBegun(7);
    assert.ok(supervisor.comesUp(did));
  });

  it('ends a worker with SIGTERM, and one that ignores it with SIGKILL', async () => {
    const supervisor = supervise();
    await supervisor.launch(launch);
    await untilBegun(1);
    supervisor.expectEnd(did);
    assert.ok(!supervisor.comesUp(did));
    assert.equal(await supervisor.end(did, 5_000), 'terminated');
    assert.equal((await gone.next()).expected, true);

    await behave('ignore SIGTERM');
    await supervisor.launch(launch);
    const [, stubborn] = await untilBegun(2);
    supervisor.expectEnd(did);
    assert.equal(await supervisor.end(did, 50), 'killed');
    assert.equal(processStart(stubborn!.pid), null);
    assert.equal(await supervisor.end(did, 50), 'gone');
    await gone.next();
    await delay(250);
    assert.equal((await begun()).length, 2, 'it was started again');
  });

  it('ends a worker that is stopped (SIGSTOP)', async () => {
    const supervisor = supervise();
    const pid = await supervisor.launch(launch);
    await untilBegun(1);
    process.kill(pid, 'SIGSTOP');
    assert.ok(supervisor.isRunning(did));
    supervisor.expectEnd(did);
    assert.equal(await supervisor.end(did, 50), 'killed');
    assert.equal(processStart(pid), null);
  });

  it('ends the requested process, and not its replacement', async () => {
    const supervisor = supervise();
    const pid = await supervisor.launch(launch);
    await untilBegun(1);
    assert.equal(await supervisor.end(did, 0), 'killed');
    assert.equal((await gone.next()).expected, false);
    const [, next] = await untilBegun(2);
    assert.notEqual(next!.pid, pid);
    await delay(100);
    assert.ok(supervisor.isRunning(did));
  });

  it('keeps its workers running when it closes, and another supervisor adopts them', async () => {
    const before = supervise();
    const pid = await before.launch(launch);
    await untilBegun(1);
    const start = processStart(pid)!;
    before.close();
    assert.ok(isAlive(pid, start));

    const after = supervise();
    assert.ok(after.adopt(launch, pid, start));
    assert.ok(after.adopt(launch, pid, start), 'twice is no fault');
    assert.ok(after.isRunning(did) && !after.isOurs(did));
    // A connected worker's process is not polled; the loss of its link starts the polling.
    after.linked(did);
    process.kill(pid, 'SIGKILL');
    while (processStart(pid) !== null) await delay(5);
    after.linkLost(did);
    assert.deepEqual(await gone.next(), { did, reason: `process ${pid} ended`, expected: false });
    const [, second] = await untilBegun(2);
    assert.ok(after.isOurs(did));
    assert.equal(after.pidOf(did), second!.pid);
  });

  it('notices the end of an adopted worker that never connected', async () => {
    const before = supervise();
    const pid = await before.launch(launch);
    await untilBegun(1);
    before.close();
    const after = supervise();
    assert.ok(after.adopt(launch, pid, processStart(pid)!));
    process.kill(pid, 'SIGKILL');
    assert.equal((await gone.next()).reason, `process ${pid} ended`);
  });

  it('adopts no worker that is gone, or whose pid was reused', async () => {
    const supervisor = supervise();
    assert.equal(supervisor.adopt(launch, 2 ** 22 + 1, 'x'), false);
    assert.equal(supervisor.adopt(launch, 0, ''), false);
    assert.equal(supervisor.adopt(launch, process.pid, 'an earlier start'), false);
    assert.equal(supervisor.isRunning(did), false);
    assert.equal(await supervisor.end(did, 100), 'gone');
  });

  it('prefers the process that serves the home over the one that it launched', async () => {
    const elsewhere = supervise();
    const serving = await elsewhere.launch(launch);
    await untilBegun(1);
    elsewhere.close();
    const supervisor = supervise();
    const vain = await supervisor.launch(launch);
    await untilBegun(2);
    assert.ok(supervisor.adopt(launch, serving, processStart(serving)!));
    process.kill(vain, 'SIGKILL');
    while (processStart(vain) !== null) await delay(5);
    await delay(150);
    assert.deepEqual(gone.take(), [], 'the end of the other was taken for its own');
    assert.equal(supervisor.pidOf(did), serving);
    assert.equal((await begun()).length, 2);
  });

  it('restarts a worker whose process ended while no coordinator ran', async () => {
    const supervisor = supervise();
    supervisor.revive(launch);
    assert.ok(supervisor.comesUp(did));
    const [first] = await untilBegun(1);
    while (!supervisor.isRunning(did)) await delay(5);
    assert.equal(supervisor.pidOf(did), first!.pid);
  });

  it('launches nothing after it closed, or after the worker was told to end', async () => {
    const supervisor = supervise();
    const pid = await supervisor.launch(launch);
    await untilBegun(1);
    process.kill(pid, 'SIGKILL');
    await gone.next();
    supervisor.expectEnd(did);
    const closing = supervise();
    closing.revive({ ...launch, did: 'did:sync:instance:00000000000000bb' as Did });
    closing.close();
    await delay(300);
    assert.equal((await begun()).length, 1);
    assert.deepEqual([gone.take(), givenUp.take()], [[], []]);
  });

  it('ends a process that was told to end during its launch', async () => {
    const supervisor = supervise();
    supervisor.revive(launch);
    // The launch has started, and has not returned a pid.
    await new Promise(resolve => setTimeout(resolve, 1));
    supervisor.expectEnd(did);
    await supervisor.end(did, 0);
    // The stop waited for the process, although its pid was not known yet.
    assert.ok(supervisor.pidOf(did)! > 0);
    assert.equal(processStart(supervisor.pidOf(did)!), null);
  });

  it('creates no part of a removed home', async () => {
    await rm(launch.home, { recursive: true });
    await assert.rejects(supervise().launch(launch), {
      code: 'WORKER_FAILED',
      message: `could not launch worker-a: its home '${launch.home}' is gone`,
    });
    assert.deepEqual(await readdir(folder), []);
  });

  it('reports which worker can’t be launched, and why', async () => {
    const supervisor = supervise();
    const home = join(folder, 'h', 'behaviour', 'no-folder');
    await assert.rejects(supervisor.launch({ ...launch, home }), error => {
      assert.ok(FleetError.is(error, 'WORKER_FAILED'), String(error));
      assert.match(error.message, /^could not launch worker-a: ENOTDIR/);
      return true;
    });
    supervisor.revive({ ...launch, home });
    assert.match(await givenUp.next(), /could not launch worker-a/);
    assert.ok(!supervisor.comesUp(did));
  });

  it('reports an end before it returns from waiting for it', async () => {
    const before = supervise();
    const pid = await before.launch(launch);
    await untilBegun(1);
    before.close();
    const after = supervise();
    assert.ok(after.adopt(launch, pid, processStart(pid)!));
    // A connected worker's process is not polled, so only `awaitGone` can notice its end.
    after.linked(did);
    after.expectEnd(did);
    process.kill(pid, 'SIGKILL');
    assert.ok(await after.awaitGone(did, 5_000));
    assert.deepEqual(gone.take(), [{ did, reason: `process ${pid} ended`, expected: true }]);
  });

  it('distinguishes a starting worker from a silent one', async () => {
    const supervisor = supervise();
    assert.ok(!supervisor.isOnItsWay(did));
    await supervisor.launch(launch);
    assert.ok(supervisor.isOnItsWay(did));
    supervisor.linked(did);
    assert.ok(!supervisor.isOnItsWay(did));
  });
});
