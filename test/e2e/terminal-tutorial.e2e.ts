import { withEditor } from './with-editor.ts';

/** The tutorial again, typed: what is typed shows in the views of the same window. */
describe('the tutorial in the integrated terminal', () => {
  const settings = { 'workbench.colorTheme': 'Default Light Modern' };

  it(
    'runs by spl alone, and the views follow, in a light theme',
    withEditor({ name: 'terminal', workspace: 'tutorial', noHome: true, settings }, async workbench => {
      await workbench.openActivity('Fleet');
      await workbench.welcomeButton('Start Fleet').waitFor();
      await workbench.runCommand('Terminal: Create New Terminal');
      const { terminal } = workbench;
      await terminal.ready();
      await terminal.run('spl fleet start --workers 2');
      await terminal.waitFor(/fleet converged/);
      const instances = workbench.tree('Instances');
      await instances.waitFor('coordinator live');
      await instances.waitFor('worker-b live · load 0 of 1');
      await workbench.snap('started');
      await terminal.run('clear; spl task add "Draft the notes" --alias TERM-1');
      await terminal.waitFor(/◇ Task created: Draft the notes/);
      const fanOuts = workbench.tree('Fan-Outs');
      await fanOuts.waitFor('TERM-1 Draft the notes');
      await terminal.run(
        'clear; spl task fan-out TERM-1 --wait --subtask "goal=Draft,target=worker-a" --subtask "goal=Check,target=worker-b"',
      );
      await terminal.waitFor(/Join complete: +yes/);
      await fanOuts.waitFor('TERM-1 2 of 2 accepted');
      await fanOuts.expand('TERM-1');
      await fanOuts.waitFor('[0] Draft accepted · worker-a');
      await fanOuts.waitFor('[1] Check accepted · worker-b');
      await workbench.snap('joined');
      await terminal.run('clear; spl task speedup TERM-1');
      await terminal.waitFor(/estimated speedup:/);
      await workbench.snap('speedup');
      await terminal.run('clear; spl fleet stop --all');
      await terminal.waitFor(/✓ coordinator stopped/);
      await workbench.welcomeButton('Start Fleet').waitFor();
      await workbench.snap('stopped');
    }),
  );
});
