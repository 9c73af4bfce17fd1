import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { editor } from '../test/stubs/vscode.ts';
import { asCommand, COMMAND_IDS, decodeArguments, execute, type CommandId } from './command-registry.ts';
import type { WorkRef } from './targets.ts';
import { useEditor } from './testing/editor.ts';

const TARGETS = {
  instance: { kind: 'instance', did: 'did:sync:instance:1' },
  task: { kind: 'task', thread: 'th_1' },
  child: { kind: 'child', thread: 'th_1', index: 0 },
  attempt: { kind: 'attempt', thread: 'th_1', index: 0, attempt: 1 },
  range: { kind: 'range', thread: 'th_1', from: 0, to: 100 },
  namespace: { kind: 'namespace', id: 'acme' },
  plan: { kind: 'plan', uri: 'file:///a.fanout.yaml' },
  folder: { kind: 'folder', uri: 'file:///src' },
  'subtask of a plan': { kind: 'plan', uri: 'file:///a.fanout.yaml', subtask: 0, name: 'types' },
} as const;
type Target = keyof typeof TARGETS;

/** Returns the targets that a command takes. */
const takenBy = (id: CommandId): readonly Target[] =>
  (Object.keys(TARGETS) as Target[]).filter(target => decodeArguments(id, TARGETS[target]).length > 0);

describe('the argument of a command in a call from outside', () => {
  it('is a target of that command, or is dropped', () => {
    const taking = new Map<string, CommandId[]>();
    for (const id of COMMAND_IDS) {
      const targets = takenBy(id).join(', ');
      taking.set(targets, [...(taking.get(targets) ?? []), id]);
    }
    assert.deepEqual(
      [...taking.keys()].toSorted(),
      [
        '',
        'folder',
        'instance',
        'namespace',
        'plan, subtask of a plan',
        'subtask of a plan',
        'task, child, attempt',
      ],
      'no command takes targets of two kinds',
    );
    assert.deepEqual(taking.get('subtask of a plan'), ['fleet.runPlanSubtask']);
    assert.equal(
      taking.get('instance')?.every(id => /Instance|copyDid/.test(id)),
      true,
    );
    assert.equal(
      taking.get('namespace')?.every(id => id.includes('Namespace') || id.includes('Policy')),
      true,
    );
  });

  it('is a file or a folder if a menu of files calls it', () => {
    const uri = vscode.Uri.file('/src/a b.fanout.yaml');
    assert.deepEqual(decodeArguments('fleet.runPlan', uri), [{ kind: 'plan', uri: uri.toString() }]);
    assert.deepEqual(decodeArguments('fleet.newPlan', uri), [{ kind: 'folder', uri: uri.toString() }]);
    assert.deepEqual(decodeArguments('fleet.cancel', uri), []);
  });

  it('is only the task if the command acts on the whole task', () => {
    assert.deepEqual(decodeArguments('fleet.openReport', TARGETS.attempt), [
      { kind: 'attempt', thread: 'th_1' },
    ]);
    assert.deepEqual(decodeArguments('fleet.cancel', TARGETS.attempt), [TARGETS.attempt]);
  });

  it('is the selected row for a key binding, if the command accepts that row', () => {
    const selection = { kind: 'selection' };
    const decoded = (id: CommandId, ...rows: readonly WorkRef[]): readonly unknown[] =>
      decodeArguments(id, selection, undefined, () => rows);
    assert.deepEqual(decoded('fleet.cancel', TARGETS.child), [TARGETS.child]);
    assert.deepEqual(decoded('fleet.stopInstance', TARGETS.child), []);
    assert.deepEqual(decoded('fleet.cancel'), []);
    const both = [TARGETS.task, TARGETS.child];
    assert.deepEqual(decoded('fleet.cancel', ...both), [TARGETS.task, both]);
  });

  it('has all selected rows that the command accepts, if there are several', () => {
    const rows = [TARGETS.child, TARGETS.task, { kind: 'range' }];
    assert.deepEqual(decodeArguments('fleet.cancel', TARGETS.task, rows), [
      TARGETS.task,
      [TARGETS.child, TARGETS.task],
    ]);
    assert.deepEqual(decodeArguments('fleet.cancel', TARGETS.task, [TARGETS.task]), [TARGETS.task]);
    assert.deepEqual(decodeArguments('fleet.cancel', TARGETS.task, 'garbage'), [TARGETS.task]);
  });

  it('is dropped if it is garbage, for every command', () => {
    const garbage: readonly unknown[] = [
      ...[null, 42, 'x'.repeat(1_000_000), ['task'], {}, { kind: 'constructor' }, { kind: 'task' }],
      JSON.parse('{"__proto__":{"kind":"task","thread":"GONE-1"}}'),
      { kind: 'task', thread: '' },
      { kind: 'instance', did: 'd'.repeat(257) },
      { kind: 'plan', uri: 'u'.repeat(4097) },
      ...[-1, 0.5, Number.NaN, '0'].map(index => ({ kind: 'child', thread: 'th_1', index })),
    ];
    for (const id of COMMAND_IDS)
      for (const argument of garbage.filter(each => !isTaskOfChild(id, each)))
        assert.deepEqual(
          decodeArguments(id, argument),
          [],
          `${id} ${JSON.stringify(argument)?.slice(0, 60)}`,
        );
  });
});

/** Returns true if a broken reference to a subtask still names a task that the command acts on. */
const isTaskOfChild = (id: CommandId, argument: unknown): boolean =>
  decodeArguments(id, { kind: 'child', thread: 'th_1' }).length > 0 &&
  (argument as { kind?: unknown } | null)?.kind === 'child';

describe('a call of a command from a row, a lens or a button', () => {
  useEditor();
  let called: unknown[];
  beforeEach(() => {
    called = [];
    vscode.commands.registerCommand('fleet.cancel', (...args: unknown[]) => called.push(...args));
  });

  it('has the argument that it was described with', async () => {
    const cancel = asCommand('fleet.cancel', 'Cancel It', TARGETS.child);
    assert.deepEqual(cancel, { command: 'fleet.cancel', title: 'Cancel It', arguments: [TARGETS.child] });
    await execute(cancel);
    assert.deepEqual(called, [TARGETS.child]);
    assert.deepEqual(editor.executed.at(-1), ['fleet.cancel', TARGETS.child]);
  });

  it('does not compile with an argument that the command does not accept', () => {
    // @ts-expect-error an instance cannot be cancelled
    asCommand('fleet.cancel', '', TARGETS.instance);
    // @ts-expect-error the command takes no argument
    asCommand('fleet.stopAll', '', TARGETS.task);
    // @ts-expect-error unknown command
    asCommand('fleet.cancelAll', '');
    // @ts-expect-error a subtask of a plan needs a place
    asCommand('fleet.runPlanSubtask', '', TARGETS.plan);
  });
});
