import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type * as vscode from 'vscode';
import {
  coordinator,
  done,
  instance,
  running,
  task,
  THREAD,
  WORKER_A_DID,
} from '../engine/cli/testing/documents.ts';
import type { ChildDocument, TaskDocument } from '../engine/contract/documents.ts';
import { FleetError } from '../engine/errors.ts';
import { dismiss, editor, press } from '../test/stubs/vscode.ts';
import { coordinatorStopped, notifications } from './notifications.ts';
import { settled } from './testing/editor.ts';
import { useModel } from './testing/model.ts';
import { Attention } from './views/attention.ts';

function failed(): TaskDocument {
  const bare = task();
  return {
    ...bare,
    thread: 'th',
    fan_out: { ...bare.fan_out!, complete: true, outcome: 'unsatisfiable' },
  };
}

describe('notifications', () => {
  const on = useModel();
  let owned: vscode.Disposable[];
  beforeEach(async () => {
    const attention = new Attention(on.window.model, on.window.scope);
    owned = [attention, notifications(attention, on.window.session)];
    for (const id of ['openReport', 'retryFailed', 'openInstanceLog', 'showOutput', 'cancel'])
      editor.handlers.set(`fleet.${id}`, () => undefined);
    await on.window.has({ tasks: { tasks: [task()] } });
  });
  afterEach(() => {
    for (const each of owned) each.dispose();
  });

  /** Sets the subtasks of the fan-out. */
  const has = (...children: readonly ChildDocument[]): void =>
    void on.window.client.change({
      children: ({ indices }) => ({
        ...{ thread: 'th', alias: 'FIRST-001', round: 1, total: children.length },
        children: indices === undefined ? [...children] : [...children.slice(0, 1)],
      }),
    });
  const buttons = (): readonly string[] => {
    const last = editor.person.asked.at(-1);
    return last !== undefined && 'buttons' in last ? last.buttons : [];
  };

  it('offer the report of a failed run, and a retry', async () => {
    editor.person.will(press('Retry Failed'));
    await on.window.task(failed());
    assert.deepEqual(editor.person.told('warning'), ['“Draft the notes” failed.']);
    assert.deepEqual(buttons(), ['Open Report', 'Retry Failed', "Don't Show Again"]);
    assert.deepEqual(editor.executed.at(-1), ['fleet.retryFailed', { kind: 'task', thread: 'th' }]);
  });

  it('name the goal, the first failed subtask with its reason, and the number of others', async () => {
    const late = { ...done(0, 'failed'), after_join: true };
    const follower = { ...done(4, 'failed'), when: 'always' } as const;
    has(
      late,
      follower,
      { ...done(1, 'failed'), name: 'lint', reason: 'exit 1' },
      done(2),
      done(3, 'timeout'),
    );
    await on.window.task(failed());
    assert.deepEqual(editor.person.told('warning'), [
      '“Draft the notes” failed. “lint” failed: exit 1; and 1 more.',
    ]);
  });

  it('offer the output of the only failed subtask', async () => {
    has({ ...done(0, 'failed'), name: 'lint', reason: 'exit 1' }, done(1));
    await on.window.task(failed());
    assert.deepEqual(buttons(), ['Open Output', 'Retry Failed', "Don't Show Again"]);
  });

  it('are silent about a run that ended because somebody cancelled its subtasks', async () => {
    has({ ...done(0, 'cancelled'), reason: 'cancelled by request' });
    await on.window.task(failed());
    assert.deepEqual(editor.person.texts, []);
    has({ ...done(0, 'cancelled'), reason: 'the budget is spent' });
    await on.window.task({ ...failed(), thread: 'th_2' });
    assert.deepEqual(editor.person.told('warning'), [
      '“Draft the notes” failed. “Part 0” cancelled: the budget is spent.',
    ]);
  });

  it('say quietly that a long run has passed', async () => {
    const bare = task();
    const over = { complete: true, under_way: false, outcome: 'satisfied', opened_unix: 1, joined_unix: 73 };
    const run = { name: 'release', number: 4 };
    await on.window.task({ ...bare, run, fan_out: { ...bare.fan_out!, ...over } });
    assert.deepEqual(editor.person.told('info'), ['“release #4” passed in 1 min 12 s.']);
  });

  it('offer nothing that starts work from an untrusted folder', async () => {
    editor.isTrusted = false;
    await on.window.task(failed());
    assert.deepEqual(buttons(), ['Open Report', "Don't Show Again"]);
  });

  it('offer to answer a subtask with a question, and its output', async () => {
    editor.person.will(press('Open Output'));
    has({ ...done(0), state: 'pending', verdict: null, name: 'lint', needs_you: 'May I run npm?' });
    const bare = task();
    const asking = { ...bare, fan_out: { ...bare.fan_out!, needs_you: [0] } };
    await on.window.task(asking);
    assert.deepEqual(editor.person.told('warning'), [
      '“lint” of “Draft the notes” needs you: May I run npm?',
    ]);
    assert.deepEqual(buttons(), ['Answer…', 'Open Output', "Don't Show Again"]);
    const subject = { kind: 'child', thread: bare.thread, index: 0 };
    assert.deepEqual(editor.executed.at(-1), ['fleet.showOutput', subject]);
  });

  it('name the goal and the subtasks of a lost worker', async () => {
    on.window.client.change({
      task: task(),
      children: () => ({
        ...{ thread: THREAD, alias: 'FIRST-001', round: 1, total: 2 },
        children: [{ ...running(0), name: 'lint' }, running(1)],
      }),
    });
    const of = { task: 'FIRST-001', thread: THREAD };
    const dispatches = [0, 1].map(subtask => ({ ...of, subtask }));
    const load = { active_dispatches: 3, dispatches };
    await on.window.fleet({ instances: [coordinator(), instance(load)] });
    await on.window.fleet({
      instances: [coordinator(), instance({ status: 'archived', note: 'its process died' })],
    });
    assert.deepEqual(editor.person.told('warning'), [
      'worker-a was lost (its process died) with “lint”, “Part 1” of “Draft the notes”; and 1 more.',
    ]);
  });

  it('offer the log of a lost worker', async () => {
    editor.person.will(press('Open Log'));
    const lost = instance({ status: 'archived', note: 'its process died' });
    await on.window.fleet({ instances: [coordinator(), lost] });
    assert.deepEqual(editor.person.told('warning'), [
      'worker-a was lost (its process died) with 1 subtask on it.',
    ]);
    assert.deepEqual(editor.executed.at(-1), [
      'fleet.openInstanceLog',
      { kind: 'instance', did: WORKER_A_DID },
    ]);
  });

  it('offer the output of an attempt without a sign of life, and to cancel it', async () => {
    editor.person.will(press('Cancel It'));
    has(running(1));
    await on.window.fleet({
      stalled: [{ task: 'FIRST-001', subtask: 1, worker: 'worker-a', stalled_secs: 90 }],
    });
    assert.deepEqual(editor.person.told('warning'), [
      '“Part 1” of “Draft the notes” has shown no sign of life for 1 min 30 s, on worker-a.',
    ]);
    assert.deepEqual(editor.executed.at(-1), [
      'fleet.cancel',
      { kind: 'attempt', thread: task().thread, index: 1, attempt: 1 },
    ]);
  });

  it('make no links from text from elsewhere', async () => {
    has({ ...done(0, 'failed'), reason: 'see [this](command:fleet.stopAll)' });
    await on.window.task(failed());
    assert.match(editor.person.told('warning')[0]!, /see \[this\] \(command:/);
  });

  it('stop for a kind that was turned off, and continue for the others', async () => {
    editor.person.will(press("Don't Show Again"));
    await on.window.task(failed());
    assert.equal(editor.settings.section('fleet').get('notifications.joinFailed'), false);
    await on.window.task({ ...failed(), thread: 'th_2' });
    assert.equal(editor.person.texts.length, 1);
    await on.window.fleet({ instances: [coordinator(), instance({ status: 'archived' })] });
    assert.equal(editor.person.texts.length, 2);
  });

  it('do nothing when they are dismissed', async () => {
    editor.person.will(dismiss);
    await on.window.task(failed());
    assert.deepEqual(editor.executed, []);
  });
});

describe('a coordinator that stopped', () => {
  const on = useModel();
  const full = new FleetError('LOG_POISONED', 'the log cannot be written', { hint: 'Remove the cause.' });

  it('is reported if it ran in this window, with a hint', async () => {
    const listening = coordinatorStopped(on.window.session);
    editor.handlers.set('fleet.reconnect', () => undefined);
    editor.person.will(press('Try Again'));
    on.window.session.live(on.window.client).down(full);
    await settled();
    assert.deepEqual(editor.person.told('error'), [
      'The fleet in this window stopped. The log cannot be written. Remove the cause.',
    ]);
    assert.deepEqual(editor.executed, [['fleet.reconnect']]);
    listening.dispose();
  });

  it('is not reported if it ran in another process, or was asked to stop', async () => {
    const listening = coordinatorStopped(on.window.session);
    on.window.session.live(on.window.client, false).down(full);
    on.window.session.live(on.window.client).none().down(full);
    await settled();
    assert.deepEqual(editor.person.texts, []);
    listening.dispose();
  });
});
