import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EditorUnderTest } from './editor.ts';
import type { Workbench } from './workbench.ts';

/** Starts the fleet through the window, unless it runs. */
export async function startFleet(window: Workbench): Promise<void> {
  await window.openActivity('Fleet');
  await window.runCommand('Fleet: Start Fleet');
  await window.tree('Workers').waitFor('worker-b live');
}

/** Starts a run in the window. The run waits for a file. @returns the pid of the extension host, which hosts the run */
export async function startRun(window: Workbench, { fleet }: EditorUnderTest, task: string): Promise<number> {
  await startFleet(window);
  await window.tree('Workers').waitFor('coordinator live · in this window');
  const run = `until test -e ${task}; do sleep 0.05; done`;
  await fleet.fanOut(task, [
    { goal: 'wait here', run },
    { goal: 'wait there', run },
  ]);
  await fleet.joinWhen(task, 'both run', ({ children }) =>
    children.every(({ state, started_unix: started }) => state === 'running' && started !== null),
  );
  await window.tree('Fan-Outs').waitFor(`${task} 0 of 2 accepted`);
  const { pid } = await fleet.instance('coordinator');
  assert.ok(pid !== null);
  return pid;
}

/** Releases a waiting run. */
export async function release({ place }: EditorUnderTest, task: string): Promise<void> {
  await writeFile(join(place.workspace, task), '');
}

/** Resolves when the run is over. */
export async function ranOnce({ fleet }: EditorUnderTest, task: string): Promise<void> {
  // There may be no coordinator for a moment: a standby without work releases the home, and the window takes over.
  const { outcome, children, round } = await fleet.joined(task);
  assert.deepEqual([outcome, round], ['satisfied', 1]);
  assert.deepEqual(
    children.map(({ verdict, attempt }) => [verdict, attempt]),
    [
      ['accept', 1],
      ['accept', 1],
    ],
  );
}
