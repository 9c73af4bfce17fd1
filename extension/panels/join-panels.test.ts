import assert from 'node:assert/strict';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { editor, escape, part, press, saveAs, type, type ShownPanel } from '../../test/stubs/vscode.ts';
import { decodeToView, type ToView, type ViewRequest } from '../../webview/protocol.ts';
import type { CommandId } from '../command-registry.ts';
import { next, settled } from '../testing/editor.ts';
import { useFleet } from '../testing/suite.ts';
import { registerPanels } from './register.ts';

type Message<T extends ToView['type']> = ToView & { readonly type: T };

/** The page of a panel, with the messages that it receives and sends. */
class Page {
  readonly panel: ShownPanel;
  #requests = 0;

  constructor(panel: ShownPanel) {
    this.panel = panel;
  }

  get told(): readonly ToView[] {
    return this.panel.posted.map(posted => {
      const decoded = decodeToView(posted);
      assert.ok(decoded.ok, 'the page understands it');
      return decoded.message;
    });
  }

  /** Waits for the first message of this type that satisfies the condition. */
  async message<T extends ToView['type']>(
    type: T,
    isSo: (message: Message<T>) => boolean = () => true,
  ): Promise<Message<T>> {
    const find = (): Message<T> | undefined =>
      this.told.find((each): each is Message<T> => each.type === type && isSo(each as Message<T>));
    if (find() === undefined) await next(this.panel.onDidPost, () => find() !== undefined);
    return find()!;
  }

  /** Reports that the page is ready, and waits until the panel follows. */
  async ready(): Promise<this> {
    this.panel.send({ type: 'ready' });
    await this.message('stream', ({ state }) => state === 'live');
    return this;
  }

  async ask(request: ViewRequest): Promise<Message<'reply'>['result']> {
    const id = (this.#requests += 1);
    this.panel.send({ type: 'request', id, request });
    return (await this.message('reply', reply => reply.id === id)).result;
  }

  /** Drops the messages received so far. */
  forget(): void {
    this.panel.posted.length = 0;
  }
}

describe('the panel of a join', () => {
  const on = useFleet();
  let panels: ReturnType<typeof registerPanels>;
  let made = 0;
  let alias: string;
  let thread: string;
  beforeEach(async () => {
    const { session: access, model, log, runCommand: run } = on.window;
    panels = registerPanels({ extensionUri: vscode.Uri.file('/extension'), access, model, log, run });
    alias = `PANEL-${++made}`;
    thread = await on.fleet.fanOut(alias, ['say hello', 'say goodbye']);
    await on.window.knows(thread, ({ fan_out: fanOut }) => fanOut !== null);
  });
  afterEach(() => {
    panels.dispose();
  });

  function open(): Page {
    panels.open({ thread, alias });
    return new Page(editor.panels.at(-1)!);
  }
  /** Ends both subtasks. */
  async function end(verdict: 'accept' | 'failed' = 'accept'): Promise<void> {
    await on.fleet.end(thread, 0, 'accept');
    await on.fleet.end(thread, 1, verdict);
    await on.window.knows(thread, ({ fan_out: fanOut }) => fanOut?.complete === true);
  }
  const client = () => on.fleet.client;

  it('is one for each task, and is revealed when it is opened again', () => {
    for (const each of ['ONE', 'OTHER', 'ONE']) panels.open({ thread: each, alias: each });
    assert.deepEqual(
      editor.panels.map(({ title, reveals }) => [title, reveals]),
      [
        ['ONE', 1],
        ['OTHER', 0],
      ],
    );
    editor.panels[0]!.dispose();
    panels.open({ thread: 'ONE', alias: 'ONE' });
    assert.equal(editor.panels.length, 3);
  });

  it('has an icon, and the name of its task as its title', async () => {
    const { panel } = await open().ready();
    assert.equal(panel.title, alias);
    const { light, dark } = panel.iconPath as { light: vscode.Uri; dark: vscode.Uri };
    for (const each of [light, dark])
      await access(new URL(`../../media/${each.path.split('/').at(-1)}`, import.meta.url));
  });

  it('takes the place of its tab of an earlier session, which was not shown since', () => {
    const tab = (label: string, viewType: string): vscode.Tab =>
      part<vscode.Tab>('Tab', {
        label,
        input: new vscode.TabInputWebview(viewType),
        group: part<vscode.TabGroup>('TabGroup', { viewColumn: 2 }),
      });
    const [same, other, foreign] = [
      tab(alias, 'mainThreadWebview-fleet.join'),
      tab('OTHER', 'mainThreadWebview-fleet.join'),
      tab(alias, 'mainThreadWebview-markdown.preview'),
    ];
    editor.sleepingTabs = [other, foreign, same];
    open();
    assert.deepEqual(editor.sleepingTabs, [other, foreign]);
  });

  it('sends its page the texts, the task, the fan-out to its end, and the speedup', async () => {
    const page = await open().ready();
    assert.deepEqual([page.told[0]?.type, page.panel.title], ['init', alias]);
    const task = await page.message('task');
    assert.deepEqual([task.alias, task.goal, task.serial], [alias, alias, false]);
    const first = await page.message('change');
    assert.deepEqual([first.reset, first.children.length, first.join.complete], [true, 2, false]);
    page.panel.send({ type: 'applied', seq: first.seq });
    await end();
    const last = await page.message('change', ({ join: { complete } }) => complete);
    assert.equal(last.join.outcome, 'satisfied');
    const { report } = await page.message('speedup', ({ report }) => report !== null);
    assert.notEqual(report, null);
  });

  it('allows its page nothing but its own files', () => {
    const { html, options } = open().panel.webview;
    assert.match(html, /default-src 'none'/);
    assert.match(html, /src="webview:\/extension\/dist\/webview\/main\.js"/);
    assert.deepEqual(
      options.localResourceRoots?.map(({ path }) => path),
      ['/extension/dist/webview'],
    );
  });

  it('follows nothing while it is hidden or paused, and everything again afterwards', async () => {
    const page = await open().ready();
    assert.deepEqual(await page.ask({ kind: 'pause' }), { ok: true, value: null });
    await page.message('stream', ({ state }) => state === 'paused');
    page.forget();
    await on.fleet.start(thread, 0);
    await on.window.knows(thread, ({ fan_out: fanOut }) => fanOut!.counts.running > 0);
    await settled();
    assert.deepEqual(page.told, []);
    await page.ask({ kind: 'resume' });
    assert.equal((await page.message('change')).reset, true);
    page.panel.see(false);
    page.forget();
    await end();
    assert.deepEqual(page.told, []);
    page.panel.see(true);
    await page.ready();
    assert.equal((await page.message('change')).join.complete, true);
  });

  it('reports that no engine answers, and continues with the next one', async () => {
    const answering = on.window.session.client!;
    on.window.session.none();
    const page = open();
    page.panel.send({ type: 'ready' });
    const { note } = await page.message('stream', ({ state }) => state === 'disconnected');
    assert.match(note ?? '', /^No engine answers/);
    assert.deepEqual(await page.ask({ kind: 'export-json' }), {
      ok: false,
      problem: { code: 'UNREACHABLE', message: 'no engine answers', hint: null },
    });
    on.window.session.live(answering);
    await page.message('stream', ({ state }) => state === 'live');
  });

  it('reports a task that this fleet does not have, and does not ask again', async () => {
    panels.open({ thread: `th_${'f'.repeat(64)}`, alias: 'LOST-1' });
    const page = new Page(editor.panels[0]!);
    page.panel.send({ type: 'ready' });
    const { note } = await page.message('stream', ({ state }) => state === 'disconnected');
    assert.match(note ?? '', /^The fleet of this window has no task LOST-1: it may belong to another home/);
  });

  it('retries a subtask with a hint, and cancels one without confirmation, like the tree', async () => {
    await end('failed');
    const page = await open().ready();
    editor.person.will(type('begin at the end'));
    assert.deepEqual(await page.ask({ kind: 'retry', index: 1 }), { ok: true, value: null });
    const taken = await on.fleet.taken(thread, 1);
    assert.deepEqual([taken['attempt'], taken['hint']], [2, 'begin at the end']);
    await page.ask({ kind: 'cancel', index: 1 });
    await on.fleet.toldToEnd(thread, 1);
    assert.deepEqual(editor.statusTexts, ['Cancelled “say goodbye”. Retry runs it again.']);
    const refused = await page.ask({ kind: 'retry', index: 9 });
    assert.equal(!refused.ok && refused.problem.code, 'NOT_FOUND');
    assert.deepEqual(on.window.errors, [], 'the page shows it, and nobody else');
    await on.fleet.end(thread, 1, 'cancelled');
  });

  it('asks the same questions as the commands of the tree, with the same results', async () => {
    const page = await open().ready();
    const seen = (): unknown =>
      [
        editor.person.asked.splice(0).map(question => JSON.stringify(question)),
        editor.statusTexts.splice(0),
        editor.terminals.splice(0).map(({ name }) => name),
        on.window.reports.splice(0),
      ].map(texts => texts.map(text => text.replace(/\[\d\]|“say \w+”/, '[a subtask]')));
    for (const index of [0, 1]) await on.fleet.taken(thread, index);
    await page.ask({ kind: 'cancel', index: 0 });
    const byPanel = seen();
    await on.window.run('fleet.cancel', { kind: 'child', thread, index: 1 });
    assert.deepEqual(byPanel, seen());
    for (const index of [0, 1]) await on.fleet.end(thread, index, 'cancelled');
    await on.window.knows(thread, ({ fan_out: fanOut }) => fanOut?.complete === true);
    const serial = await client().submit('task.run-serial', { task: thread, worker: null });
    await page.message('serial');
    await on.window.knows(serial.thread);
    const child = { kind: 'child', thread, index: 1 };
    const calls: readonly (readonly [ViewRequest, CommandId, object])[] = [
      [{ kind: 'cancel-run' }, 'fleet.cancel', { kind: 'task', thread }],
      [{ kind: 'output', index: 1 }, 'fleet.showOutput', child],
      [{ kind: 'retry', index: 1 }, 'fleet.retry', child],
      [{ kind: 'cancel-serial' }, 'fleet.cancel', { kind: 'task', thread: serial.thread }],
      [{ kind: 'open-serial' }, 'fleet.openReport', { kind: 'task', thread: serial.thread }],
    ];
    for (const [request, command, target] of calls) {
      const isAsked = ['retry', 'cancel-run', 'cancel-serial'].includes(request.kind);
      if (isAsked) editor.person.will(escape, escape);
      await page.ask(request);
      const fromPanel = seen();
      await on.window.run(command, target);
      assert.deepEqual(fromPanel, seen(), request.kind);
    }
    for (const index of [0, 1]) await on.fleet.end(serial.thread, index, 'accept');
  });

  it('runs everything again, and opens the subtasks as a plan', async () => {
    await end();
    const page = await open().ready();
    await page.ask({ kind: 'rerun' });
    const again = on.window.reports.at(-1);
    assert.ok(again !== undefined && again !== thread, 'the panel of the new task is opened');
    assert.deepEqual(await page.ask({ kind: 'save-plan' }), { ok: true, value: null });
    assert.match(editor.texts.active?.document.getText() ?? '', /say goodbye/);
  });

  it('runs all that failed again', async () => {
    await end('failed');
    const page = await open().ready();
    assert.deepEqual(await page.ask({ kind: 'retry-failed' }), { ok: true, value: null });
    await on.fleet.end(thread, 1, 'accept');
    const { round, outcome } = await client().report('join', { task: thread, summary: true });
    assert.deepEqual([round, outcome], [2, 'satisfied']);
  });

  it('runs the fan-out serially, follows the serial run, and measures against it', async () => {
    await end();
    const page = await open().ready();
    await page.ask({ kind: 'run-serial' });
    const { run } = await page.message('serial');
    assert.equal(run?.alias, `${alias}-serial`);
    for (const index of [0, 1]) await on.fleet.end(run.thread, index, 'accept');
    await page.message('serial', each => each.run?.complete === true);
    const { report } = await page.message('speedup', each => each.report?.measured != null);
    assert.ok(report);
    await page.ask({ kind: 'open-serial' });
    assert.deepEqual(on.window.reports, [thread, run.thread]);
  });

  it('follows a serial run that was begun elsewhere', async () => {
    await end();
    const page = await open().ready();
    const serial = await client().submit('task.run-serial', { task: thread, worker: null });
    const { run } = await page.message('serial');
    assert.equal(run?.thread, serial.thread);
    editor.person.will(escape, press('Cancel the Task'));
    assert.deepEqual(await page.ask({ kind: 'cancel-serial' }), { ok: true, value: null });
    assert.equal(editor.person.texts.at(-1), `Cancel “${alias}”?`);
    assert.equal((await client().report('task', { task: serial.thread })).fan_out?.complete, false);
    await page.ask({ kind: 'cancel-serial' });
    await page.message('serial', each => each.run?.outcome === 'cancelled');
  });

  it('shows the output of a subtask as the command does', async () => {
    await (await open().ready()).ask({ kind: 'output', index: 1 });
    assert.deepEqual(
      editor.terminals.map(({ name, isShown }) => [name, isShown]),
      [[`say goodbye · ${alias}`, true]],
    );
  });

  it('saves pictures, and the documents as spl prints them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spl-export-'));
    editor.folders = [folder];
    const page = await open().ready();
    editor.person.will(saveAs(join(folder, 'a.json')), saveAs(join(folder, 'b.svg')), escape);
    assert.deepEqual(await page.ask({ kind: 'export-json' }), { ok: true, value: 'a.json' });
    const saved = JSON.parse(await readFile(join(folder, 'a.json'), 'utf8')) as {
      join: { children: object[] };
    };
    assert.equal(saved.join.children.length, 2);
    const picture = { kind: 'export-picture', format: 'svg', data: '<svg/>' } as const;
    assert.deepEqual(await page.ask(picture), { ok: true, value: 'b.svg' });
    assert.equal(await readFile(join(folder, 'b.svg'), 'utf8'), '<svg/>');
    assert.deepEqual(await page.ask(picture), { ok: true, value: null }, 'it was left');
    assert.equal(editor.person.texts[0], `Export ${alias}-join.json`);
    await rm(folder, { recursive: true });
  });

  it('ignores invalid messages of its page', async () => {
    const page = await open().ready();
    const garbage: readonly unknown[] = [
      ...[null, 7, 'x'.repeat(1_000_000), [[]], { type: 'launch' }, { type: 'applied', seq: -1 }],
      { type: 'applied', seq: 9_007_199_254_740_991 },
      { type: 'request', id: -1, request: { kind: 'run-serial' } },
      { type: 'request', id: 1, request: { kind: 'retry', index: 0.5 } },
      { type: 'request', id: 1, request: { kind: 'launch', command: 'fleet.stopAll' } },
    ];
    for (const each of garbage) page.panel.send(each);
    await end();
    page.panel.send({ type: 'applied', seq: 1 });
    await page.message('change', ({ join: { complete } }) => complete);
    assert.ok(
      on.window.log.lines.filter(line => line.includes('a message of the view was dropped')).length >= 8,
    );
  });

  it('gets no messages once it is closed', async () => {
    const page = await open().ready();
    page.panel.dispose();
    page.forget();
    await end();
    await settled();
    assert.deepEqual(page.told, []);
  });

  describe('restored by the editor', () => {
    const restore = async (state: unknown): Promise<ShownPanel> => {
      const serializer = editor.registered.get('fleet.join') as vscode.WebviewPanelSerializer;
      const panel = vscode.window.createWebviewPanel('fleet.join', alias, vscode.ViewColumn.One);
      await serializer.deserializeWebviewPanel(panel, state);
      return editor.panels.at(-1)!;
    };

    it('shows its former task', async () => {
      const page = new Page(await restore({ thread }));
      await page.ready();
      panels.open({ thread, alias });
      assert.equal(page.panel.reveals, 1, 'it is the panel of the task from now on');
    });

    it('is closed if its task is unknown, and the report is offered', async () => {
      editor.person.will(press('Open Join & Speedup'), escape);
      const panel = await restore('garbage');
      await settled();
      assert.ok(panel.isClosed);
      assert.match(editor.person.told('warning')[0]!, /could not be restored/);
      assert.deepEqual(editor.executed.at(-1), ['fleet.openReport']);
    });
  });
});
