import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { homePaths } from '../../engine/home/paths.ts';
import { EditorUnderTest } from './editor.ts';
import type { Workbench } from './workbench.ts';

/** Windows on a home that can't be opened: each says so, can be asked again, and leaves the home alone until then. */
describe('a home that can not be opened', () => {
  it('is said by the view where its configuration is wrong, and opens when that is mended', async () => {
    await inEditor(async editor => {
      const { configToml } = homePaths(editor.scratch.home);
      await writeFile(configToml, '[server\nport = 0\n');
      const window = await editor.open('broken-config');
      await window.openActivity('Fleet');
      await window.welcomeButton('Try Again').waitFor();
      await window.snap('down');
      await writeFile(configToml, '[server]\nport = 0\n');
      await window.welcomeButton('Try Again').click();
      await window.tree('Instances').waitFor('coordinator live · in this window');
      await window.runCommand('Fleet: Start Fleet');
      await window.tree('Instances').waitFor('worker-b live');
      await window.runCommand('Fleet: Stop Fleet');
      await window.welcomeButton('Start Fleet').waitFor();
    });
  });

  it('is left alone by two windows that both could not open it, until somebody asks', async () => {
    await inEditor(async editor => {
      const { pidFile, runDir } = homePaths(editor.scratch.home);
      // Where the process would write who it is, which it does late.
      await mkdir(pidFile, { recursive: true });
      const windows = [await editor.open('broken-first'), await editor.open('broken-second')];
      for (const window of windows) await start(window);
      for (const window of windows) await window.welcomeButton('Try Again').waitFor();
      assert.equal(await stirs(runDir, 3000), 0);
      await rm(pidFile, { recursive: true });
      await windows[0]!.welcomeButton('Try Again').click();
      await windows[0]!.tree('Instances').waitFor('coordinator live · in this window');
      await windows[1]!.tree('Instances').waitFor(/^coordinator live$/);
    });
  });
});

async function start(window: Workbench): Promise<void> {
  await window.openActivity('Fleet');
  await window.runCommand('Fleet: Start Fleet');
  await window.toast('Show Log');
}

/** How often the folder changes in so many milliseconds. */
async function stirs(folder: string, ms: number): Promise<number> {
  let count = 0;
  const watcher = watch(folder, () => (count += 1));
  await delay(ms);
  watcher.close();
  return count;
}

async function inEditor(body: (editor: EditorUnderTest) => Promise<void>): Promise<void> {
  const editor = await EditorUnderTest.start({ workspace: 'continuity' });
  try {
    await body(editor);
  } finally {
    await editor.dispose();
  }
}
