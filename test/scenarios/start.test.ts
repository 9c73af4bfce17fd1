import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  constants,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'mocha';
import type { FleetStarted } from '../../engine/contract/documents.ts';
import { VERSION } from '../../engine/contract/engine.ts';
import { openHome } from '../../engine/home/home.ts';
import { liveWorkers } from '../../engine/home/live-workers.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { readPidFile, writePidFile } from '../../engine/home/pid-file.ts';
import {
  BIN,
  echoes,
  ended,
  isThere,
  scenario,
  soon,
  type Ran,
  type Refused,
  type Scenario,
} from '../harness/fleet.ts';
import { runs } from '../runs.ts';

describe('starting', function () {
  this.timeout(120_000 + runs(5) * 5_000);

  it(
    'two coordinators at once on one home: one serves, the other says who does, and ends with 1',
    scenario({}, async fleet => {
      for (let round = 0; round < runs(5); round++) {
        const rivals = [fleet.start(['serve']), fleet.start(['serve'])];
        const loser = await Promise.race(rivals.map(async rival => ({ rival, ran: await ended(rival) })));
        assert.equal(loser.ran.code, 1);
        const winner = rivals.find(rival => rival !== loser.rival)!;
        const { pid } = await answering(fleet);
        assert.equal(pid, winner.pid, `round ${round}`);
        assert.match(loser.ran.err, /^error: the home '.*' is in use by (?:process \d+|another process)\n/);
        if (/process \d/.test(loser.ran.err)) assert.match(loser.ran.err, new RegExp(`by process ${pid}\\n`));
        assert.match(loser.ran.err, /→ Show the process: spl serve --status/);
        winner.kill('SIGTERM');
        assert.equal((await ended(winner)).code, 0);
      }
    }),
  );

  it(
    '`fleet start` from two shells at once: both succeed, on one coordinator, and no worker is there twice',
    scenario({}, async fleet => {
      for (let round = 0; round < runs(2); round++) {
        const both = await Promise.all(
          [2, 2].map(n => ended(fleet.start(['fleet', 'start', '--workers', String(n), '--json']))),
        );
        const fleets = both.map(({ code, out, err }) => {
          assert.equal(code, 0, err);
          return JSON.parse(out) as FleetStarted;
        });
        const pids = fleets.map(({ instances }) => instances.map(({ alias, pid }) => `${alias} ${pid}`));
        assert.deepEqual(pids[0], pids[1]);
        assert.equal(fleets.flatMap(({ spawned }) => spawned).length, 2);
        assert.deepEqual((await fleet.json<FleetStarted>('fleet', 'list')).live, 3);
        await fleet.spl('fleet', 'stop', '--all');
        await fleet.nothingRuns();
      }
    }),
  );

  it(
    'with the ports taken: the next free ones are used, and said aloud',
    scenario({}, async fleet => {
      const coordinators = await listening(0);
      const wanted = portOf(coordinators);
      const over = new AbortController();
      const workers = keepTaken(9201, over.signal);
      try {
        const config = `[server]\nport = ${wanted}\n`;
        await writeFile(homePaths(fleet.home).configToml, config);
        const { code, out, err } = await fleet.spl('fleet', 'start', '--workers', '1');
        assert.equal(code, 0, err);
        const list = await fleet.state();
        const [mine, theirs] = list.instances.map(({ endpoint }) => Number(new URL(endpoint!).port));
        assert.ok(mine! > wanted);
        assert.match(out, new RegExp(`⚠ port ${wanted} is taken: listening on ${mine}`));
        assert.match(out, new RegExp(`⚠ port 9201 is taken; worker-a listens on ${theirs}`));
        assert.match(
          (await fleet.spl('fleet', 'ping', 'worker-a')).out,
          /^✓ did:\S+ reachable in \d+ms \(200 OK\)/,
        );
      } finally {
        over.abort();
        coordinators?.close();
        await workers;
      }
    }),
  );

  it(
    'over a stale pid file and a stale socket: both are replaced, and nobody is mistaken for the dead',
    scenario({}, async fleet => {
      await leaveSocket(fleet);
      // The pid was reused since then: by this very process.
      const stale = { pid: process.pid, start: 'another', endpoint: 'http://127.0.0.1:1', version: '0' };
      await writePidFile(homePaths(fleet.home).pidFile, stale);
      assert.equal((await fleet.spl('fleet', 'list')).code, 5);
      await fleet.startFleet(1);
      await fleet.fanOut('WORKS', echoes(2));
      assert.equal((await fleet.joined('WORKS')).outcome, 'satisfied');
    }),
  );

  it(
    'after a coordinator that died before it wrote down its workers: they are taken over, not started twice',
    scenario({}, async fleet => {
      const fault = { SPL_FAULT: 'before-write:active_dispatches:2' };
      const words = ['fleet', 'start', '--workers', '2', '--json'];
      const { code } = await fleet.splWith(fleet.preload('faults.mjs', fault), ...words);
      assert.notEqual(code, 0);
      const letters = ['a', 'b'];
      const serving = await Promise.all(
        letters.map(async letter => {
          const { pidFile } = homePaths(fleet.workerHome(letter));
          await fleet.text(pidFile);
          return (await readPidFile(pidFile))!.pid;
        }),
      );
      await fleet.startFleet(2);
      const pids = await Promise.all(letters.map(letter => fleet.pidOf(`worker-${letter}`)));
      assert.deepEqual(pids, serving);
    }),
  );

  it(
    'a worker whose home is unfit: `fleet start` says which and why, and ends with 1; mended, it starts',
    scenario({}, async fleet => {
      const { paths } = await fleet.openWorkerHome('b');
      await rm(paths.keyFile);
      await mkdir(paths.keyFile);
      const refusal = await fleet.refused(1, 'fleet', 'start', '--workers', '2');
      assert.equal(refusal.code, 'WORKER_FAILED');
      assert.match(refusal.message, /^worker-b can't be started: the instance's key '.*h-worker-b\/keys/);
      await rm(paths.home, { recursive: true });
      const { live } = await fleet.startFleet(2);
      assert.equal(live, 3);
    }),
  );

  it(
    'a worker whose settings are wrong: its own words come with the failure',
    scenario({ workers: { a: '[fleet]\nslots = 0\n' } }, async fleet => {
      const refusal = await fleet.refused(1, 'fleet', 'start', '--workers', '1');
      assert.equal(refusal.code, 'WORKER_FAILED');
      assert.match(refusal.message, /worker-a.*slots must be at least 1/s);
      await writeFile(homePaths(fleet.workerHome('a')).configToml, '[fleet]\nslots = 2\n');
      const { instances } = await fleet.startFleet(1);
      assert.equal(instances[1]?.slots, 2);
    }),
  );

  it(
    'an executor that nobody has, as everybody’s: refused, before every subtask is',
    scenario({ fleet: ['executor = "quantum"'] }, async fleet => {
      const refusal = await fleet.refused(1, 'serve');
      assert.equal(refusal.message, "[fleet] executor 'quantum' is unknown");
      assert.match(String(refusal.details.hint), /echo, shell/);
      await writeFile(homePaths(fleet.home).configToml, '[server]\nport = 0\n');
    }),
  );

  it(
    'a stop in the middle of a restart: the worker that was being launched is stopped as well',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      const before = await fleet.pidOf('worker-b');
      // The restart waits for this subtask to finish, and the stop comes meanwhile.
      const run = 'while [ ! -e go ]; do sleep 0.1; done';
      await fleet.fanOut('BUSY-1', [{ goal: 'wait', target: 'worker-b', run }]);
      const enough = new AbortController();
      const restart = fleet.client
        .submit('fleet.restart', { instance: 'worker-b' }, { signal: enough.signal })
        .catch(() => undefined);
      await fleet.instanceWhen('worker-b', 'drains', ({ health }) => health === 'draining');
      const stop = { scope: 'workers', instance: null, grace_secs: 5 } as const;
      const stopping = fleet.client.submit('fleet.stop', stop);
      await fleet.write('go', '');
      const { stopped } = await stopping;
      enough.abort();
      await restart;
      const launched = stopped.find(({ alias }) => alias === 'worker-b')?.pid;
      assert.ok(launched != null && launched !== before, `${launched} was stopped, and ${before} restarted`);
      assert.equal(isThere(launched), false);
      assert.deepEqual(await liveWorkers(fleet.home), []);
    }),
  );

  it(
    'an address that others reach is refused without TLS, and the home is let go of',
    scenario({}, async fleet => {
      const { configToml } = homePaths(fleet.home);
      const before = await readFile(configToml, 'utf8');
      await writeFile(configToml, before.replace('[server]', '[server]\nhost = "0.0.0.0"'));
      const { code, message } = await fleet.refused(1, 'serve');
      assert.deepEqual([code, message.includes("'0.0.0.0'")], ['HOME_INVALID', true]);
      await writeFile(configToml, before);
      await fleet.startFleet(0);
    }),
  );

  it(
    'homes that are none, or newer: refused untouched, with the way out',
    scenario({}, async fleet => {
      const paths = homePaths(fleet.home);
      await writeFile(paths.homeJson, '{"format":2,"version":"9.0.0"}\n');
      for (const words of [['serve'], ['fleet', 'start']]) {
        const newer = await fleet.refused(1, ...words);
        assert.deepEqual([newer.code, newer.details['format']], ['HOME_NEWER', 2]);
        assert.match(newer.message, /has format 2, but this version supports formats up to 1/);
      }
      await writeFile(paths.homeJson, '{"format":');
      const damaged = await fleet.refused(1, 'serve');
      assert.deepEqual([damaged.code, damaged.message], ['HOME_INVALID', `'${paths.homeJson}' is damaged`]);
      await rm(paths.homeJson);
      await mkdir(paths.homeJson);
      const unreadable = await fleet.refused(1, 'serve');
      assert.match(unreadable.message, /home\.json' is not readable: EISDIR/);
      await rm(paths.homeJson, { recursive: true });
      const strange = await fleet.refused(1, 'serve');
      assert.match(strange.message, /is not empty and is not a home/);
      await writeFile(paths.homeJson, '{"format":1,"version":"0.1.0"}\n');
    }),
  );

  it('a home that may not be written: refused, with the command that mends it', async () => {
    const root = await mkdtemp(join(tmpdir(), 'spl-s-'));
    const home = join(root, 'h');
    try {
      await openHome(home, { create: true, version: VERSION });
      const asUser = await ordinaryUser(root);
      await chmod(home, 0o500);
      const env = { PATH: process.env['PATH'], HOME: root, SYNCROPEL_HOME: home };
      const ran = await asUser(['serve', '--json'], env);
      assert.deepEqual([ran.code, ran.out], [1, '']);
      const { error } = JSON.parse(ran.err) as { error: Refused };
      assert.equal(error.code, 'HOME_INVALID');
      assert.match(error.message, /is not writable/);
      assert.equal(error.details.hint, `chmod u+rwx ${home}`);
    } finally {
      await chmod(home, 0o700);
      await rm(root, { recursive: true });
    }
  });
});

/** Waits until a coordinator answers at the socket. */
async function answering(fleet: Scenario): Promise<{ pid: number }> {
  let health: { pid: number } | undefined;
  await soon(
    'a coordinator answers',
    async () => {
      health = await fleet.client.report('health', {}).catch(() => undefined);
      return health !== undefined;
    },
    20_000,
  );
  return health!;
}

/** Keeps a port taken. If a worker of another test uses it, takes it as soon as that worker releases it. */
async function keepTaken(port: number, signal: AbortSignal): Promise<void> {
  let server: Server | undefined;
  while (!signal.aborted) {
    server ??= await listening(port);
    await delay(5);
  }
  server?.close();
}

async function listening(port: number): Promise<Server | undefined> {
  const server = createServer();
  const error = once(server, 'error').then(() => undefined);
  const isListening = once(server, 'listening').then(() => server);
  server.listen(port, '127.0.0.1');
  return Promise.race([isListening, error]);
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

/** Starts and kills a coordinator. Its socket remains without a listener. */
async function leaveSocket(fleet: Scenario): Promise<void> {
  const serving = fleet.start(['serve']);
  const { pid } = await answering(fleet);
  assert.equal(pid, serving.pid);
  await fleet.kill(pid);
  assert.ok((await stat(homePaths(fleet.home).socket)).isSocket());
}

/** Permissions do not stop root, so root uses a user without rights. */
const NOBODY = 65_534;

/**
 * Returns a function that runs `spl` as a user who is bound by permissions, and who then owns everything in this
 * folder.
 */
async function ordinaryUser(
  root: string,
): Promise<(words: readonly string[], env: NodeJS.ProcessEnv) => Promise<Ran>> {
  if (process.getuid?.() !== 0)
    return (words, env) => ended(spawn(process.execPath, [join(BIN, 'spl'), ...words], { env, cwd: root }));
  // The folders of the program and of Node.js may be closed to other users.
  const [node, program] = [join(root, 'node'), join(root, 'bin')];
  await copyFile(process.execPath, node, constants.COPYFILE_FICLONE);
  await cp(BIN, program, { recursive: true });
  for (const name of ['.', ...(await readdir(root, { recursive: true }))])
    await chown(join(root, name), NOBODY, NOBODY);
  return (words, env) =>
    ended(spawn(node, [join(program, 'spl'), ...words], { env, cwd: root, uid: NOBODY, gid: NOBODY }));
}
