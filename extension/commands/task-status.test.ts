import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { editor, enter, escape, pick, type, type Answer } from '../../test/stubs/vscode.ts';
import { useFleet } from '../testing/suite.ts';

describe('the status of a task, set by people', () => {
  const on = useFleet();
  let made = 0;
  let thread: string;
  let subject: object;
  beforeEach(async () => {
    thread = await on.fleet.task(`STAND-${++made}`);
    subject = { kind: 'task', thread };
    await on.window.knows(thread);
  });

  const task = (): Promise<TaskDocument> => on.fleet.client.report('task', { task: thread });
  const say = async (...answers: readonly Answer[]): Promise<string> => {
    const { verbs } = await task();
    await on.window.knows(thread, ({ verbs: known }) => known.join() === verbs.join());
    editor.person.will(...answers);
    await on.window.run('fleet.setTaskStatus', subject);
    return (await task()).status;
  };

  it('offers the actions that the task allows, in the usual order', async () => {
    await say(escape);
    assert.deepEqual(editor.person.offered, ['Start', 'Done', 'Block', 'Defer', 'Fail']);
    assert.deepEqual(editor.person.texts, [`STAND-${made} is inbox`]);
    assert.equal(await say(enter), 'active');
    assert.deepEqual(editor.statusTexts, [`STAND-${made} is active`]);
  });

  it('goes from a start to a verdict, with a result and a reason', async () => {
    await say(pick('Start'));
    assert.equal(await say(pick('Done'), type(' all of it ')), 'review');
    assert.equal((await task()).evaluation.done?.summary, 'all of it');
    // The actor of the work may not review it.
    assert.equal(await say(pick('Approve'), enter), 'review');
    assert.equal(on.window.errors.length, 1);
    await on.fleet.client.submit('task.approve', { task: thread, reason: null });
    assert.equal(await say(pick('Reopen')), 'active');
    assert.equal(await say(pick('Fail'), type('no time')), 'failed');
    assert.equal((await task()).evaluation.reason, 'no time');
  });

  it('rejects the work of somebody else with a reason', async () => {
    await on.fleet.client.submit('task.done', { task: thread, summary: null });
    assert.equal(await say(pick('Reject'), type('not yet')), 'rejected');
    assert.equal((await task()).reason, 'not yet');
  });

  it('is blocked by a reason in words, which is required', async () => {
    assert.equal(await say(pick('Block'), pick('Something else…'), type(' ', 'the parts')), 'blocked');
    assert.deepEqual(editor.person.faults, ['A block says what it waits for.']);
    assert.equal((await task()).reason, 'the parts');
  });

  it('is blocked by another task, until that is approved', async () => {
    const other = await on.fleet.task('OTHER-1', { goal: 'come $(first)' });
    await on.window.knows(other);
    assert.equal(await say(pick('Block'), pick('OTHER-1')), 'blocked');
    assert.ok(!editor.person.offered.includes(`STAND-${made}`), 'it does not wait for itself');
    assert.deepEqual(
      (await task()).depends_on.map(({ alias }) => alias),
      ['OTHER-1'],
    );
  });

  it('is deferred for some days, or until somebody starts it', async () => {
    const before = Math.floor(Date.now() / 1000);
    assert.equal(await say(pick('Defer'), pick('For three days')), 'deferred');
    const until = (await task()).deferred_until_unix ?? 0;
    assert.ok(until >= before + 3 * 86_400 && until <= Date.now() / 1000 + 3 * 86_400);
    await on.fleet.client.submit('task.start', { task: thread, reason: null });
    assert.equal(await say(pick('Defer'), pick('Until somebody starts it')), 'deferred');
    assert.equal((await task()).deferred_until_unix, null);
  });

  it('stays the same when a question is cancelled', async () => {
    for (const left of [
      [escape],
      [pick('Done'), escape],
      [pick('Fail'), escape],
      [pick('Block'), escape],
      [pick('Block'), pick('Something else…'), escape],
      [pick('Defer'), escape],
    ])
      assert.equal(await say(...left), 'inbox');
    assert.deepEqual(editor.statusTexts, []);
  });

  it('is decided by its join, if the task has one', async () => {
    const fanned = await on.fleet.fanOut('FANNED-1', ['wait']);
    await on.window.knows(fanned, ({ fan_out: fanOut }) => fanOut !== null);
    await on.window.run('fleet.setTaskStatus', { kind: 'task', thread: fanned });
    assert.deepEqual(editor.person.told('info'), ['How FANNED-1 stands, its join decides.']);
  });
});
