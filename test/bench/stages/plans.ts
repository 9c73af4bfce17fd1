import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver/node';
import { parseDocument } from 'yaml';
import { targetOf, type Figure, type Stage } from '../figure.ts';
import { percentile, spreadOf } from '../stats.ts';

const uri = 'file:///bench/large.fanout.yaml';

/** Measures the waits of a person who writes a plan: for completions, and for diagnostics. */
export async function plans(stage: Stage): Promise<Figure[]> {
  const subtasks = stage.quick ? 50 : 1000;
  const server = spawn(process.execPath, [join(stage.bin, 'plan-server.js'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  try {
    return await typed(stage, new Typist(connection, planOf(subtasks)));
  } finally {
    const ended = once(server, 'exit');
    connection.dispose();
    server.kill();
    await ended;
  }
}

/** Returns a typical plan: commands, some dependencies, and a matrix now and then. */
function planOf(subtasks: number): string {
  const all = Array.from({ length: subtasks }, (_, i) => {
    const waits = i % 3 === 2 ? [`    depends: [s-${i - 1}, s-${i - 2}]`] : [];
    return [
      `  - name: s-${i}`,
      `    run: make part-${i} && make check-${i}`,
      '    timeout: 600',
      ...waits,
    ].join('\n');
  });
  return `goal: Check the release\nsubtasks:\n${all.join('\n')}\njoin: failed == 0 && children.all(c, c.verdict == "accept")\n`;
}

/** Types into a plan over the protocol, one character at a time. */
class Typist {
  readonly #connection: ProtocolConnection;
  readonly #published = new Map<number, () => void>();
  readonly text: string;
  #version = 1;

  constructor(connection: ProtocolConnection, text: string) {
    this.#connection = connection;
    this.text = text;
    connection.onNotification('textDocument/publishDiagnostics', ({ version }: PublishDiagnosticsParams) =>
      this.#published.get(version ?? -1)?.(),
    );
    connection.listen();
  }

  async open(): Promise<void> {
    await this.#connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
    });
    const told = this.#told(1);
    const textDocument = { uri, languageId: 'yaml', version: 1, text: this.text };
    await this.#connection.sendNotification('textDocument/didOpen', { textDocument });
    await told;
  }

  /** Inserts one character. @returns the times until the completions there and the diagnostics, in ms */
  async type(
    line: number,
    character: number,
  ): Promise<{ readonly completion: number; readonly diagnostics: number }> {
    const version = ++this.#version;
    const told = this.#told(version);
    const begun = performance.now();
    const at = { line, character };
    await this.#connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ range: { start: at, end: at }, text: 'x' }],
    });
    await this.#connection.sendRequest('textDocument/completion', {
      textDocument: { uri },
      position: { line, character: character + 1 },
    });
    const completion = performance.now() - begun;
    await told;
    return { completion, diagnostics: performance.now() - begun };
  }

  #told(version: number): Promise<void> {
    return new Promise(resolve => this.#published.set(version, resolve));
  }
}

async function typed(stage: Stage, typist: Typist): Promise<Figure[]> {
  await typist.open();
  const lines = typist.text.split('\n');
  const places = lines.flatMap((text, line) =>
    text.includes(' run: ') ? [{ line, character: text.length }] : [],
  );
  const runs = stage.quick ? 5 : 200;
  const waits: { readonly completion: number; readonly diagnostics: number }[] = [];
  const whole: number[] = [];
  for (let i = 0; i < runs; i++) {
    // Words of five characters, at places throughout the text.
    const { line, character } = places[(Math.floor(i / 5) * 37) % places.length]!;
    waits.push(await typist.type(line, character + (i % 5)));
    const begun = performance.now();
    parseDocument(typist.text, { prettyErrors: false });
    whole.push(performance.now() - begun);
  }
  const probes = [{ name: 'its YAML parsed whole', value: percentile(whole, 0.95), spread: spreadOf(whole) }];
  const figure = (id: string, name: string, times: readonly number[]): Figure => ({
    ...{ id, name, unit: 'ms', better: 'lower', probes, details: { median_ms: percentile(times, 0.5) } },
    value: percentile(times, 0.95),
    spread: spreadOf(times),
    target: targetOf(stage, { atMost: 50 }),
  });
  return [
    figure(
      'plan_completion',
      'a keystroke in a plan of 1,000 subtasks, until completion answers, p95',
      waits.map(({ completion }) => completion),
    ),
    figure(
      'plan_diagnostics',
      'a keystroke in a plan of 1,000 subtasks, until its faults are told, p95',
      waits.map(({ diagnostics }) => diagnostics),
    ),
  ];
}
