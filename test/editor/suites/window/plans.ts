import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { until } from '../../../harness/until.ts';
import { extension, fleet, run, stopFleet, workspaceFolder } from '../support.ts';

const PLAN = [
  'goal: Check the plan',
  'subtasks:',
  '  - name: types',
  '    run: "true"',
  '  - name: test-${{ matrix.n }}',
  '    matrix: { n: [1, 2] }',
  '    run: test ${{ matrix.n }} -gt 0',
  '  - name: report',
  '    depends: [typs, test-*]',
  '    run: echo done',
  'join: failed == 0 && children.all(c, c.verdict == "accept")',
  '',
].join('\n');

describe('a folder with scripts', () => {
  const made = join(workspaceFolder(), 'package.json');
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await rm(made, { force: true });
  });

  it('has a first plan of them, which runs with one command and is not saved', async () => {
    await extension().activate();
    await writeFile(made, JSON.stringify({ scripts: { lint: 'true', test: 'true' } }));
    await run('fleet.firstPlan');
    const document = vscode.window.activeTextEditor?.document;
    assert.deepEqual(
      [document?.uri.scheme, document?.uri.fsPath],
      ['untitled', join(workspaceFolder(), 'check.fanout.yaml')],
    );
    const [newest] = (await fleet.client.report('tasks', { all: true })).tasks.toReversed();
    const { outcome, children } = await fleet.joined(newest!.thread);
    assert.deepEqual([outcome, children.map(({ name }) => name).sort()], ['satisfied', ['lint', 'test']]);
  });
});

describe('a plan in a window', () => {
  let file: string;
  let document: vscode.TextDocument;

  before(async () => {
    await extension().activate();
    file = join(workspaceFolder(), 'check.fanout.yaml');
    await writeFile(file, PLAN);
    document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
  });

  after(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await rm(file, { force: true });
    await stopFleet();
  });

  const diagnostics = (): readonly vscode.Diagnostic[] => vscode.languages.getDiagnostics(document.uri);
  const at = (word: string, nth = 0): vscode.Position => {
    const text = document.getText();
    let offset = -1;
    for (let i = 0; i <= nth; i++) offset = text.indexOf(word, offset + 1);
    return document.positionAt(offset + 1);
  };
  const lenses = async (): Promise<readonly (vscode.Command | undefined)[]> =>
    (
      await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri)
    ).map(({ command }) => command);

  it('has diagnostics, and is corrected by their fixes', async () => {
    await until('the fault', async () => (diagnostics().length > 0 ? true : undefined));
    assert.deepEqual(
      diagnostics().map(({ message, range }) => [message, range.start.line, document.getText(range)]),
      [["no subtask has the name 'typs' (did you mean 'types'?)", 8, 'typs']],
    );
    const [fix] = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      diagnostics()[0]!.range,
      vscode.CodeActionKind.QuickFix.value,
    );
    assert.equal(fix?.title, "Change to 'types'");
    await vscode.workspace.applyEdit(fix.edit!);
    await until('no fault', async () => (diagnostics().length === 0 ? true : undefined));
  });

  it('has completions, and renames a subtask with its dependants', async () => {
    const { items } = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      at('c.verdict').translate(0, 1),
    );
    assert.ok(items.some(({ label }) => label === 'exit_code'));
    const edit = await vscode.commands.executeCommand<vscode.WorkspaceEdit>(
      'vscode.executeDocumentRenameProvider',
      document.uri,
      at('types'),
      'kinds',
    );
    assert.equal(edit.get(document.uri).length, 2);
    await vscode.workspace.applyEdit(edit);
    assert.match(document.getText(), /depends: \[kinds, test-\*\]/);
    assert.deepEqual(diagnostics(), []);
  });

  it('is run from its lens, and shows the result', async () => {
    const ran = await until('Run above the plan', async () =>
      (await lenses()).find(command => command?.command === 'fleet.runPlan'),
    );
    await run('fleet.start');
    await vscode.commands.executeCommand(ran.command, ...(ran.arguments as unknown[]));
    const { tasks } = await fleet.client.report('tasks', { all: true });
    const task = tasks.find(({ goal }) => goal === 'Check the plan');
    assert.ok(task);
    const joined = await fleet.joined(task.alias);
    assert.equal(joined.outcome, 'satisfied');
    assert.deepEqual(
      joined.children.map(({ name, depends_on: on }) => [name, on]),
      [
        ['kinds', []],
        ['test-1', []],
        ['test-2', []],
        ['report', [0, 1, 2]],
      ],
    );
    await until('its outcome above the plan', async () =>
      (await lenses()).find(command => /^Last: \d+\.\d× \(estimated\)$/.test(command?.title ?? '')),
    );
    const said = async (): Promise<string> => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        document.uri,
        at('failed == 0'),
      );
      return hovers
        .flatMap(({ contents }) => contents.map(content => (content as vscode.MarkdownString).value))
        .join('\n');
    };
    await until(
      'the last run in the hover',
      async () =>
        (await said()).includes('it gives: **satisfied** — the predicate is true: 4 of 4 accepted')
          ? true
          : undefined,
      said,
    );
  });

  it('is run in part, with the dependencies of the part', async () => {
    const uri = document.uri.toString();
    await run('fleet.runPlanSubtask', { kind: 'plan', uri, subtask: 1 });
    const { tasks } = await fleet.client.report('tasks', { all: true });
    const part = tasks.find(
      ({ goal, fan_out: fanOut }) => goal === 'Check the plan' && fanOut?.subtasks === 2,
    );
    assert.ok(part);
    assert.equal((await fleet.joined(part.alias)).outcome, 'satisfied');
  });

  it('is checked against the policies of the fleet, as they change', async () => {
    await fleet.client.submit('namespace.create', {
      id: 'acme',
      description: null,
      policy: { limits: { max_children: 2 } },
    });
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(1, 0), 'namespace: acme\n');
    await vscode.workspace.applyEdit(edit);
    await until(
      'the policy',
      async () => (diagnostics().some(({ code }) => code === 'policy') ? true : undefined),
      async () => diagnostics(),
    );
  });

  it('has language features again after the server of plans was killed', async () => {
    const pid = execFileSync('pgrep', ['-P', String(process.pid), '-f', 'plan-server.js'], {
      encoding: 'utf8',
    });
    process.kill(Number(pid.trim()), 'SIGKILL');
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(0, 0), 'gaol: typed by a hasty hand\n');
    await vscode.workspace.applyEdit(edit);
    const found = (code: string): true | undefined =>
      diagnostics().some(diagnostic => diagnostic.code === code) ? true : undefined;
    await until(
      'the fault of that line',
      async () => found('unknown-key'),
      async () => diagnostics(),
    );
    const undo = new vscode.WorkspaceEdit();
    undo.delete(document.uri, new vscode.Range(0, 0, 1, 0));
    await vscode.workspace.applyEdit(undo);
    await until(
      'what the fleet allows, which it was told again',
      async () => found('policy'),
      async () => diagnostics(),
    );
  });

  it('has a graph beside it', async () => {
    await run('fleet.previewPlan', { kind: 'plan', uri: document.uri.toString(), subtask: null });
    const labels = (): string[] =>
      vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ label }) => label));
    await until(
      'the picture',
      async () => (labels().includes('Preview check.fanout.yaml') ? true : undefined),
      async () => labels(),
    );
    const tab = vscode.window.tabGroups.all
      .flatMap(({ tabs }) => tabs)
      .find(({ label }) => label.startsWith('Preview check'));
    await vscode.window.tabGroups.close(tab!);
  });
});
