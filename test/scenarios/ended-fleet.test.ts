import assert from 'node:assert/strict';
import { cp, lstat, readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { homePaths } from '../../engine/home/paths.ts';
import { scenario, type Scenario } from '../harness/fleet.ts';

/** The commands about the past of a fleet that has ended: they read its home, and start none. */

const QUESTIONS = [
  ['runs'],
  ['task', 'list', '--all'],
  ['task', 'show', 'PAST'],
  ['task', 'tree', 'PAST'],
  ['task', 'join-status', 'PAST'],
  ['task', 'output', 'PAST', '--subtask', '0'],
  ['task', 'output', 'PAST', '--subtask', '1', '--follow'],
  ['task', 'speedup', 'PAST'],
  ['thread', 'show', 'PAST'],
  ['thread', 'records', 'PAST'],
  ['debug', 'replay', 'PAST'],
  ['query', "SELECT count(*) FROM records WHERE thread LIKE 'th_%' AND act = 'KNOW'"],
  ['namespace', 'list'],
  ['rule', 'list'],
  ['token', 'list'],
  ['worktree', 'list'],
];

describe('a fleet that has ended', function () {
  this.timeout(120_000);

  it(
    'is asked as before, and its home stays as it is',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      const { code } = await fleet.spl('run', '--alias', 'PAST', '--keep-going', 'echo one; true', 'exit 3');
      assert.equal(code, 1);
      const before = await answers(fleet);
      await fleet.json('fleet', 'stop', '--all');
      const files = await filesIn(fleet.home);
      assert.deepEqual(await answers(fleet), before);
      const watched = await fleet.spl('task', 'join-status', 'PAST', '--watch');
      assert.equal(watched.code, 1, watched.err);
      assert.deepEqual(await filesIn(fleet.home), files);

      const status = await fleet.spl('status');
      assert.deepEqual(
        [status.code, status.out],
        [5, 'fleet: not running; to start it: spl fleet start\ntasks: 0 unfinished tasks\n'],
      );
      for (const words of [
        ['fleet', 'list'],
        ['fleet', 'show', 'worker-a'],
        ['task', 'cancel', 'PAST'],
      ])
        assert.match((await fleet.refused(5, ...words)).message, /^no fleet is running at /);
      assert.equal((await fleet.refused(3, 'task', 'show', 'NEVER')).code, 'NOT_FOUND');
      await fleet.nothingRuns();

      const archived = await fleet.spl('archive', 'PAST');
      assert.match(archived.out, /^✓ PAST archived\n/);
      assert.match(archived.err, /^· started a fleet; it ends after 10 minutes without work\n$/);
      await fleet.json('fleet', 'stop', '--all');
    }),
  );

  it(
    'leaves open fan-outs as they are, says so, and the next fleet continues them',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fleet.fanOut('OPEN', [
        { goal: 'wait', run: 'echo begun; until test -e free; do sleep 0.01; done' },
        { goal: 'print', run: 'echo two' },
      ]);
      await fleet.joinWhen('OPEN', 'one runs', ({ counts }) => counts.running === 1);
      await fleet.json('fleet', 'stop', '--all', '--grace', '0');
      const { code, out, err } = await fleet.spl('task', 'list');
      assert.equal(code, 0);
      assert.match(out, /^OPEN +active/m);
      assert.equal(err, '· no fleet is running; to continue 1 open fan-out: spl fleet start\n');
      await fleet.write('free', '');
      await fleet.startFleet(1);
      assert.equal((await fleet.joined('OPEN')).outcome, 'satisfied');
    }),
  );

  it(
    'is asked in a copy of its home, and while the next one starts',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fleet.spl('run', '--alias', 'PAST', 'echo one');
      await fleet.json('fleet', 'stop', '--all');
      const copy = fleet.at('copy');
      await cp(fleet.home, copy, { recursive: true });
      const copied = await fleet.json('task', 'show', 'PAST', '--home', copy);
      assert.equal(copied['status'], 'approved');
      const starting = fleet.startFleet(1);
      const asked = await Promise.all(
        Array.from({ length: 6 }, () => fleet.json('task', 'join-status', 'PAST')),
      );
      assert.deepEqual(new Set(asked.map(({ outcome }) => outcome)), new Set(['satisfied']));
      await starting;
    }),
  );

  it(
    'names the damage of its log, and mends nothing',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fleet.spl('run', '--alias', 'PAST', 'echo one');
      await fleet.json('fleet', 'stop', '--all');
      const { logDir } = homePaths(fleet.home);
      const [segment = ''] = await readdir(logDir);
      await truncate(join(logDir, segment), 600);
      const files = await filesIn(fleet.home);
      const refused = await fleet.refused(1, 'task', 'show', 'PAST');
      assert.match(refused.code, /^LOG_(SHORT|DAMAGED)$/);
      assert.deepEqual(await filesIn(fleet.home), files);
      return { damaged: true };
    }),
  );
});

async function answers(fleet: Scenario): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const words of QUESTIONS) all.push(await fleet.spl(...words, '--json'));
  return all;
}

/** Returns the sizes and times of all files of a home. */
async function filesIn(home: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of await readdir(home, { recursive: true })) {
    const { size, mtimeMs } = await lstat(join(home, name));
    files[name] = `${size} ${mtimeMs}`;
  }
  return files;
}
