import { until } from '../harness/until.ts';
import { assertAccessible } from './accessibility.ts';
import { inOneEditor } from './with-editor.ts';
import type { Workbench } from './workbench.ts';

/** The tutorial, performed with mouse and keyboard only. */
describe('the tutorial in the editor', () => {
  const settings = { 'workbench.colorTheme': 'Default Dark Modern' };
  const test = inOneEditor({ workspace: 'tutorial', noHome: true, settings });

  it(
    'start, add, fan out, watch, read, join, report and stop, in a dark theme',
    test(async editor => {
      const workbench = await editor.window('tutorial');
      await startFleet(workbench);
      await addTask(workbench);
      await fanOutAndWatch(workbench);
      await readOutput(workbench);
      await openReport(workbench);
      await stop(workbench);
    }),
  );
});

async function startFleet(workbench: Workbench): Promise<void> {
  await workbench.openActivity('Fleet');
  await workbench.welcomeButton('Start Fleet').waitFor();
  await workbench.snap('welcome');
  await workbench.welcomeButton('Start Fleet').click();
  const instances = workbench.tree('Workers');
  await instances.waitFor('coordinator live · in this window');
  await instances.waitFor('worker-a live · load 0 of 1');
  await instances.waitFor('worker-b live · load 0 of 1');
  await workbench.statusItem('2 workers').waitFor();
  await workbench.snap('started');
}

async function addTask(workbench: Workbench): Promise<void> {
  await workbench.welcomeButton('Add Task').click();
  await workbench.question('What is to be reached?');
  await workbench.answer('Draft the release notes and check them');
  await workbench.question('A short name for it');
  await workbench.snap('alias');
  await workbench.answer('REL-1');
  await workbench.tree('Fan-Outs').waitFor(/^Draft the release notes and check… inbox$/);
  await workbench.snap('task');
}

async function fanOutAndWatch(workbench: Workbench): Promise<void> {
  const fanOuts = workbench.tree('Fan-Outs');
  await fanOuts.rowAction('Draft the release notes', 'Fan Out');
  const { page } = workbench;
  await page.locator('.view-line').filter({ hasText: 'losers:' }).waitFor();
  const blanks = [
    'notes',
    'echo drafting; sleep 6; echo drafted',
    'links',
    'echo checking; sleep 1; echo 7 links are fine',
  ];
  for (const text of blanks) {
    await page.keyboard.type(text);
    await page.keyboard.press('Tab');
  }
  await workbench.snap('draft');
  await page.locator('.codelens-decoration a').filter({ hasText: 'Run' }).first().click();
  await fanOuts.waitFor(/^notes running · \d+ s · worker-./);
  await workbench.snap('running');
  await fanOuts.waitFor(/^notes passed · .* worker-./);
  await fanOuts.waitFor(/^links passed · .* worker-./);
  await fanOuts.waitFor(/ 2\/2 · \d.* s · just now$/);
  await workbench.snap('joined');
}

async function readOutput(workbench: Workbench): Promise<void> {
  await workbench.tree('Fan-Outs').rowAction(/^links passed/, 'Open Output');
  await workbench.terminal.waitFor(/7 links are fine/);
  await workbench.snap('output');
}

async function openReport(workbench: Workbench): Promise<void> {
  await workbench.tree('Fan-Outs').click(/ 2\/2 /);
  const report = await workbench.webview(/2 of 2 passed/);
  await report.getByText('notes').first().waitFor();
  await report.getByText('links').first().waitFor();
  await workbench.runCommand('View: Toggle Panel Visibility');
  await workbench.snap('report');
  await assertAccessible(report);
}

async function stop(workbench: Workbench): Promise<void> {
  await workbench.runCommand('Fleet: Stop Fleet');
  await workbench.welcomeButton('Start Fleet').waitFor();
  await until('no row is left', async () =>
    (await workbench.tree('Workers').rows()).length === 0 ? true : undefined,
  );
  await workbench.tree('Fan-Outs').waitFor(/Draft the release notes.* 2\/2/);
  await workbench.snap('stopped');
  await until(
    'nothing is left to say',
    async () => ((await workbench.toasts()).length === 0 ? true : undefined),
    () => workbench.toasts(),
  );
}
