import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type * as vscode from 'vscode';
import { speedup } from '../../engine/cli/testing/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { editor } from '../../test/stubs/vscode.ts';
import { decodeArguments, type CommandId } from '../command-registry.ts';
import { A, joined, OUTLINE, usePlans, written } from '../testing/plans.ts';
import { PlanLenses } from './lenses.ts';

describe('the lenses of a plan', () => {
  const on = usePlans();
  let lenses: PlanLenses;
  let redrawn: number;
  beforeEach(() => {
    lenses = new PlanLenses(on.window.plans, on.window.session);
    redrawn = 0;
    lenses.onDidChangeCodeLenses(() => (redrawn += 1));
  });
  afterEach(() => lenses.dispose());

  const given = async (): Promise<readonly vscode.CodeLens[]> => {
    const provider = editor.registered.get('codeLenses') as PlanLenses;
    return provider.provideCodeLenses({ uri: A } as vscode.TextDocument);
  };
  const titles = async (): Promise<readonly (string | undefined)[]> =>
    (await given()).map(({ command }) => command?.title);

  it('are actions on the plan, and on each subtask at its place', async () => {
    await on.window.open(A, { ...OUTLINE, subtasks: written(['types'], ['test-1', 'test-2']) });
    assert.deepEqual(
      (await given()).map(({ command, range }) => [range.start.line, command?.title, command?.command]),
      [
        [0, '$(play) Run', 'fleet.runPlan'],
        [0, 'Run Serially', 'fleet.runPlanSerially'],
        [0, 'Preview', 'fleet.previewPlan'],
        [2, '$(play) Run', 'fleet.runPlanSubtask'],
        [5, '$(play) Run', 'fleet.runPlanSubtask'],
      ],
    );
    const targets = (await given()).flatMap(({ command }) => [
      ...decodeArguments(command?.command as CommandId, command?.arguments?.[0]),
    ]);
    const plan = { kind: 'plan', uri: A.toString() };
    const subtasks = [
      { ...plan, subtask: 0, name: 'types' },
      { ...plan, subtask: 1, name: 'test-1' },
    ];
    assert.deepEqual(targets, [plan, plan, plan, ...subtasks]);
  });

  it('note a run in which nothing was run', async () => {
    await on.window.open(A);
    await on.window.ran(A, joined({}, { echo: 'echo: nothing was run' }));
    assert.ok((await titles()).includes('Last: 2.0× (estimated) · echo: nothing was run'));
  });

  it('are none if the plan cannot be read', async () => {
    await on.window.open(A, null);
    assert.deepEqual(await titles(), []);
  });

  it('show the progress of the last run, then its speedup', async () => {
    await on.window.open(A);
    const last = async (): Promise<string | undefined> =>
      (await titles()).find(title => title?.startsWith('Last'));
    assert.equal(await last(), undefined);
    await on.window.ran(A, joined({}, { complete: false, completed: 1, outcome: null }));
    assert.equal(await last(), 'Last: running, 1 of 2');
    await on.window.has(
      joined({}, { complete: false, completed: 1, outcome: null, subtasks: 3, follow_ups: 1 }),
    );
    assert.equal(await last(), 'Last: running, 1 of 2', 'what follows the join is no part of it');
    await on.window.has(joined());
    assert.equal(await last(), 'Last: 2.0× (estimated)');
    const measured = { serial_wall_secs: 3, speedup: 2.94, serial_thread: 'th', serial_alias: 'S' };
    on.window.client.change({ speedup: { ...speedup(), measured } });
    assert.equal(await last(), 'Last: 2.9× (measured)');
    on.window.client.change({ speedup: new FleetError('CONFLICT', 'nothing to report') });
    assert.equal(await last(), 'Last: passed', 'where no speedup can be told');
  });

  it('are updated when the plan or its last run changes', async () => {
    await on.window.open(A);
    assert.equal(redrawn, 1);
    await on.window.ran(A, joined());
    assert.equal(redrawn, 3, 'for the run, and for what came of it');
  });
});
