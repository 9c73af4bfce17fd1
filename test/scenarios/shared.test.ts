import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile, watch } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type { FleetDocument, RestoredDocument } from '../../engine/contract/documents.ts';
import { VERSION } from '../../engine/contract/engine.ts';
import { openHome } from '../../engine/home/home.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { scenario, type Scenario } from '../harness/fleet.ts';
import { runs } from '../runs.ts';

/** Shared threads: files that the commands of subtasks read without a connection. */

const sharedDir = (fleet: Scenario): string => homePaths(fleet.home).sharedDir;
const fileOf = (fleet: Scenario, name: string): string => join(sharedDir(fleet), `${name}.jsonl`);
const note = (fleet: Scenario, text: string) => fleet.json('know', text, '--thread', 'th_notes');
const share = (fleet: Scenario, threads: string) =>
  fleet.json<FleetDocument>('fleet', 'start', '--workers', '1', '--share', threads);

/** Returns a command that waits for a text in a shared file, and then prints the number of its records. */
const waitsFor = (text: string, file: string): string =>
  `until grep -q ${text} "$SPL_SHARED/${file}"; do sleep 0.05; done; grep -c '"line":"record"' "$SPL_SHARED/${file}"`;

async function readBy(fleet: Scenario, alias: string, run: string): Promise<string> {
  await fleet.fanOut(alias, [{ goal: 'read', run }]);
  const { children } = await fleet.joined(alias);
  assert.equal(children[0]!.verdict, 'accept', String(children[0]!.reason));
  return children[0]!.summary ?? '';
}

describe('threads that are shared', function () {
  this.timeout(120_000);

  it(
    'are read by commands, with what is written later, over a restart of the coordinator, until others are',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await note(fleet, 'first');
      await fleet.json('task', 'add', 'a goal', '--alias', 'PLAN');
      const { shared } = await share(fleet, 'PLAN,th_notes');
      assert.deepEqual(
        shared.map(({ name }) => name),
        ['PLAN', 'th_notes'],
      );
      assert.deepEqual((await readdir(sharedDir(fleet))).sort(), ['PLAN.jsonl', 'th_notes.jsonl']);
      assert.equal((await stat(sharedDir(fleet))).mode & 0o777, 0o700);
      assert.equal((await stat(fileOf(fleet, 'PLAN'))).mode & 0o777, 0o600);
      assert.equal(await readBy(fleet, 'READ-1', waitsFor('first', 'th_notes.jsonl')), '1');
      await note(fleet, 'second');
      assert.equal(await readBy(fleet, 'READ-2', waitsFor('second', 'th_notes.jsonl')), '2');

      await fleet.kill(await fleet.pidOf('coordinator'));
      await writeFile(join(sharedDir(fleet), 'th_notes.jsonl.1-ab.tmp'), 'half of one');
      await fleet.startFleet(1);
      await note(fleet, 'third');
      assert.equal(await readBy(fleet, 'READ-3', waitsFor('third', 'th_notes.jsonl')), '3');
      assert.deepEqual((await readdir(sharedDir(fleet))).sort(), ['PLAN.jsonl', 'th_notes.jsonl']);

      await share(fleet, 'PLAN');
      assert.deepEqual(await readdir(sharedDir(fleet)), ['PLAN.jsonl']);
      assert.deepEqual((await share(fleet, 'none')).shared, []);
      assert.deepEqual(await readdir(sharedDir(fleet)), []);
    }),
  );

  it(
    'are snapshots, which another home restores',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await note(fleet, 'kept');
      await share(fleet, 'th_notes');
      const home = fleet.at('other');
      const { paths } = await openHome(home, { create: true, version: VERSION });
      await writeFile(paths.configToml, '[server]\nport = 0\n');
      const there = { SYNCROPEL_HOME: home };
      assert.equal((await fleet.splWith(there, 'fleet', 'start', '--workers', '0')).code, 0);
      const { code, out, err } = await fleet.splWith(
        there,
        ...['thread', 'restore', '--in', fileOf(fleet, 'th_notes'), '--json'],
      );
      assert.equal(code, 0, err);
      assert.equal((JSON.parse(out) as RestoredDocument).written, 1);
      assert.equal((await fleet.splWith(there, 'fleet', 'stop', '--all', '--grace', '0')).code, 0);
    }),
  );

  it(
    'are found whole, whenever their coordinator is killed',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await note(fleet, 'a');
      await share(fleet, 'th_notes');
      for (let round = 0; round < runs(2); round++) {
        const before = (await readFile(fileOf(fleet, 'th_notes'), 'utf8')).length;
        const pid = await fleet.pidOf('coordinator');
        const begun = writingBegins(fleet);
        const writing = Promise.allSettled(
          Array.from({ length: 40 }, (_, i) =>
            fleet.client.submit('records.append', {
              records: [
                {
                  ...{ act: 'KNOW', actor: 'did:sync:user:ada', thread: 'th_notes', data_type: 'SCALAR' },
                  ...{ clock: round * 100 + i, body: { text: 'x'.repeat(20_000) } },
                },
              ],
            }),
          ),
        );
        // Killed while the file is rewritten: the new version is written next to it.
        await begun;
        await fleet.kill(pid);
        const text = await readFile(fileOf(fleet, 'th_notes'), 'utf8');
        assert.ok(text.length >= before);
        const last = JSON.parse(text.trimEnd().split('\n').at(-1)!) as { line: string };
        assert.equal(last.line, 'end');
        await fleet.startFleet(1);
        await writing;
      }
    }),
  );

  it(
    'are refused by name where there is no such thread, or it is the fleet’s own, and nothing changes',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await note(fleet, 'a');
      await share(fleet, 'th_notes');
      assert.equal(
        (await fleet.refused(3, 'fleet', 'start', '--share', 'th_notes,th_nowhere')).code,
        'NOT_FOUND',
      );
      const own = await fleet.refused(4, 'fleet', 'start', '--share', 'th_fleet_control');
      assert.equal(own.code, 'SCOPE_FORBIDDEN');
      assert.equal((await fleet.refused(4, 'fleet', 'start', '--share', 'th_notes,')).code, 'INVALID_RECORD');
      assert.deepEqual((await fleet.state()).shared, [{ thread: 'th_notes', name: 'th_notes' }]);
    }),
  );
});

/** Waits until a file of the shared folder is being written. Watches the folder from the time of the call. */
async function writingBegins(fleet: Scenario): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  for await (const { filename } of watch(sharedDir(fleet), { signal }))
    if (filename?.endsWith('.tmp') === true) return;
}
