import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type * as vscode from 'vscode';
import { child, done, fleet, pending, running, task } from '../../engine/cli/testing/documents.ts';
import type { ChildDocument, TaskDocument } from '../../engine/contract/documents.ts';
import { FleetError } from '../../engine/errors.ts';
import { useModel } from '../testing/model.ts';
import { rowsOf, textOf } from '../testing/trees.ts';
import { FanOutsTree } from './fan-outs.ts';
import type { Node } from './nodes.ts';

const HOSTILE = '$(trash) [x](command:fleet.stopAll) <img src=x>';

/** Returns a task whose fan-out has this number of subtasks, and was started 65 seconds ago. */
function fannedOut(subtasks: number, change: Partial<TaskDocument> = {}, more = {}): TaskDocument {
  const bare = task();
  const opened_unix = Date.now() / 1000 - 65;
  return {
    ...bare,
    thread: 'th',
    alias: 'ALIAS-1',
    goal: 'A',
    ...change,
    fan_out: { ...bare.fan_out!, subtasks, opened_unix, ...more },
  };
}

describe('the tree of fan-outs', () => {
  const on = useModel();
  let tree: FanOutsTree;
  let children: ChildDocument[];
  let told: (readonly Node[] | undefined)[];

  beforeEach(() => {
    const { model, session, log, client } = on.window;
    children = [];
    client.change({
      children: ({ offset, limit, indices }) => ({
        ...{ thread: 'th', alias: 'A', round: 1, total: children.length },
        children:
          (indices as number[] | undefined)?.map(index => children[index]!) ??
          children.slice(Number(offset), Number(offset) + Number(limit)),
      }),
    });
    tree = new FanOutsTree(model, on.window.scope, session, log);
    told = [];
    tree.onDidChangeTreeData(rows => told.push(rows));
  });
  afterEach(() => tree.dispose());

  /** Sets the tasks of the engine, and reports them. */
  async function has(...tasks: readonly TaskDocument[]): Promise<void> {
    await on.window.has({ tasks: { tasks } });
    told.length = on.window.client.asked.length = 0;
  }
  const isOpen = (text: string): boolean => !text.startsWith('Subtasks ');
  const shown = (): Promise<unknown> => rowsOf(tree, isOpen);
  const texts = async (rows: readonly Node[] | undefined): Promise<unknown> =>
    rows === undefined ? 'all' : Promise.all(rows.map(row => textOf(tree, row)));

  it('reads changes during a reading once', async () => {
    children = [running(0), running(1)];
    await has(fannedOut(2));
    await shown();
    on.window.client.asked.length = 0;
    let answer: () => void = () => undefined;
    const held = new Promise<void>(resolve => (answer = resolve));
    on.window.client.change({
      children: async ({ indices }) => {
        await held;
        const told = (indices as number[]).map(index => children[index]!);
        return { thread: 'th', alias: 'A', round: 1, total: 2, children: told };
      },
    });
    for (let i = 0; i < 20; i++) await on.window.task(fannedOut(2), i % 2);
    children = [done(0), done(1)];
    answer();
    await on.window.pass();
    const asked = on.window.client.asked.filter(({ name }) => name === 'children');
    assert.deepEqual(
      asked.map(({ input }) => (input['indices'] as number[]).toSorted()),
      [[0], [0, 1]],
    );
    assert.match(String(((await shown()) as [string, string[]][])[0]?.[1][1]), /passed/);
  });

  it('notes for a task and its subtasks that nothing was run', async () => {
    children = [child({ goal: 'npm test', executor: 'echo' })];
    await has(fannedOut(1, {}, { progress: '1 of 1 accepted', echo: 'echo: nothing was run' }));
    assert.deepEqual(await rowsOf(tree, text => text.startsWith('A ')), [
      [
        'A 1/1 · 1 running · nothing was run · 1 min 5 s',
        ['npm test passed · nothing was run · 1 s · worker-a'],
      ],
    ]);
  });

  it('shows tasks, their subtasks, and the attempts of these', async () => {
    children = [
      child({ index: 0, goal: 'Draft', attempt: 2, cost_usd: 0.5, earlier_attempts: [earlier(1)] }),
      pending(1),
    ];
    await has(
      task({ thread: 'th_bare', alias: 'B', goal: 'later', status: 'inbox', fan_out: null }),
      fannedOut(2),
    );
    assert.deepEqual(await rowsOf(tree, text => /^(A|Draft) /.test(text)), [
      [
        'A 1/2 · 1 running · 1 min 5 s',
        [
          [
            'Draft passed · 1 s · worker-a · $0.50 · attempt 2',
            [
              'Attempt 1 failed · exit 1 · 3 s · worker-b',
              'Attempt 2 passed · 1 s · worker-a · $0.50 · attempt 2',
            ],
          ],
          'Part 1 waiting for a free slot',
        ],
      ],
      'later inbox',
    ]);
  });

  it('shows the state of each task', async () => {
    const bare = (status: TaskDocument['status'], change: Partial<TaskDocument> = {}): TaskDocument =>
      task({ thread: `th_${status}`, goal: 'g', status, fan_out: null, ...change });
    const joined_unix = Date.now() / 1000;
    await has(
      bare('blocked', { reason: 'the parts' }),
      bare('deferred', { deferred_until_unix: 1_750_000_000 }),
      bare('review'),
      fannedOut(
        2,
        { status: 'approved' },
        { complete: true, under_way: false, outcome: 'satisfied', round: 2, serial: true, joined_unix },
      ),
    );
    assert.deepEqual(await rowsOf(tree), [
      'g in review',
      `g deferred (until ${new Date(1_750_000_000_000).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })})`,
      'g blocked (the parts)',
      'A 1/2 · retry 1 · one after another · 1 min 5 s · just now',
    ]);
  });

  it('marks follow-ups, and shows an unneeded one as skipped', async () => {
    const follower = { name: 'report', when: 'failed' } as const;
    children = [done(0, 'failed'), { ...pending(1, 'waits for [0]'), ...follower }];
    await has(fannedOut(2, {}, { follow_ups: 1 }));
    const rows = async (): Promise<string> => JSON.stringify(await shown());
    assert.match(await rows(), /report afterwards: waits for \[0\]/);
    children = [done(0), { ...done(1), ...follower, verdict: 'skipped', attempt: 0, after_join: true }];
    await on.window.task(fannedOut(2, {}, { follow_ups: 1 }), 0, 1);
    assert.match(await rows(), /report afterwards: not needed/);
    const [root] = await tree.getChildren();
    const item = tree.getTreeItem((await tree.getChildren(root))[1]!);
    assert.deepEqual(
      [(item.iconPath as vscode.ThemeIcon).id, item.contextValue],
      ['debug-step-over', 'child done'],
      'there is nothing to try again',
    );
  });

  it('shows the present counts of a run that failed while the rest goes on', async () => {
    const counts = { ...task().fan_out!.counts, accepted: 1, running: 1, failed: 1 };
    const over = { complete: true, under_way: true, outcome: 'unsatisfiable', counts };
    await has(fannedOut(3, { status: 'failed' }, { ...over, joined_unix: Date.now() / 1000 - 125 }));
    const [row] = await tree.getChildren();
    const { description, contextValue } = tree.getTreeItem(row!);
    assert.equal(description, '1/3 · 1 failed · 1 running · 0 s · 2 min ago');
    assert.equal(contextValue, 'task fanned joined open failed', 'it can be cancelled, and retried');
    const hover = tree.resolveTreeItem({}, row!).tooltip as vscode.MarkdownString;
    assert.match(hover.value, /\*\*failed\*\* · done when[^]*`ALIAS-1` · `th`/, 'ids are in the hover only');
  });

  it('has an own icon and words for each state, which menus test', async () => {
    children = [done(0), done(1, 'failed'), running(2), { ...running(3), stalled_secs: 9 }, pending(4)];
    await has(fannedOut(5, { status: 'active' }));
    const [root] = await tree.getChildren();
    const items = (await tree.getChildren(root)).map(row => tree.getTreeItem(row));
    assert.deepEqual(
      items.map(({ iconPath, contextValue }) => [(iconPath as vscode.ThemeIcon).id, contextValue]),
      [
        ['error', 'child done started retriable'],
        ['pass', 'child done started'],
        ['sync~spin', 'child running started'],
        ['warning', 'child running started'],
        ['clock', 'child pending'],
      ],
    );
    const item = tree.getTreeItem(root!);
    assert.deepEqual(
      [
        (item.iconPath as vscode.ThemeIcon).id,
        item.contextValue,
        item.command?.command,
        item.command?.arguments,
      ],
      ['sync~spin', 'task fanned open', 'fleet.openReport', [root]],
    );
    assert.match(item.accessibilityInformation?.label ?? '', /^A, running, 1\/5 · 1 running/);
  });

  it('has ranges for many subtasks, and reads only expanded ones', async () => {
    children = Array.from({ length: 250 }, (_, i) => pending(i));
    await has(fannedOut(250));
    const [root] = await tree.getChildren();
    const ranges = await tree.getChildren(root);
    assert.deepEqual(await texts(ranges), ['Subtasks 1 – 100', 'Subtasks 101 – 200', 'Subtasks 201 – 250']);
    assert.deepEqual(on.window.client.asked, []);
    const rows = await tree.getChildren(ranges[2]);
    assert.deepEqual([rows.length, on.window.client.asked.map(({ input }) => input['offset'])], [50, [200]]);
    assert.equal(tree.getParent(rows[0]!), ranges[2], 'the editor knows a row by being the same');
    tree.collapsed(ranges[2]!);
    await on.window.task(fannedOut(250), 200);
    assert.ok(
      !on.window.client.asked.slice(1).some(({ name }) => name === 'children'),
      'what is folded is not read',
    );
  });

  it('redraws only changed rows', async () => {
    children = [running(0), pending(1)];
    await has(fannedOut(2));
    await shown();
    on.window.client.asked.length = 0;
    children[1] = running(1);
    await on.window.task(fannedOut(2), 1);
    assert.equal(told.length, 1);
    assert.match(
      String(await texts(told[0])),
      /^A 1\/2 · 1 running · 1 min 5 s,Part 1 running · .* worker-a/,
    );
    assert.deepEqual(
      on.window.client.asked.filter(({ name }) => name === 'children').map(({ input }) => input['indices']),
      [[1]],
    );
  });

  it('redraws everything for a new task, or after a gap', async () => {
    await has(fannedOut(0));
    await shown();
    await on.window.task(task({ thread: 'th_new', alias: 'N' }));
    assert.deepEqual(told, [undefined]);
    await on.window.has({});
    assert.ok(told.slice(1).includes(undefined));
  });

  it('reads waiting subtasks again when their reason changes', async () => {
    children = [done(0), pending(1), running(2)];
    await has(fannedOut(3));
    await shown();
    on.window.client.asked.length = 0;
    children[1] = pending(1, "soft freeze of 'acme'");
    const freezes = [
      { namespace: 'acme', level: 'soft', grace_secs: 60, reason: null, issued_by: 'x', issued_at_unix: 1 },
    ];
    await on.window.fleet({ freezes });
    assert.deepEqual(await texts(told.flatMap(rows => rows ?? []).filter(row => row.kind === 'child')), [
      "Part 1 soft freeze of 'acme'",
      await textOf(tree, tree.node('th', 2)!),
    ]);
  });

  it('marks a frozen fan-out', async () => {
    const issued = { reason: null, issued_by: 'x', issued_at_unix: 1 };
    on.window.client.change({ fleet: fleet({ emergency: issued }) });
    const { counts } = task().fan_out!;
    const still = fannedOut(2, {}, { counts: { ...counts, running: 0 } });
    await has(fannedOut(2, { thread: 'th_runs', alias: 'R' }), still);
    assert.deepEqual(
      (await rowsOf(tree)).map(row => String(row).slice(0, 10)),
      ['A frozen ·', 'A frozen ·'],
    );
    const icons = (await tree.getChildren()).map(
      row => (tree.getTreeItem(row).iconPath as vscode.ThemeIcon).id,
    );
    assert.deepEqual(icons, ['sync~spin', 'lock'], 'what runs comes first');
  });

  it('redraws running times only while they are visible', async () => {
    children = [running(0), { ...running(1), started_unix: null }, done(2)];
    await has(fannedOut(3));
    await shown();
    told.length = 0;
    await on.window.pass(30_000);
    assert.deepEqual(told, [], 'nobody sees them');
    tree.isVisible = true;
    await on.window.pass(10_220);
    assert.deepEqual(await texts(told[0]), [
      await textOf(tree, tree.node('th', 0)!),
      await textOf(tree, tree.node('th')!),
    ]);
    tree.isVisible = false;
    told.length = 0;
    await on.window.pass(30_000);
    assert.deepEqual([told, on.window.clock.size], [[], 0]);
  });

  it('shows for how long an attempt has stalled', async () => {
    const now = Date.now() / 1000;
    children = [{ ...running(0), started_unix: now - 60, stalled_secs: 12, attempt: 2 }];
    await has(fannedOut(1));
    const [, [row]] = ((await shown()) as [[string, [[string]]]])[0];
    assert.match(row[0], /^Part 0 running · 1 min · worker-a · attempt 2 · no sign of life for 12 s$/);
  });

  it('shows text from elsewhere literally, also in tooltips', async () => {
    children = [{ ...done(0, 'failed'), goal: HOSTILE, reason: HOSTILE, summary: '``` [x](command:x)' }];
    await has(fannedOut(1, { goal: HOSTILE }, { predicate: HOSTILE }));
    const [root] = await tree.getChildren();
    const [row] = await tree.getChildren(root);
    for (const each of [root!, row!]) {
      const { tooltip } = tree.resolveTreeItem(tree.getTreeItem(each), each);
      const { value, isTrusted, supportHtml, supportThemeIcons } = tooltip as vscode.MarkdownString;
      assert.deepEqual([isTrusted, supportHtml, supportThemeIcons].filter(Boolean), []);
      const outside = value.replace(/\n(`{3,})text\n[\s\S]*?\n\1\n/g, '');
      assert.doesNotMatch(outside, /(?<!\\)\]\(|(?<!\\)!\[/);
    }
    assert.equal((tree.getTreeItem(row!).label as string).includes(HOSTILE), true);
  });

  it('stays the same while the engine does not answer, and is empty once there is none', async () => {
    children = [running(0)];
    await has(fannedOut(1));
    await shown();
    on.window.client.change({ children: new FleetError('UNREACHABLE', 'nobody answers') });
    await on.window.task(fannedOut(1), 0);
    assert.equal(on.window.log.lines.at(-1), 'warn reading subtasks: nobody answers');
    assert.match(String(await shown()), /^A .*Part 0 running · .* worker-a/);
    on.window.session.none();
    assert.deepEqual(await rowsOf(tree), []);
  });

  it('keeps the rows that were read of what has ended, when the fleet is stopped', async () => {
    children = [done(0), done(1)];
    const over = { complete: true, under_way: false, outcome: 'satisfied' };
    await has(fannedOut(2, {}, over));
    const before = await shown();
    on.window.session.none();
    assert.deepEqual(await shown(), before);
    assert.ok(JSON.stringify(before).includes('Part 1'), 'with its subtasks');
  });

  it('finds the row of a task or a subtask, if it has one', async () => {
    await has(fannedOut(2));
    const [root] = await tree.getChildren();
    assert.equal(tree.node('th'), root);
    assert.deepEqual(tree.node('th', 1), { kind: 'child', thread: 'th', index: 1 });
    assert.equal(tree.getParent(tree.node('th', 1)!), root);
    assert.equal(tree.node('th_other'), undefined);
  });

  const earlier = (attempt: number): ChildDocument['earlier_attempts'][number] =>
    ({
      ...{ attempt, verdict: 'failed', reason: 'exit 1', worker: 'worker-b', wall_time_secs: 3, work: null },
    }) as ChildDocument['earlier_attempts'][number];
});
