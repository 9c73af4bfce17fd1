import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import type { ChildDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { editor, enter, escape, pick, press, tick, type } from '../../test/stubs/vscode.ts';
import type { CommandId } from '../command-registry.ts';
import { useFleet } from '../testing/suite.ts';

describe('the commands for tasks', () => {
  const on = useFleet();
  let made = 0;
  let alias: string;
  beforeEach(() => {
    alias = `TASK-${++made}`;
  });

  const task = (thread: string): Promise<TaskDocument> => on.fleet.client.report('task', { task: thread });
  const children = async (thread: string): Promise<readonly ChildDocument[]> =>
    (await on.fleet.client.report('children', { task: thread, offset: 0, limit: 10 })).children;
  const at = (thread: string, index: number): object => ({ kind: 'child', thread, index });

  /** Adds a task whose subtasks end with these verdicts. */
  async function ended(...verdicts: readonly ('accept' | 'failed')[]): Promise<string> {
    const thread = await on.fleet.fanOut(
      alias,
      verdicts.map((_, i) => `part ${i}`),
    );
    for (const [index, verdict] of verdicts.entries()) await on.fleet.end(thread, index, verdict);
    await on.window.knows(thread, ({ fan_out: fanOut }) => fanOut?.complete === true);
    return thread;
  }

  describe('for a retry', () => {
    it('retry the failed one, with a hint', async () => {
      const thread = await ended('accept', 'failed');
      editor.person.will(type('begin at the end'));
      await on.window.run('fleet.retry', { kind: 'task', thread });
      assert.match(editor.person.texts[0]!, /^Retry “part 1”: A hint/);
      assert.equal((await on.fleet.taken(thread, 1))['attempt'], 2);
      assert.equal((await on.fleet.taken(thread, 1))['hint'], 'begin at the end');
      await on.fleet.end(thread, 1, 'accept');
      const { fan_out: fanOut } = await task(thread);
      assert.deepEqual([fanOut?.round, fanOut?.outcome], [2, 'satisfied']);
    });

    it('offer those that did not accept, and send no empty hint', async () => {
      const thread = await ended('failed', 'accept', 'failed');
      editor.person.will(pick('part 2'), enter);
      await on.window.run('fleet.retry', { kind: 'task', thread });
      assert.deepEqual(editor.person.offered, ['part 0', 'part 2']);
      assert.equal((await on.fleet.taken(thread, 2))['hint'] ?? null, null);
    });

    it('retry nothing when the hint is cancelled', async () => {
      const thread = await ended('failed');
      editor.person.will(escape);
      await on.window.run('fleet.retry', at(thread, 0));
      assert.deepEqual(
        (await children(thread)).map(({ attempt }) => attempt),
        [1],
      );
    });

    it('retry all that did not accept, in one round', async () => {
      const thread = await ended('failed', 'accept', 'failed');
      await on.window.run('fleet.retryFailed', { kind: 'task', thread });
      assert.deepEqual(editor.statusTexts, [`Started again what failed of “${alias}”`]);
      for (const index of [0, 2]) await on.fleet.end(thread, index, 'accept');
      const { fan_out: fanOut } = await task(thread);
      assert.deepEqual([fanOut?.round, fanOut?.outcome], [2, 'satisfied']);
    });

    it('offer the tasks with failed subtasks', async () => {
      const failed = await ended('failed');
      alias = `${alias}-fine`;
      await ended('accept');
      editor.person.will(escape);
      await on.window.run('fleet.retryFailed');
      const [asked] = editor.person.asked;
      const labels = asked?.kind === 'pick' ? asked.items.map(({ label }) => label) : [];
      assert.ok(labels.includes((await task(failed)).alias) && !labels.includes(alias));
    });

    it('report if no subtask fits', async () => {
      const thread = await ended('accept');
      await on.window.run('fleet.retry', { kind: 'task', thread });
      assert.deepEqual(editor.person.told('info'), [`“${alias}” has no subtask that fits.`]);
    });
  });

  describe('for several rows', () => {
    const rows = (...threads: readonly string[]): readonly object[] =>
      threads.map(thread => ({ kind: 'task', thread }));
    const select = (command: CommandId, ...selected: readonly object[]): Promise<void> =>
      on.window.run(command, selected[0], selected);

    it('retry the subtasks that did not pass, those of a task in one round', async () => {
      const thread = await ended('failed', 'accept', 'failed');
      await select('fleet.retry', at(thread, 0), at(thread, 1), at(thread, 2));
      for (const index of [0, 2]) await on.fleet.end(thread, index, 'accept');
      const { fan_out: fanOut } = await task(thread);
      assert.deepEqual([fanOut?.round, fanOut?.outcome], [2, 'satisfied']);
    });

    it('cancel the open tasks after one question', async () => {
      const over = await ended('accept');
      const open: string[] = [];
      for (const name of [`${alias}-a`, `${alias}-b`]) open.push(await on.fleet.task(name));
      await on.window.knows(`${alias}-b`);
      editor.person.will(press('Cancel the Tasks'));
      await select('fleet.cancel', ...rows(over, ...open));
      assert.deepEqual(
        [editor.person.texts, editor.person.detail],
        [['Cancel 2 tasks?'], `${alias}-a\n${alias}-b`],
      );
      for (const thread of open) assert.equal((await task(thread)).status, 'cancelled');
    });

    it('archive the finished ones, and show them again on request', async () => {
      const over = await ended('accept');
      const open = await on.fleet.task(`${alias}-open`);
      await on.window.knows(`${alias}-open`);
      await select('fleet.archive', ...rows(over, open));
      await on.window.until(() => on.window.model.task(alias) === undefined);
      assert.deepEqual(editor.person.told('info'), [`“${alias}” is archived.`]);
      editor.person.will(tick(alias));
      await on.window.run('fleet.showArchived');
      await on.window.knows(alias);
      editor.person.will(press('Undo'));
      await select('fleet.archive', ...rows(over));
      await on.window.knows(alias);
      assert.equal((await task(over)).archived, false);
      await on.fleet.client.submit('task.cancel', { task: open, subtask: null, reason: null });
    });
  });

  describe('to run again', () => {
    it('start the same subtasks as a new task, and reveal it', async () => {
      const thread = await ended('accept');
      await on.window.run('fleet.rerun', { kind: 'task', thread });
      const [shown] = on.window.revealed as { thread: string }[];
      assert.ok(shown !== undefined && shown.thread !== thread);
      const again = await task(shown.thread);
      assert.deepEqual([again.goal, again.fan_out?.subtasks], [alias, 1]);
      await on.fleet.end(shown.thread, 0, 'accept');
    });
  });

  describe('to cancel', () => {
    it('cancel no attempt later than the shown one', async () => {
      const thread = await on.fleet.fanOut('LATER-1', ['wait', 'wait longer']);
      await on.fleet.end(thread, 0, 'failed');
      await on.window.run('fleet.cancel', { ...at(thread, 0), kind: 'attempt', attempt: 2 });
      assert.deepEqual(editor.person.told('info'), ['Attempt 2 has ended by itself; nothing is cancelled.']);
      await on.fleet.taken(thread, 1);
      await on.window.run('fleet.cancel', { ...at(thread, 1), kind: 'attempt', attempt: 1 });
      await on.fleet.toldToEnd(thread, 1);
      await on.fleet.end(thread, 1, 'cancelled');
    });

    it('cancel a running subtask without confirmation, and show how to continue', async () => {
      const thread = await on.fleet.fanOut(alias, ['go on', 'be quick']);
      await on.fleet.end(thread, 1, 'accept');
      await on.window.run('fleet.cancel', at(thread, 0));
      await on.fleet.toldToEnd(thread, 0);
      await on.fleet.end(thread, 0, 'cancelled');
      assert.equal((await task(thread)).fan_out?.outcome, 'unsatisfiable');
      assert.deepEqual(editor.statusTexts, ['Cancelled “go on”. Retry runs it again.']);
    });

    it('cancel a task without a fan-out without confirmation', async () => {
      const thread = await on.fleet.task(alias);
      await on.window.run('fleet.cancel', { kind: 'task', thread });
      assert.equal((await task(thread)).status, 'cancelled');
    });

    it('cancel a fan-out only after confirmation', async () => {
      const thread = await on.fleet.fanOut(alias, ['go on']);
      await on.fleet.taken(thread);
      editor.person.will(escape);
      await on.window.run('fleet.cancel', { kind: 'task', thread });
      assert.equal((await task(thread)).fan_out?.complete, false);
      assert.equal(editor.person.texts.at(-1), `Cancel “${alias}”?`);
      editor.person.will(press('Cancel the Task'));
      await on.window.run('fleet.cancel', { kind: 'task', thread });
      assert.equal((await task(thread)).fan_out?.outcome, 'cancelled');
      await on.fleet.end(thread, 0, 'cancelled');
    });

    it('offer the open tasks', async () => {
      const over = await ended('accept');
      await on.fleet.task(`${alias}-bare`);
      const open = await on.fleet.fanOut(`${alias}-open`, ['go on']);
      await on.window.knows(open, ({ fan_out: fanOut }) => fanOut !== null);
      editor.person.will(escape);
      await on.window.run('fleet.cancel');
      const own = editor.person.offered.filter(label => label.startsWith(alias));
      assert.deepEqual(own, [`${alias}-open`, `${alias}-bare`]);
      assert.ok((await task(over)).fan_out?.complete);
      await on.fleet.end(open, 0, 'accept');
    });
  });

  describe('to read', () => {
    it('open the report of a task', async () => {
      const thread = await ended('accept');
      await on.window.run('fleet.openReport', { kind: 'task', thread });
      assert.deepEqual(on.window.reports, [thread]);
    });

    it('run it serially, and open the report that measures it', async () => {
      const thread = await ended('accept', 'accept');
      await on.window.run('fleet.runSerial', { kind: 'task', thread });
      assert.deepEqual(on.window.reports, [thread]);
      const serial = await task(`${alias}-serial`);
      assert.equal(serial.fan_out?.serial_of, thread);
      for (const index of [0, 1]) await on.fleet.end(serial.thread, index, 'accept');
    });

    it('show the engine’s document of a task, and its records', async () => {
      const thread = await ended('accept');
      await on.window.run('fleet.showJson', { kind: 'task', thread });
      const [path, text] = on.window.shown;
      assert.deepEqual([path, JSON.parse(text)], [`/${alias}.json`, await task(thread)]);
      await on.window.run('fleet.showThread', { kind: 'task', thread });
      const { records } = await on.fleet.client.report('thread.records', { thread });
      assert.ok(records.length > 1);
      assert.deepEqual(JSON.parse(on.window.shown[1]), records);
    });

    it('show a page of a task, with its subtasks', async () => {
      const thread = await ended('accept');
      await on.window.run('fleet.showTask', { kind: 'task', thread });
      const [path, text] = on.window.shown;
      assert.equal(path, `/${alias}.md`);
      assert.match(text, /\*\*State\*\* \| passed/);
      assert.match(text, /\*\*Done when\*\* \| ` all ` \|/);
      assert.match(text, /## Subtasks/);
    });

    it('replay the history of its status', async () => {
      const thread = await ended('accept');
      await on.window.run('fleet.replay', { kind: 'task', thread });
      const [path, text] = on.window.shown;
      assert.equal(path, `/History of ${alias}.md`);
      assert.match(text, /^# History of /);
      assert.match(text, /\napproved, after \d+ events\\\.\n/);
      assert.match(text, /\| \*\*active\*\* \|/);
      assert.match(text, /fanout\\_join\\_complete/);
    });

    it('show the records of a subtask’s own thread', async () => {
      const thread = await ended('accept');
      const [child] = await children(thread);
      await on.window.run('fleet.showThread', at(thread, 0));
      assert.equal(on.window.shown[0], `/${child!.thread}.json`);
    });

    it('show the records of any picked thread', async () => {
      const thread = await on.fleet.task(alias, { goal: 'cost $(trash) nothing' });
      editor.person.will(pick(`${alias}: cost \\$(trash) nothing`));
      await on.window.run('fleet.showThread');
      assert.equal(on.window.shown[0], `/${thread}.json`);
      assert.ok(editor.person.offered.length > 1);
    });

    it('put names on the clipboard', async () => {
      const thread = await ended('accept');
      await on.window.run('fleet.copyAlias', { kind: 'task', thread });
      assert.equal(editor.clipboard, alias);
      await on.window.run('fleet.copyThread', { kind: 'task', thread });
      assert.equal(editor.clipboard, thread);
      await on.window.run('fleet.copyThread', at(thread, 0));
      assert.equal(editor.clipboard, (await children(thread))[0]!.thread);
      assert.equal(editor.statusTexts[0], `Copied ${alias}`);
    });

    it('show the output of an attempt in a terminal with its name', async () => {
      const thread = await ended('failed');
      await on.window.run('fleet.showOutput', at(thread, 0));
      await on.window.run('fleet.showOutput', { kind: 'attempt', thread, index: 0, attempt: 2 });
      assert.deepEqual(
        editor.terminals.map(({ name, isShown }) => [name, isShown]),
        [
          [`part 0 · ${alias}`, true],
          [`part 0 · ${alias} #2`, true],
        ],
      );
    });

    it('open nothing for a subtask without its own worktree', async () => {
      const thread = await ended('accept');
      for (const command of [
        'fleet.openChanges',
        'fleet.openWorktree',
        'fleet.openWorktreeTerminal',
      ] as const)
        await on.window.run(command, at(thread, 0));
      const told = `“${alias} · part 0” has no changes in a worktree of its own.`;
      assert.deepEqual(editor.person.told('info'), [told, told, told]);
      assert.deepEqual([editor.terminals, editor.texts.active], [[], undefined]);
    });
  });
});
