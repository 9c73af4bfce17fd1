import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type CodeAction,
  type CompletionItem,
  type Hover,
  type Location,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import { builtPrograms } from '../../test/bundled.ts';
import * as protocol from '../language/protocol.ts';

const uri = 'file:///plans/release.fanout.yaml';
const TEXT = [
  'goal: Check it',
  'subtasks:',
  '  - name: types',
  '    run: make types',
  '  - name: report',
  '    depends: [typs]',
  'join: acepted > 1',
  '',
].join('\n');

const textOf = ([first]: PublishDiagnosticsParams['diagnostics']): string =>
  typeof first?.message === 'string' ? first.message : '';

describe('the server of plans', () => {
  let child: ChildProcess;
  let connection: ProtocolConnection;
  const published: PublishDiagnosticsParams[] = [];
  const waiting: (() => void)[] = [];

  before(async () => {
    const server = join(await builtPrograms(), 'plan-server.js');
    child = spawn(process.execPath, [server, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    connection = createProtocolConnection(
      new StreamMessageReader(child.stdout!),
      new StreamMessageWriter(child.stdin!),
    );
    connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
      published.push(params);
      for (const wake of waiting.splice(0)) wake();
    });
    connection.listen();
    const { capabilities } = await connection.sendRequest<{ capabilities: Record<string, unknown> }>(
      'initialize',
      {
        processId: process.pid,
        rootUri: null,
        capabilities: {},
      },
    );
    assert.equal(capabilities['hoverProvider'], true);
    await connection.sendNotification('initialized', {});
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'yaml', version: 1, text: TEXT },
    });
  });

  after(async () => {
    if (child.exitCode !== null) return;
    const ended = once(child, 'exit');
    await connection.sendRequest('shutdown');
    await connection.sendNotification('exit');
    assert.deepEqual(await ended, [0, null]);
  });

  async function diagnosticsOf(version: number): Promise<PublishDiagnosticsParams['diagnostics']> {
    for (;;) {
      const found = published.find(each => each.version === version);
      if (found !== undefined) return found.diagnostics;
      await new Promise<void>(resolve => waiting.push(resolve));
    }
  }

  const at = (line: number, character: number): object => ({
    textDocument: { uri },
    position: { line, character },
  });
  const ask = <T>(what: string, params: object): Promise<T> =>
    connection.sendRequest<T>(`textDocument/${what}`, params);
  const change = (version: number, line: number, from: number, to: number, text: string): Promise<void> =>
    connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ range: { start: { line, character: from }, end: { line, character: to } }, text }],
    });

  it('tells what is wrong, where it is', async () => {
    assert.deepEqual(
      (await diagnosticsOf(1)).map(({ code, range, severity, source }) => [
        code,
        range.start,
        range.end,
        severity,
        source,
      ]),
      [
        ['unknown-dependency', { line: 5, character: 14 }, { line: 5, character: 18 }, 1, 'spl'],
        ['join', { line: 6, character: 6 }, { line: 6, character: 13 }, 1, 'spl'],
      ],
    );
  });

  it('mends it, when it is asked to', async () => {
    const range = { start: { line: 5, character: 15 }, end: { line: 5, character: 15 } };
    const [action] = await ask<CodeAction[]>('codeAction', {
      textDocument: { uri },
      range,
      context: { diagnostics: [] },
    });
    assert.equal(action!.title, "Change to 'types'");
    assert.deepEqual(action!.edit!.changes![uri], [
      { range: { start: { line: 5, character: 14 }, end: { line: 5, character: 18 } }, newText: 'types' },
    ]);
  });

  it('answers while the text is being written', async () => {
    await change(2, 5, 14, 18, 'ty');
    const items = await ask<CompletionItem[]>('completion', at(5, 16));
    assert.deepEqual(
      items.map(({ label, textEdit }) => [label, textEdit]),
      [
        [
          'types',
          { range: { start: { line: 5, character: 14 }, end: { line: 5, character: 16 } }, newText: 'types' },
        ],
      ],
    );
    await change(3, 5, 14, 16, 'types');
    await change(4, 6, 6, 13, 'accepted');
    assert.deepEqual(await diagnosticsOf(4), []);
  });

  it('knows what is where', async () => {
    const hover = await ask<Hover>('hover', at(6, 8));
    assert.match((hover.contents as { value: string }).value, /`accepted: int`/);
    const [definition] = await ask<Location[]>('definition', at(5, 15));
    assert.deepEqual(definition, {
      uri,
      range: { start: { line: 2, character: 10 }, end: { line: 2, character: 15 } },
    });
    const symbols = await ask<{ name: string }[]>('documentSymbol', { textDocument: { uri } });
    assert.deepEqual(
      symbols.map(({ name }) => name),
      ['Check it', 'types', 'report', 'accepted > 1'],
    );
    const { data } = await ask<{ data: number[] }>('semanticTokens/full', { textDocument: { uri } });
    // types, report, types, accepted, >, 1: five numbers each.
    assert.equal(data.length, 6 * 5);
  });

  it('renames, and says why where it does not', async () => {
    const { changes } = await ask<WorkspaceEdit>('rename', { ...at(2, 11), newName: 'kinds' });
    assert.deepEqual(
      changes![uri]!.map(({ newText, range }) => [newText, range.start.line]),
      [
        ['kinds', 2],
        ['kinds', 5],
      ],
    );
    await assert.rejects(ask('rename', { ...at(2, 11), newName: 'report' }), /is that of another subtask/);
  });

  it('brings the text into its usual form', async () => {
    await change(5, 3, 8, 8, '  ');
    const [edit] = await ask<TextEdit[]>('formatting', {
      textDocument: { uri },
      options: { tabSize: 2, insertSpaces: true },
    });
    assert.match(edit!.newText, /\n {4}run: make types\n/);
  });

  it('takes what a fleet knows, and says what is to be run', async () => {
    const known: protocol.Known = {
      defaultExecutor: 'echo',
      executors: ['echo'],
      workers: [],
      namespaces: [],
    };
    await connection.sendNotification(protocol.KNOWN, known);
    // What was written before may still be told of.
    while (published.at(-1)!.diagnostics.length === 0)
      await new Promise<void>(resolve => waiting.push(resolve));
    assert.match(textOf(published.at(-1)!.diagnostics), /executor 'shell' is unknown/);
    assert.deepEqual(await connection.sendRequest(protocol.REQUEST, { uri, subtasks: null }), { errors: 1 });
    await connection.sendNotification(protocol.KNOWN, null);
    const { request } = await connection.sendRequest<{ request: { subtasks: { name: string }[] } }>(
      protocol.REQUEST,
      { uri, subtasks: [0, 'typ*'] },
    );
    assert.deepEqual(request.subtasks, [{ goal: 'types', name: 'types', run: 'make types' }]);
    for (const unknown of ['lint', 'lint*', 7])
      assert.deepEqual(await connection.sendRequest(protocol.REQUEST, { uri, subtasks: [0, unknown] }), {
        unknown: String(unknown),
      });
    const outline = await connection.sendRequest<NonNullable<protocol.Outline>>(protocol.OUTLINE, { uri });
    assert.deepEqual(
      outline.subtasks.map(({ name, start, nameEnd }) => [name, start.line, nameEnd]),
      [
        ['types', 2, { line: 2, character: 15 }],
        ['report', 4, { line: 4, character: 16 }],
      ],
    );
    const graph = await connection.sendRequest<NonNullable<protocol.Graph>>(protocol.GRAPH, { uri });
    assert.deepEqual(graph.edges, [{ from: 0, to: 1 }]);
  });

  it('reads the subtasks of a plan that is not open', async () => {
    const text =
      'goal: g\nsubtasks:\n  - { name: "${{ matrix.n }}", matrix: { n: [a, b] }, run: x }\n  - goal: c\n';
    const closed = { uri: 'file:///src/other.fanout.yaml', text };
    const outline = await connection.sendRequest<NonNullable<protocol.Outline>>(protocol.OUTLINE, closed);
    assert.deepEqual(
      outline.subtasks.map(({ names, indices }) => [names, indices]),
      [
        [
          ['a', 'b'],
          [0, 1],
        ],
        [['c'], [2]],
      ],
    );
    assert.equal(await connection.sendRequest(protocol.OUTLINE, { uri: closed.uri }), null);
  });

  it('drafts a plan for a folder', async () => {
    const { text, subtasks } = await connection.sendRequest<protocol.Draft>(protocol.DRAFT, {
      folder: fileURLToPath(new URL('../../', import.meta.url)),
    });
    assert.match(text, /^# The checks of this folder, from package\.json/);
    assert.match(text, /run: npm run lint/);
    assert.ok(subtasks > 0);
  });

  it('goes on after messages that are none', async () => {
    await connection.sendNotification(protocol.KNOWN, { workers: 'all' });
    await assert.rejects(connection.sendRequest(protocol.REQUEST, { uri: 7 }));
    await change(6, 0, 0, 0, '\u0000[{&a *a: !!x');
    assert.notDeepEqual(await diagnosticsOf(6), []);
    await connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version: 7 },
      contentChanges: [{ text: `goal: g\nsubtasks:\n${'- '.repeat(500_000)}` }],
    });
    assert.match(textOf(await diagnosticsOf(7)), /nested more than/);
    const subtasks = Array.from(
      { length: 10_000 },
      (_, i) => `  - name: s${i}\n    depends: [s${Math.max(0, i - 1)}]\n`,
    );
    subtasks[0] = '  - name: s0\n';
    await connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version: 8 },
      contentChanges: [{ text: `goal: g\nsubtasks:\n${subtasks.join('')}` }],
    });
    assert.deepEqual(await diagnosticsOf(8), []);
    assert.equal(
      (await ask<Location[]>('references', { ...at(2, 11), context: { includeDeclaration: true } })).length,
      2,
    );
    const graph = await connection.sendRequest<NonNullable<protocol.Graph>>(protocol.GRAPH, { uri });
    assert.equal(graph.nodes.at(-1)!.layer, 9_999);
  });
});
