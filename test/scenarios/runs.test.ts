import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type {
  FannedOut,
  RunsDocument,
  TaskDocument,
  TasksDocument,
} from '../../engine/contract/documents.ts';
import { scenario, type Scenario } from '../harness/fleet.ts';

/** The runs of a plan: numbered, repeated, retried, listed and archived, with a coordinator that is killed in between. */

const PLAN = `goal: Check the release
subtasks:
  - name: lint
    run: test -e mended
  - name: test
    run: printf %s "$TURN" > turn.txt
join: all
`;

describe('the runs of a plan', function () {
  this.timeout(120_000);

  it(
    'are meant by the folder: the newest in it or above it, never one elsewhere',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      for (const folder of ['one/deep', 'two']) await mkdir(fleet.at(folder), { recursive: true });
      const spl = (folder: string, ...words: string[]) => fleet.splIn(fleet.at(folder), ...words);
      assert.equal((await spl('one', 'run', 'echo first; test -e there')).code, 1);
      assert.equal((await spl('two', 'run', 'echo second')).code, 0);
      assert.equal((await spl('one/deep', 'output')).out, 'first\n');
      await writeFile(fleet.at('one/there'), '');
      assert.equal((await spl('one', 'retry')).code, 0);
      assert.match((await spl('two', 'rerun')).out, /second/);
      const none = await spl('.', 'retry');
      assert.equal(none.code, 3);
      assert.match(none.err, /nothing has been run in this folder yet/);
      assert.match(none.err, /in .*\/two\. Name it to mean it/);
    }),
  );

  it(
    'have numbers, run again in the environment of the caller, and leave lists when archived',
    scenario({}, async fleet => {
      await fleet.startFleet(2);
      await writeFile(join(fleet.cwd, 'release.fanout.yaml'), PLAN);
      for (const alias of ['REL-1', 'REL-2']) {
        await fleet.json('task', 'add', 'Check the release', '--alias', alias);
        const words = ['task', 'fan-out', alias, '--plan', 'release.fanout.yaml', '--wait'];
        const { code } = await fleet.splWith({ TURN: alias }, ...words);
        assert.equal(code, 1);
      }
      assert.deepEqual(await runsOf(fleet, 'release.fanout.yaml'), [
        ['release', 2, 'REL-2', 'unsatisfiable', ['lint']],
        ['release', 1, 'REL-1', 'unsatisfiable', ['lint']],
      ]);

      await fleet.kill(await fleet.pidOf('coordinator'));
      await fleet.startFleet(2);
      await writeFile(join(fleet.cwd, 'mended'), '');
      const again = await fleet.splWith({ TURN: 'three' }, 'rerun', 'release', '--json');
      assert.equal(again.code, 0, again.err);
      const { alias, run } = JSON.parse(again.out) as FannedOut;
      assert.deepEqual([alias, run], ['release-3', { name: 'release', number: 3 }]);
      assert.equal(await fleet.text(fleet.at('turn.txt')), 'three');
      const retried = await fleet.spl('task', 'retry', 'release#1', '--failed', '--wait');
      assert.equal(retried.code, 0, retried.err);
      assert.deepEqual(await runsOf(fleet, 'release'), [
        ['release', 3, 'release-3', 'satisfied', []],
        ['release', 2, 'REL-2', 'unsatisfiable', ['lint']],
        ['release', 1, 'REL-1', 'satisfied', []],
      ]);
      assert.match((await fleet.spl('runs')).out, /^release #3 +\S+ \S+ +passed .*\n.*failed .* lint\n/m);
      assert.match((await fleet.spl('task', 'show', 'release')).out, /Run: +release #3\n/);

      await fleet.json('archive', 'release #2');
      assert.deepEqual(await aliases(fleet, '--all'), ['REL-1', 'release-3']);
      assert.deepEqual(await aliases(fleet, '--archived'), ['REL-2']);
      assert.equal((await runsOf(fleet, 'release')).length, 2);
      const shown = await fleet.json<TaskDocument>('task', 'show', 'release#2');
      assert.deepEqual([shown.alias, shown.archived], ['REL-2', true]);
      await fleet.json('archive', '--done');
      assert.deepEqual(await aliases(fleet, '--all'), []);
      await fleet.json('archive', '--undo', 'REL-1');
      assert.deepEqual(await aliases(fleet, '--all'), ['REL-1']);
      await fleet.json('task', 'add', 'open', '--alias', 'OPEN');
      const refused = await fleet.refused(4, 'archive', 'OPEN');
      assert.equal(refused.message, "task 'OPEN' is not finished and can't be archived");
    }),
  );
});

async function runsOf(fleet: Scenario, plan: string) {
  const { runs } = await fleet.json<RunsDocument>('runs', plan);
  return runs.map(({ plan: name, run, task, outcome, failed }) => [name, run, task, outcome, failed]);
}

async function aliases(fleet: Scenario, flag: string): Promise<readonly string[]> {
  const { tasks } = await fleet.json<TasksDocument>('task', 'list', flag);
  return tasks.map(({ alias }) => alias);
}
