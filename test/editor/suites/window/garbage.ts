import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import * as vscode from 'vscode';
import { extension, fleet, run, stopFleet } from '../support.ts';

/** Arguments with which another extension, a link or a key binding may call a command. */
describe('commands with invalid arguments', () => {
  let thread: string;

  before(async () => {
    await extension().activate();
    await run('fleet.start');
    const made = await fleet.fanOut('GONE-1', [{ goal: 'go on', run: 'exec sleep 600' }]);
    ({ thread } = made);
    // With more than one task to cancel, the command asks for one.
    await fleet.addTask('BARE-1', null);
    await fleet.joinWhen('GONE-1', 'it runs', ({ children }) => children[0]?.started_unix != null);
  });

  after(async () => {
    await run('fleet.cancel', { kind: 'child', thread, index: 0 });
    await fleet.joined('GONE-1');
    await stopFleet();
  });

  it('change nothing, and leave the fleet as it is', async () => {
    const garbage: readonly unknown[] = [
      42,
      'x'.repeat(1_000_000),
      ['task'],
      { kind: 'constructor' },
      JSON.parse('{"__proto__":{"kind":"task","thread":"GONE-1"}}'),
      { kind: 'child', thread, index: -1 },
      { kind: 'child', thread, index: 0.5 },
      { kind: 'child', thread, index: Number.NaN },
      { kind: 'child', thread, index: 7 },
      { kind: 'attempt', thread, index: 0, attempt: -1 },
      { kind: 'task', thread: '../../etc/passwd' },
      { kind: 'instance', did: 'did:sync:instance:ffffffffffffffff' },
    ];
    const commands = ['fleet.cancel', 'fleet.retry', 'fleet.stopInstance', 'fleet.restartInstance'];
    for (const command of commands) for (const argument of garbage) await left(command, argument);
    const { live } = await fleet.state();
    assert.equal(live, 3);
    const { children, round, complete } = await fleet.join('GONE-1');
    assert.deepEqual(
      [children.length, children[0]?.state, children[0]?.attempt, round, complete],
      [1, 'running', 1, 1, false],
    );
  });
});

/** Calls a command, and cancels its questions. */
async function left(command: string, argument: unknown): Promise<void> {
  let isDone = false;
  const called = vscode.commands.executeCommand(command, argument).then(() => (isDone = true));
  while (!isDone) {
    await Promise.race([called, delay(100)]);
    if (!isDone) await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
  }
  await called;
}
