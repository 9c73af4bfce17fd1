import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { watch } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { homePaths } from '../../engine/home/paths.ts';
import { until } from '../editor/until.ts';
import type { EditorUnderTest } from './editor.ts';
import { inOneEditor } from './with-editor.ts';
import type { Workbench } from './workbench.ts';

/**
 * Windows on a home that can't be opened: each says so, can be asked again, and leaves the home alone until then. The same
 * two windows go through it all, on one home; what damages that comes last.
 */
describe('a home that can not be opened', () => {
  const test = inOneEditor({ workspace: 'continuity' });

  it(
    'is said by the view where its configuration is wrong, and opens when that is mended',
    test(async editor => {
      const { configToml } = homePaths(editor.place.home);
      await writeFile(configToml, '[server\nport = 0\n');
      const window = await editor.window('broken-first');
      await window.openActivity('Fleet');
      await window.welcomeButton('Try Again').waitFor();
      await says(window, /config\.toml/);
      await window.snap('down');
      await writeFile(configToml, '[server]\nport = 0\n');
      await window.welcomeButton('Try Again').click();
      await window.tree('Instances').waitFor('coordinator live · in this window');
      await window.runCommand('Fleet: Start Fleet');
      await window.tree('Instances').waitFor('worker-b live');
      await stop(window, editor);
    }),
  );

  it(
    'because its disk is full stops the coordinator, which is said, and another window goes on with it',
    test(async editor => {
      const { fleet, place } = editor;
      const first = await editor.window('broken-first');
      await start(first);
      await first.tree('Instances').waitFor('worker-b live');
      const { pid } = await fleet.instance('coordinator');
      const workers = (await fleet.now()).instances.slice(1).map(worker => worker.pid);
      await fleet.addTask('KEPT-1', null);
      await limitFiles(pid, await sizeOfLast(homePaths(place.home).logDir));
      await assert.rejects(fleet.addTask('LOST-1', null), { code: 'LOG_POISONED' });
      await first.toast('The coordinator in this window stopped: the log cannot be written: EFBIG');
      await first.welcomeButton('Try Again').waitFor();
      await says(first, /Remove the cause, a full disk for instance/);
      await first.snap('stopped');

      const second = await editor.window('broken-second');
      await second.openActivity('Fleet');
      await second.tree('Instances').waitFor('coordinator live · in this window');
      await first.tree('Instances').waitFor(/^coordinator live$/);
      await second.tree('Fan-Outs').waitFor('KEPT-1');
      await fleet.when('the workers are adopted', ({ live }) => live === 3);
      assert.deepEqual(
        (await fleet.now()).instances.slice(1).map(worker => worker.pid),
        workers,
      );
      await limitFiles(pid, 'unlimited');
      await stop(second, editor);
    }),
  );

  it(
    'is left alone by two windows that both could not open it, until somebody asks',
    test(async editor => {
      const { pidFile, runDir } = homePaths(editor.place.home);
      const windows = [await editor.window('broken-first'), await editor.window('broken-second')];
      for (const window of windows) await start(window);
      for (const window of windows) await window.tree('Instances').waitFor('worker-b live');
      await stop(windows[0]!, editor);
      await windows[1]!.welcomeButton('Start Fleet').waitFor();
      // Where the process would write who it is, which it does late.
      await mkdir(pidFile, { recursive: true });
      for (const window of windows) {
        await window.runCommand('Notifications: Clear All Notifications');
        await window.runCommand('Fleet: Start Fleet');
        await window.toast('Show Log');
      }
      for (const window of windows) await window.welcomeButton('Try Again').waitFor();
      assert.equal(await stirs(runDir, 3000), 0);
      await rm(pidFile, { recursive: true });
      await windows[0]!.welcomeButton('Try Again').click();
      await windows[0]!.tree('Instances').waitFor('coordinator live · in this window');
      await windows[1]!.tree('Instances').waitFor(/^coordinator live$/);
    }),
  );

  it(
    'is said to be of a newer version, or to be damaged, with the way out',
    test(async editor => {
      const { homeJson, logDir, indexDir } = homePaths(editor.place.home);
      const window = await editor.window('broken-first');
      await start(window);
      await window.tree('Instances').waitFor('worker-b live');
      await stop(window, editor);
      const made = await readFile(homeJson, 'utf8');
      await writeFile(homeJson, '{"format":99}');
      await window.welcomeButton('Start Fleet').click();
      await window.welcomeButton('Try Again').waitFor();
      await says(window, /has format 99, and this version knows 1\. Use a newer version/);
      await window.snap('newer');
      await writeFile(homeJson, made);
      const damaged = await flipByte(logDir);
      await rm(indexDir, { recursive: true });
      await window.welcomeButton('Try Again').click();
      await window.toast(`the log is damaged in ${damaged} at byte`);
      await says(window, new RegExp(`the log is damaged in ${damaged}`));
      await window.snap('damaged');
      await window.welcomeButton('Run Doctor').click();
      await window.terminal.waitFor(/FAIL/);
      await window.snap('doctor');
    }),
  );
});

async function start(window: Workbench): Promise<void> {
  await window.openActivity('Fleet');
  await window.runCommand('Fleet: Start Fleet');
}

/** Stops all by a window. Resolves when nobody serves the home. */
async function stop(window: Workbench, editor: EditorUnderTest): Promise<void> {
  await window.runCommand('Fleet: Stop Fleet');
  await window.welcomeButton('Start Fleet').waitFor();
  await editor.fleet.gone();
}

/** Resolves when the view of the fan-outs says this in the place of rows: its words come a moment after its buttons. */
async function says(window: Workbench, words: RegExp): Promise<void> {
  const message = (): Promise<string> => window.message('Fan-Outs');
  await until(
    `the view says ${words}`,
    async () => (words.test(await message()) ? true : undefined),
    message,
  );
}

/** Damages the first segment of a log in its middle. @returns its name */
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

/** As a full disk does, keeps a process that runs from writing any file beyond a size, in bytes, until that is undone. */
async function limitFiles(pid: number | null, size: number | 'unlimited'): Promise<void> {
  // Of the two limits the one that may be raised again.
  await promisify(execFile)('prlimit', ['--pid', String(pid), `--fsize=${size}:`]);
}

/** How often the folder changes in so many milliseconds. */
async function stirs(folder: string, ms: number): Promise<number> {
  let count = 0;
  const watcher = watch(folder, () => (count += 1));
  await delay(ms);
  watcher.close();
  return count;
}
