import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { FakeClient, type Answers } from '../../engine/client/testing/fake-client.ts';
import type { ChildDocument, WorktreeDocument } from '../../engine/contract/documents.ts';
import { child, fleet, task, worktree } from '../../engine/cli/testing/documents.ts';
import { git } from '../../engine/runtime/git/git.ts';
import { editor, escape, pick } from '../../test/stubs/vscode.ts';
import { registerRevisions } from '../changes/revisions.ts';
import { useEditor } from '../testing/editor.ts';
import { Window } from '../testing/window.ts';
import { localTime } from '../views/words.ts';

const THREAD = task().thread;
const CHILD = { kind: 'child', thread: THREAD, index: 0 };

describe('the work of an attempt in its own worktree', () => {
  let folder: string;
  let base: string;
  let window: Window;
  let revisions: vscode.Disposable;

  /** Makes a repository with a branch that changed, added, renamed and deleted one file each. */
  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'spl-work-')));
    const file = (name: string, text: string): string =>
      `M 100644 inline ${name}\ndata ${text.length}\n${text}\n`;
    const commit = (branch: string, from: string, ...changes: readonly string[]): string =>
      `commit refs/heads/${branch}\ncommitter T <t@example.org> 1 +0000\ndata 0\n${from}${changes.join('')}\n`;
    const once = ['changed', 'moved', 'removed'].map(name => file(name, `${name} once\n`.repeat(9)));
    const changes = [file('changed', 'changed\n'), file('made', 'made\n'), 'R moved there\n', 'D removed\n'];
    const input = commit('main', '', ...once) + commit('spl/A/0-1', 'from refs/heads/main\n', ...changes);
    await git(folder, 'init', '-q');
    execFileSync('git', ['-C', folder, 'fast-import', '--quiet'], { input });
    base = (await git(folder, 'rev-parse', 'main')).trim();
  });
  after(() => rm(folder, { recursive: true }));
  useEditor();
  afterEach(() => {
    window.close();
    revisions.dispose();
  });

  async function open(work: ChildDocument['work'], more: Answers = {}): Promise<FakeClient> {
    const children = [child({ work })];
    const client = new FakeClient({
      ...{ fleet: fleet(), tasks: { tasks: [task({ dir: folder })] } },
      children: { thread: THREAD, alias: 'FIRST-001', round: 1, total: 1, children },
      ...more,
    });
    window = await Window.open(client);
    revisions = registerRevisions();
    return client;
  }

  const work = (): NonNullable<ChildDocument['work']> => ({ branch: 'spl/A/0-1', base, dir: folder });
  const textOf = async (uri: unknown): Promise<string> =>
    (await vscode.workspace.openTextDocument(uri as vscode.Uri)).getText();

  it('is shown file by file, before and after', async () => {
    await open(work());
    await window.run('fleet.openChanges', CHILD);
    const [id, title, resources] = editor.executed.at(-1)!;
    assert.deepEqual([id, title], ['vscode.changes', 'Draft the notes · Draft — spl/A/0-1']);
    const shown = await Promise.all(
      (resources as (vscode.Uri | undefined)[][]).map(async ([file, before, after]) => [
        file!.path.slice(folder.length + 1),
        before && (await textOf(before)).split('\n')[0],
        after && (await textOf(after)).split('\n')[0],
      ]),
    );
    assert.deepEqual(shown, [
      ['changed', 'changed once', 'changed'],
      ['made', undefined, 'made'],
      ['removed', 'removed once', undefined],
      ['there', 'moved once', 'moved once'],
    ]);
  });

  it('is read from the repository if its folder is gone, and reported if the folder is needed', async () => {
    await open({ ...work(), dir: '/nowhere' });
    await window.run('fleet.openChanges', CHILD);
    assert.equal(editor.executed.at(-1)?.[0], 'vscode.changes');
    await window.run('fleet.openWorktree', CHILD);
    await window.run('fleet.openWorktreeTerminal', CHILD);
    assert.equal(window.errors.length, 2);
    for (const error of window.errors)
      assert.match(error, /^The worktree '\/nowhere' is gone\. .* git worktree add FOLDER spl\/A\/0-1$/);
  });

  it('is opened in a new window or terminal', async () => {
    await open(work());
    await window.run('fleet.openWorktree', CHILD);
    const [id, uri, options] = editor.executed.at(-1)!;
    assert.deepEqual(
      [id, (uri as vscode.Uri).fsPath, options],
      ['vscode.openFolder', folder, { forceNewWindow: true }],
    );
    await window.run('fleet.openWorktreeTerminal', CHILD);
    const [terminal] = editor.terminals;
    assert.deepEqual([terminal?.name, terminal?.isShown], ['Draft the notes · Draft', true]);
    assert.equal((terminal?.options as vscode.TerminalOptions).cwd, folder);
  });

  it('is not read with git from an untrusted folder', async () => {
    await open(work());
    await window.run('fleet.openChanges', CHILD);
    const [, , resources] = editor.executed.at(-1)!;
    editor.isTrusted = false;
    await window.run('fleet.openChanges', CHILD);
    assert.match(window.errors[0]!, /^This folder is not trusted, so that git is not asked about it/);
    await assert.rejects(textOf((resources as vscode.Uri[][])[0]![1]), /not trusted/);
  });

  it('is reported as empty if nothing was changed', async () => {
    await open({ ...work(), base: 'spl/A/0-1' });
    await window.run('fleet.openChanges', CHILD);
    assert.deepEqual(editor.statusTexts, ['Draft the notes · Draft changed nothing']);
  });

  it('is that of an earlier attempt on request, or if the last one has none', async () => {
    await open(null);
    const earlier: ChildDocument['earlier_attempts'] = [
      {
        ...{ attempt: 1, verdict: 'failed', reason: null, worker: null, wall_time_secs: 1, work: work() },
      } as ChildDocument['earlier_attempts'][number],
    ];
    const children = [child({ attempt: 2, earlier_attempts: earlier })];
    const client = new FakeClient({ children: { thread: THREAD, alias: 'A', round: 1, total: 1, children } });
    window.session.live(client);
    await window.run('fleet.openWorktreeTerminal', { ...CHILD, kind: 'attempt', attempt: 1 });
    await window.run('fleet.openWorktreeTerminal', CHILD);
    assert.equal(editor.terminals.length, 2);
    await window.run('fleet.openWorktreeTerminal', { ...CHILD, kind: 'attempt', attempt: 2 });
    assert.deepEqual(editor.person.told('info'), [
      '“Draft the notes · Draft” has no changes in a worktree of its own.',
    ]);
  });

  describe('is found among all worktrees', () => {
    const there = (change: Partial<WorktreeDocument> = {}): WorktreeDocument =>
      worktree({ ...work(), repository: folder, ...change });

    it('which name their attempts', async () => {
      await open(null, {
        worktrees: { worktrees: [there({ state: 'left' }), there({ subtask_name: 'lint' })] },
      });
      editor.person.will(escape);
      await window.run('fleet.showWorktrees');
      const [asked] = editor.person.asked;
      const made = localTime(1_750_000_000);
      assert.deepEqual(
        asked?.kind === 'pick' &&
          asked.items.map(({ label, description, detail }) => [label, description, detail]),
        [
          ['spl/A/0-1', `left by an interrupted attempt · FIRST-001 · [0] · ${made}`, folder],
          ['spl/A/0-1', `done · FIRST-001 · lint · ${made}`, folder],
        ],
      );
    });

    it('and can be opened in each way, or removed', async () => {
      const removed = { name: 'FIRST-001-0-1', branch: 'spl/A/0-1', branch_kept: true };
      const client = await open(null, { worktrees: { worktrees: [there()] }, 'worktree.remove': removed });
      for (const action of ['Open Changes', 'Open in New Window', 'Open Terminal', 'Remove']) {
        editor.person.will(pick('spl/A/0-1'), pick(action));
        await window.run('fleet.showWorktrees');
      }
      assert.deepEqual(
        editor.executed.map(([id]) => id).filter(id => id.startsWith('vscode.')),
        ['vscode.changes', 'vscode.openFolder'],
      );
      assert.equal(editor.terminals.length, 1);
      assert.deepEqual(client.asked.at(-1), {
        name: 'worktree.remove',
        input: { worktree: 'FIRST-001-0-1', force: false },
      });
      assert.deepEqual(editor.statusTexts, ['Removed; its branch spl/A/0-1 stays']);
    });

    it('if there are any', async () => {
      await open(null, { worktrees: { worktrees: [] } });
      await window.run('fleet.showWorktrees');
      assert.deepEqual(editor.person.told('info'), ['There are no worktrees.']);
    });
  });
});

describe('the address of a file at a commit', () => {
  useEditor();

  it('is refused if it is invalid', async () => {
    const revisions = registerRevisions();
    for (const query of ['', '{}', '{"dir":"/","commit":"HEAD"}', '{"dir":"etc","commit":"0123"}'])
      await assert.rejects(async () =>
        vscode.workspace.openTextDocument(vscode.Uri.from({ scheme: 'fleet-revision', path: '/a', query })),
      );
    revisions.dispose();
  });
});
