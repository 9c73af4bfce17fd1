import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { eachNth } from '../runs.ts';
import { BIN, ended, type Ran } from '../harness/fleet.ts';
import { endProcesses, processesNaming } from '../harness/processes.ts';

/** The tour of `npm start`, with small plans in place of the repository's. */

const INTERRUPTED = 130;

const some = eachNth(3);

describe('the tour', function () {
  this.timeout(120_000);
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'spl-s-'));
    for (const folder of ['home', 'tmp']) await mkdir(join(root, folder));
  });

  afterEach(async () => {
    await endProcesses(root);
    await rm(root, { recursive: true });
  });

  it('runs both parts, ends with the speedup and the next step, and leaves nothing', async () => {
    const plan = await planOf({ first: 'sleep 1', second: 'sleep 1' });
    const { code, out, err } = await ended(start(plan));
    assert.deepEqual([code, err], [0, ''], out);
    assert.deepEqual(
      commandsIn(out).map(words => words.replace(/did:sync:\S+(?=")/g, 'DID')),
      [
        'fleet start --workers 2',
        'fleet list',
        'task add "Draft the release notes and check them" --alias FIRST-001',
        'task fan-out FIRST-001 --subtask "goal=Draft the notes,target=specific:DID" --subtask "goal=Check the links,target=specific:DID"',
        'task join-status FIRST-001 --watch',
        'task join-status FIRST-001',
        'task speedup FIRST-001',
        'fleet stop --all',
        'fleet start --workers 2',
        `run ${plan} --alias CHECK-001`,
        'task run-serial CHECK-001 --wait',
        'task speedup CHECK-001 --vs-serial CHECK-001-serial',
        'fleet stop --all',
      ],
    );
    const closing = out.slice(out.indexOf('✓ The tour is over')).split('\n');
    assert.match(
      closing[2]!,
      /^What was faster: running in parallel; 2 checks took \S+s, and \S+s one at a time\.$/,
    );
    assert.match(closing[3]!, /^By how much: {5}\d\.\d\d× /);
    assert.match(closing[4]!, /^Why not more: {4}./);
    assert.equal(closing[6], 'What to try next:');
    await assertNothingLeft();
  });

  some('prints the output of a check that fails, says which, ends with 1, and leaves nothing', async () => {
    const plan = await planOf({ sound: 'true', spelling: 'echo "3 words are misspelt"; exit 3' });
    const { code, out, err } = await ended(start(plan));
    assert.equal(code, 1);
    assert.match(out, /^\$ spl task output CHECK-001 --subtask 1\n3 words are misspelt$/m);
    assert.match(
      err,
      /^error: the tour ended early: 'spl run .*small\.fanout\.yaml' ended with exit code 1; spelling: failed .*3$/m,
    );
    assert.doesNotMatch(out, /What was faster/);
    await assertNothingLeft();
  });

  some('ends when it is interrupted, and leaves nothing', async () => {
    const { code, err } = await onceStarted(tour => tour.kill('SIGINT'));
    assert.equal(code, INTERRUPTED);
    assert.match(err, /^error: the tour ended early: interrupted$/m);
    await assertNothingLeft();
  });

  some('ends when nobody reads what it prints, and leaves nothing', async () => {
    const { code } = await onceStarted(tour => tour.stdout!.destroy());
    assert.equal(code, 1);
    await assertNothingLeft();
  });

  it('names the folder in which its home cannot be created', async () => {
    const folder = join(root, 'missing');
    const { code, out, err } = await ended(start('any.fanout.yaml', { TMPDIR: folder }));
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, new RegExp(`^error: no folder can be made in '${folder}': .*\\n  → Set TMPDIR `, 'm'));
  });

  function start(plan: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn(process.execPath, [join(BIN, 'tour.js'), plan], {
      env: { PATH: process.env['PATH'], HOME: join(root, 'home'), TMPDIR: join(root, 'tmp'), ...env },
    });
  }

  /** Starts a tour, and calls `act` as soon as its first fleet runs. */
  async function onceStarted(act: (tour: ChildProcess) => void): Promise<Ran> {
    const tour = start('any.fanout.yaml');
    const ran = ended(tour);
    let printed = '';
    const look = (text: string): void => {
      printed += text;
      if (!printed.includes('fleet converged')) return;
      tour.stdout!.off('data', look);
      act(tour);
    };
    tour.stdout!.on('data', look);
    return ran;
  }

  async function planOf(commands: Readonly<Record<string, string>>): Promise<string> {
    const file = join(root, 'small.fanout.yaml');
    const subtasks = Object.entries(commands).map(([name, run]) => ({ name, run }));
    await writeFile(file, JSON.stringify({ goal: 'Check little', subtasks }));
    return file;
  }

  async function assertNothingLeft(): Promise<void> {
    assert.deepEqual(processesNaming(root), []);
    for (const folder of ['home', 'tmp']) assert.deepEqual(await readdir(join(root, folder)), [], folder);
  }
});

/** Returns the printed commands, in order. */
const commandsIn = (out: string): readonly string[] =>
  [...out.matchAll(/^\$ spl (.*)$/gm)].map(([, words]) => words!);
