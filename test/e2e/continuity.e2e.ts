import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EditorUnderTest } from './editor.ts';
import { withEditor } from './with-editor.ts';
import type { Workbench } from './workbench.ts';
import { until } from '../editor/until.ts';
import { isNaming } from '../scenarios/processes.ts';

/** What becomes of a run whose window goes, in each of the ways in which windows go. */
describe('a run that outlives its window', () => {
  const options = { workspace: 'continuity', settings: { 'fleet.onWindowClose': 'continue' } };

  it(
    'goes on while the window is loaded again, and ends in it',
    withEditor({ name: 'reload', ...options }, async (workbench, editor) => {
      await startRun(workbench, editor);
      await workbench.page.reload();
      await workbench.ready();
      await workbench.openActivity('Fleet');
      await workbench.tree('Fan-Outs').waitFor('RUN-1 0 of 2 accepted');
      await release(editor);
      await workbench.tree('Fan-Outs').waitFor('RUN-1 2 of 2 accepted');
      await workbench.snap('finished');
      await ranOnce(editor);
    }),
  );

  it(
    'goes on when the extension host is killed, and the same window shows its end',
    withEditor({ name: 'killed', ...options }, async (workbench, editor) => {
      const host = await startRun(workbench, editor);
      process.kill(host, 'SIGKILL');
      await editor.fleet.instanceWhen('coordinator', 'in another process', ({ pid }) => pid !== host);
      await release(editor);
      assert.equal((await editor.fleet.joined('RUN-1')).outcome, 'satisfied');
      await workbench.tree('Fan-Outs').waitFor('RUN-1 2 of 2 accepted');
      await workbench.snap('finished');
      await ranOnce(editor);
    }),
  );

  it(
    'ends while no window is open, and the next one shows that',
    withEditor({ name: 'closed', ...options }, async (workbench, editor) => {
      const host = await startRun(workbench, editor);
      await workbench.page.close();
      await editor.fleet.instanceWhen('coordinator', 'in another process', ({ pid }) => pid !== host);
      await release(editor);
      assert.equal((await editor.fleet.joined('RUN-1')).outcome, 'satisfied');
      const next = await editor.open('closed-next');
      await next.openActivity('Fleet');
      await next.tree('Fan-Outs').waitFor('RUN-1 2 of 2 accepted');
      await next.snap('finished');
      await ranOnce(editor);
    }),
  );

  it(
    'is stopped when its window is loaded again, where that is wanted',
    withEditor(
      { name: 'stopped', ...options, settings: { 'fleet.onWindowClose': 'stop' } },
      async (workbench, editor) => {
        await startRun(workbench, editor);
        const { instances } = await editor.fleet.now();
        await workbench.page.reload();
        await workbench.ready();
        await until('nothing of the fleet runs', async () =>
          instances.some(({ pid }) => pid !== null && isNaming(pid, editor.scratch.root)) ? undefined : true,
        );
        await workbench.openActivity('Fleet');
        await workbench.tree('Fan-Outs').waitFor('RUN-1 0 of 2 accepted');
        assert.deepEqual(await workbench.tree('Instances').rows(), ['coordinator live · in this window']);
        await workbench.snap('no-workers');
        await workbench.runCommand('Fleet: Start Fleet');
        await release(editor);
        await workbench.tree('Fan-Outs').waitFor('RUN-1 2 of 2 accepted');
      },
    ),
  );
});

/** Starts a run that waits for a file. @returns the process of the extension host, which hosts it */
async function startRun(workbench: Workbench, { fleet, scratch }: EditorUnderTest): Promise<number> {
  await workbench.openActivity('Fleet');
  await workbench.runCommand('Fleet: Start Fleet');
  await workbench.tree('Instances').waitFor('worker-b live');
  const run = 'until test -e go; do sleep 0.05; done';
  await fleet.fanOut('RUN-1', scratch.workspace, [
    { goal: 'wait here', run },
    { goal: 'wait there', run },
  ]);
  await fleet.joinWhen('RUN-1', 'both run', ({ children }) =>
    children.every(({ state, started_unix: started }) => state === 'running' && started !== null),
  );
  await workbench.tree('Fan-Outs').waitFor('RUN-1 0 of 2 accepted');
  const { pid } = await fleet.instance('coordinator');
  assert.ok(pid !== null);
  return pid;
}

async function release({ scratch }: EditorUnderTest): Promise<void> {
  await writeFile(join(scratch.workspace, 'go'), '');
}

async function ranOnce({ fleet }: EditorUnderTest): Promise<void> {
  // Nobody may answer for a moment: a standby that has nothing left to wait for lets go, and the window takes over.
  const { children, round } = await fleet.joined('RUN-1');
  assert.equal(round, 1);
  assert.deepEqual(
    children.map(({ verdict, attempt }) => [verdict, attempt]),
    [
      ['accept', 1],
      ['accept', 1],
    ],
  );
}
