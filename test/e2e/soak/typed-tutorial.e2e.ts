import { inOneEditor } from '../with-editor.ts';
import type { Workbench } from '../workbench.ts';

describe('the tutorial in the terminal of the editor', () => {
  const settings = { 'workbench.colorTheme': 'Default Dark Modern' };
  const test = inOneEditor({ workspace: 'tutorial', noHome: true, settings });

  it(
    'runs by spl alone in the integrated terminal, and the views follow, in a light theme',
    test(async editor => typed(await editor.window('tutorial'))),
  );
});

async function typed(workbench: Workbench): Promise<void> {
  await workbench.openActivity('Fleet');
  await workbench.runCommand('Preferences: Toggle between Light/Dark Themes');
  await workbench.page.locator('.monaco-workbench.vs').waitFor();
  await workbench.welcomeButton('Start Fleet').waitFor();
  await workbench.runCommand('Terminal: Create New Terminal');
  const { terminal } = workbench;
  await terminal.ready();
  await terminal.run('spl fleet start --workers 2');
  await terminal.waitFor(/fleet converged/);
  const instances = workbench.tree('Workers');
  await instances.waitFor('coordinator live');
  await instances.waitFor('worker-b live · load 0 of 1');
  await workbench.snap('typed-started');
  await terminal.run('clear; spl task add "Draft the notes" --alias TERM-1');
  await terminal.waitFor(/◇ Task created: Draft the notes/);
  const fanOuts = workbench.tree('Fan-Outs');
  await fanOuts.waitFor('Draft the notes inbox');
  await terminal.run(
    'clear; spl task fan-out TERM-1 --wait --subtask "goal=Draft,target=worker-a" --subtask "goal=Check,target=worker-b"',
  );
  await terminal.waitFor(/2 of 2 passed/);
  await fanOuts.waitFor(/^Draft the notes 2\/2 · nothing was run/);
  await fanOuts.expand('Draft the notes');
  await fanOuts.waitFor(/^Draft passed · nothing was run · .* worker-a/);
  await fanOuts.waitFor(/^Check passed · nothing was run · .* worker-b/);
  await workbench.snap('typed-joined');
  await terminal.run('clear; spl task speedup TERM-1');
  await terminal.waitFor(/estimated speedup:/);
  await workbench.snap('typed-speedup');
  await terminal.run('clear; spl fleet stop --all');
  await terminal.waitFor(/✓ coordinator stopped/);
  await workbench.page.getByText('The fleet is stopped').first().waitFor();
  await workbench.snap('typed-stopped');
}
