import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { homePaths, type HomePaths } from '../../../engine/home/paths.ts';
import type { FleetClient } from '../../harness/fleet-client.ts';
import { until } from '../../harness/until.ts';
import type { EditorUnderTest } from '../editor.ts';
import { withEditor } from '../with-editor.ts';
import type { Workbench } from '../workbench.ts';

/** A window's messages about a home that it cannot use, and its recovery. */
describe('a home that cannot be written, and then cannot be read', () => {
  it(
    'is reported by notification and view, opens again once the cause is gone, and runs the doctor if it is damaged',
    withEditor({ name: 'broken', workspace: 'continuity' }, async (window, editor) => {
      await start(window);
      await window.tree('Workers').waitFor('worker-b live');
      const workers = await pidsOfWorkers(editor.fleet);
      await fillDisk(window, editor);
      await window.welcomeButton('Try Again').click();
      await window.tree('Workers').waitFor('coordinator live · in this window');
      await window.tree('Fan-Outs').waitFor('KEPT-1');
      await editor.fleet.stateWhen('the workers are adopted', ({ live }) => live === 3);
      assert.deepEqual(await pidsOfWorkers(editor.fleet), workers);
      await window.runCommand('Fleet: Stop Fleet');
      await window.welcomeButton('Start Fleet').waitFor();
      await editor.fleet.unserved();
      await damage(window, homePaths(editor.place.home));
    }),
  );
});

/** Prevents the coordinator of a window from writing, until it has stopped because of that. */
async function fillDisk(window: Workbench, { fleet, place }: EditorUnderTest): Promise<void> {
  const { pid } = await fleet.instance('coordinator');
  await fleet.addTask('KEPT-1', null);
  await limitFiles(pid, await sizeOfLast(homePaths(place.home).logDir));
  await assert.rejects(fleet.addTask('LOST-1', null), { code: 'LOG_POISONED' });
  await window.toast('The fleet in this window stopped. The log cannot be written: EFBIG');
  await window.welcomeButton('Try Again').waitFor();
  await says(window, /Fix the cause, such as a full disk/);
  await window.snap('stopped');
  await limitFiles(pid, 'unlimited');
}

/** Damages the log of a home that no process serves, and makes the window open it. */
async function damage(window: Workbench, { logDir, indexDir }: HomePaths): Promise<void> {
  const damaged = await flipByte(logDir);
  await rm(indexDir, { recursive: true });
  await window.welcomeButton('Start Fleet').click();
  await window.toast(`The log is damaged in ${damaged} at byte`);
  await says(window, new RegExp(`The log is damaged in ${damaged}`));
  await window.snap('damaged');
  await window.welcomeButton('Check the Fleet').click();
  await window.terminal.waitFor(/FAIL/);
  await window.snap('doctor');
}

async function start(window: Workbench): Promise<void> {
  await window.openActivity('Fleet');
  await window.runCommand('Fleet: Start Fleet');
}

const pidsOfWorkers = async (fleet: FleetClient): Promise<readonly number[]> =>
  (await fleet.state()).instances.flatMap(({ role, pid }) =>
    role === 'worker' && pid !== null ? [pid] : [],
  );

/**
 * Resolves when the view of the fan-outs shows this message in place of rows. The message appears a moment after its
 * buttons.
 */
async function says(window: Workbench, words: RegExp): Promise<void> {
  const message = (): Promise<string> => window.message('Fan-Outs');
  await until(
    `the view says ${words}`,
    async () => (words.test(await message()) ? true : undefined),
    message,
  );
}

/** Damages the first segment of a log in its middle. @returns the name of the segment */
async function flipByte(logDir: string): Promise<string> {
  const name = (await readdir(logDir)).sort()[0]!;
  const bytes = await readFile(join(logDir, name));
  bytes[bytes.length >> 1]! ^= 0x10;
  await writeFile(join(logDir, name), bytes);
  return name;
}

async function sizeOfLast(logDir: string): Promise<number> {
  const name = (await readdir(logDir)).sort().at(-1)!;
  return (await stat(join(logDir, name))).size;
}

/** Simulates a full disk: limits the size of every file that a running process writes, in bytes, until it is undone. */
async function limitFiles(pid: number | null, size: number | 'unlimited'): Promise<void> {
  // Sets the soft limit, which may be raised again.
  await promisify(execFile)('prlimit', ['--pid', String(pid), `--fsize=${size}:`]);
}
