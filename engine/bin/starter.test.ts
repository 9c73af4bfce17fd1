import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { builtPrograms } from '../../test/bundled.ts';
import type { FannedOut, FleetStarted, HealthDocument, JoinStatus } from '../contract/documents.ts';
import { homePaths } from '../home/paths.ts';
import { writePidFile } from '../home/pid-file.ts';
import { processStart } from '../system/process-table.ts';
import { processStarter } from './starter.ts';

const SOURCE = fileURLToPath(new URL('./spl.ts', import.meta.url));
// A daemon runs in another folder, where the loader's bare name would not be found.
const LOADER = import.meta.resolve('tsx/esm');

describe('a fleet started by spl', () => {
  let folder: string;
  let program: readonly string[];
  let started: FleetStarted;

  before(async () => {
    program = [join(await builtPrograms(), 'spl')];
    folder = await mkdtemp(join(tmpdir(), 'spl-starter-'));
    started = await answer<FleetStarted>('fleet', 'start', '--workers', '1');
  });
  after(async () => {
    await run('fleet', 'stop', '--all', '--grace', '0');
    await rm(folder, { recursive: true, force: true });
  });

  function launch(...words: readonly string[]): ChildProcess {
    return spawn(process.execPath, [...program, ...words], {
      env: { PATH: process.env['PATH'], HOME: folder, SPL_ECHO_MS: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function run(
    ...words: readonly string[]
  ): Promise<{ code: number | null; out: string; err: string }> {
    return ended(launch(...words));
  }

  async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
    let [out, err] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err };
  }

  /** The document of a command that succeeds. */
  async function answer<T>(...words: readonly string[]): Promise<T> {
    const { code, out, err } = await run(...words, '--json');
    assert.deepEqual([code, err], [0, '']);
    return JSON.parse(out) as T;
  }

  it('converges, each instance a process of its own', () => {
    assert.deepEqual(
      started.instances.map(({ alias, status }) => [alias, status]),
      [
        ['coordinator', 'live'],
        ['worker-a', 'live'],
      ],
    );
    const pids = started.instances.map(({ pid }) => pid!);
    assert.equal(new Set([...pids, process.pid]).size, 3);
    for (const pid of pids) assert.notEqual(processStart(pid), null);
  });

  it('is reused by a second start, and by two at once', async () => {
    const again = await Promise.all(
      [1, 2].map(() => answer<FleetStarted>('fleet', 'start', '--workers', '1')),
    );
    for (const document of again) {
      assert.deepEqual(document.spawned, []);
      assert.deepEqual(
        document.instances.map(({ pid }) => pid),
        started.instances.map(({ pid }) => pid),
      );
    }
  });

  it('runs a fan-out to its join while spl waits', async () => {
    await answer('task', 'add', 'Try it', '--alias', 'TRY-1');
    const words = [
      'task',
      'fan-out',
      'TRY-1',
      '--subtask',
      'goal=a',
      '--subtask',
      'goal=b,depends=0',
      '--wait',
    ];
    const document = await answer<FannedOut & JoinStatus>(...words);
    assert.deepEqual([document.outcome, document.counts.accepted, document.join], ['satisfied', 2, 'all']);
  });

  it('goes on when the one who waits leaves, and ends for who comes back', async () => {
    await answer('task', 'add', 'Wait', '--alias', 'WAIT-1', '--dir', folder);
    const subtask = 'goal=wait for the file,run="until test -e go; do sleep 0.02; done; echo gone"';
    const waiting = launch('task', 'fan-out', 'WAIT-1', '--subtask', subtask, '--wait');
    const result = ended(waiting);
    let seen = '';
    for await (const text of waiting.stdout as AsyncIterable<string>) {
      seen += text;
      if (seen.includes('in progress')) break;
    }
    waiting.kill('SIGINT');
    const { code, err } = await result;
    assert.deepEqual(
      [code, err],
      [130, '· WAIT-1 goes on; to come back: spl task join-status WAIT-1 --watch\n'],
    );

    const back = run('task', 'join-status', 'WAIT-1', '--watch');
    await answer('task', 'add', 'Go', '--alias', 'GO-1', '--dir', folder);
    assert.equal((await answer<JoinStatus>('task', 'join-status', 'WAIT-1')).complete, false);
    await writeFile(join(folder, 'go'), '');
    assert.equal((await back).code, 0);
    assert.equal((await run('task', 'output', 'WAIT-1', '--subtask', '0')).out, 'gone\n');
  });

  it('refuses a second coordinator on the home, and says who has it', async () => {
    const { code, err } = await run('serve');
    assert.equal(code, 1);
    assert.match(err, new RegExp(`is in use by process ${started.instances[0]!.pid}`));
  });

  it('passes every check of the doctor', async () => {
    const { code, out } = await run('doctor');
    assert.equal(code, 0, out);
    assert.match(out, /PASS {2}log +\d+ records, every hash checked/);
  });

  it('leaves the workers to the next coordinator when only it is stopped', async () => {
    assert.equal((await run('serve', '--stop')).code, 0);
    const next = await answer<HealthDocument>('serve', '--daemon');
    assert.notEqual(next.pid, started.instances[0]!.pid);
    const document = await answer<FleetStarted>('fleet', 'start', '--workers', '1');
    assert.deepEqual(document.spawned, []);
    assert.equal(document.instances[1]!.pid, started.instances[1]!.pid);
    started = document;
  });

  it('is gone, every process of it, after stop --all', async () => {
    const { code, out } = await run('fleet', 'stop', '--all');
    assert.deepEqual([code, out], [0, '✓ worker-a stopped (drained)\n✓ coordinator stopped\n']);
    for (const { pid } of started.instances) assert.equal(processStart(pid!), null);
    assert.equal((await run('fleet', 'list')).code, 5);
  });

  it('starts and stops from source as well', async () => {
    program = ['--import', LOADER, SOURCE];
    const { instances } = await answer<FleetStarted>('fleet', 'start', '--workers', '1');
    assert.deepEqual(
      instances.map(({ status }) => status),
      ['live', 'live'],
    );
    assert.equal((await run('fleet', 'stop', '--all')).code, 0);
  });
});

describe('waiting for a process to be gone', () => {
  let child: ChildProcess;
  let home: string;
  beforeEach(async () => {
    child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    home = await mkdtemp(join(tmpdir(), 'spl-starter-'));
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await rm(home, { recursive: true });
  });

  it('never ends one that is not ours, and takes its word that it serves no more', async () => {
    const pid = child.pid!;
    const { runDir, pidFile } = homePaths(home);
    await mkdir(runDir);
    await writePidFile(pidFile, { pid, start: processStart(pid)!, endpoint: null, version: '0.1.0' });
    assert.equal(await processStarter.awaitGone({ home, pid, graceMs: 50 }), false, 'it serves');
    assert.notEqual(processStart(pid), null);
    const waiting = processStarter.awaitGone({ home, pid, graceMs: 10_000 });
    await rm(pidFile);
    assert.equal(await waiting, true, 'it has let go, as an editor does');
    assert.notEqual(processStart(pid), null);
    child.kill('SIGKILL');
    assert.equal(await processStarter.awaitGone({ home, pid, graceMs: 5_000 }), true);
  });
});
