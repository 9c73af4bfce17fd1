import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { until } from '../harness/until.ts';
import { inOneEditor } from './with-editor.ts';

const PACKAGE = JSON.stringify({
  scripts: {
    lint: 'true',
    test: 'echo "src/a.ts(3,5): error TS2304: no such name"; exit 2',
    types: 'sleep 0.2',
  },
});

describe('plans where people are', () => {
  const test = inOneEditor({ workspace: 'continuity' });

  it(
    'are made from the scripts of a folder in its menu, run from the lens, and shown in the Test Explorer',
    test(async editor => {
      const { place, fleet } = editor;
      await mkdir(join(place.workspace, 'web'));
      await writeFile(join(place.workspace, 'web', 'package.json'), PACKAGE);
      const window = await editor.window('plans');
      const { page } = window;
      const lens = (title: string): Locator =>
        page.locator('.codelens-decoration a').filter({ hasText: title });
      // The extension's own entries are in the menu once its view is there.
      await window.openActivity('Fleet');
      await window.openActivity('Explorer');
      // The hover of the icon would cover the rows.
      await page.mouse.move(800, 400);
      await page
        .locator('.explorer-folders-view .monaco-list-row')
        .filter({ hasText: 'web' })
        .click({ button: 'right' });
      const entry = page.locator('.monaco-menu .action-label').filter({ hasText: 'New Plan…' });
      await entry.waitFor();
      await window.snap('menu');
      await entry.click();
      await lens('Run').first().waitFor();
      await window.snap('new');
      await lens('Run').first().click();
      await page.locator('.codicon-testing-failed-icon, .cgmr.codicon-testing-failed-icon').first().waitFor();
      await window.snap('ran');
      const { tasks } = await fleet.client.report('tasks', { all: true });
      assert.equal(tasks.length, 1);
      await window.openActivity('Testing');
      const row = (name: string): Locator =>
        page.locator('.test-explorer .monaco-list-row').filter({ hasText: name });
      await row('check.fanout.yaml').first().waitFor();
      await until('the subtasks', async () => {
        if ((await row('lint').count()) > 0) return true;
        await row('check.fanout.yaml').first().click();
        await page.keyboard.press('ArrowRight');
        return undefined;
      });
      await row('test').first().waitFor();
      await window.snap('tests');
      await window.runCommand('Test: Rerun Failed Tests');
      await until('the second run', async () => {
        const { tasks: all } = await fleet.client.report('tasks', { all: true });
        return all.find(({ fan_out: fanOut }) => fanOut?.subtasks === 1 && fanOut.complete);
      });
      await window.snap('rerun');
      await window.runCommand('Tasks: Run Task');
      await window.snap('task-types');
      await page.keyboard.press('Escape');
    }),
  );
});
