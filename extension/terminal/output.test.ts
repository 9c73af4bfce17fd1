import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import { done, pending, running } from '../../engine/cli/testing/documents.ts';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import type { OutputRequest } from '../../engine/contract/engine.ts';
import { FleetError } from '../../engine/errors.ts';
import { next, settled, useEditor } from '../testing/editor.ts';
import { OutputTerminal, titleOf } from './output.ts';

/** Output that a test writes piece by piece. */
class Pipe {
  #wake: () => void = () => undefined;
  readonly #pieces: (Uint8Array | null)[] = [];

  write(piece: string | Uint8Array | null): void {
    this.#pieces.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
    this.#wake();
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece === null) return;
      if (piece !== undefined) yield piece;
      else await new Promise<void>(resolve => (this.#wake = resolve));
    }
  }
}

describe('the terminal of an attempt’s output', () => {
  let client: FakeClient;
  let pipe: Pipe;
  let requests: OutputRequest[];
  let terminal: OutputTerminal;
  let text: string;
  let name: string | undefined;
  useEditor();

  beforeEach(() => {
    pipe = new Pipe();
    requests = [];
    client = new FakeClient({});
    is({ ...running(0), attempt: 2 });
    client.output = async request => {
      requests.push(request);
      const info = { task: 'th', subtask: 0, attempt: request.attempt!, worker: null, running: true };
      return { info, chunks: pipe.chunks() };
    };
    open();
  });
  afterEach(() => terminal.close());

  /** Sets the present state of the subtask. */
  const is = (child: ChildDocument): void =>
    client.change({ children: { thread: 'th', alias: 'A-1', round: 1, total: 1, children: [child] } });
  const changed = (child: ChildDocument): void => {
    is(child);
    client.emit({ kind: 'task', thread: 'th', children: [0], complete: false });
  };

  function open(attempt?: number): void {
    const of = {
      task: 'th',
      alias: 'A-1',
      index: 0,
      name: 'lint',
      goal: 'Lint it',
      ...(attempt === undefined ? {} : { attempt }),
    };
    terminal = new OutputTerminal(client, of);
    [text, name] = ['', undefined];
    terminal.onDidWrite(written => (text += written));
    terminal.onDidChangeName(given => (name = given));
  }
  const ended = (): Promise<string> => next(terminal.onDidWrite, written => /passed|failed/.test(written));

  it('follows the attempt, and is named after it', async () => {
    terminal.open();
    const wrote = next(terminal.onDidWrite);
    pipe.write('first\n');
    await wrote;
    assert.deepEqual([requests[0]?.follow, requests[0]?.attempt, name], [true, 2, 'lint · A-1 #2']);
    const end = ended();
    pipe.write('second\n');
    is({ ...done(0, 'failed'), attempt: 2, exit_code: 3 });
    pipe.write(null);
    await end;
    assert.match(text, /first\r\nsecond\r\n/);
    assert.match(text, /· failed · exit code 3 · 1s/);
  });

  it('ends with the end of the attempt, which may be known later than its output', async () => {
    terminal.open();
    const wrote = next(terminal.onDidWrite);
    pipe.write('first\n');
    await wrote;
    pipe.write(null);
    await settled();
    const end = ended();
    changed({ ...done(0), attempt: 2, exit_code: null, signal: 'SIGTERM' });
    await end;
    assert.match(text, /· passed · signal SIGTERM · 1s/);
  });

  it('follows the attempts after it', async () => {
    is({ ...done(0, 'failed'), attempt: 1, exit_code: 1 });
    pipe.write('first\n');
    pipe.write(null);
    terminal.open();
    await ended();
    assert.equal(name, 'lint · A-1');
    const again = next(terminal.onDidWrite, written => written.includes('second'));
    changed({ ...running(0), attempt: 2 });
    pipe.write('second\n');
    await again;
    assert.deepEqual([requests.map(({ attempt }) => attempt), name], [[1, 2], 'lint · A-1 #2']);
    assert.match(text, /· failed · exit code 1 · 1s[^]*· Attempt 2[^]*second/);
  });

  it('shows an earlier attempt only', async () => {
    const earlier = {
      ...{ attempt: 1, worker: null, verdict: 'timeout', reason: null, cost_usd: 0, tokens: 0 },
      ...{ wall_time_secs: 2, started_unix: null, ended_unix: null, work: null },
    };
    is({ ...running(0), attempt: 2, earlier_attempts: [earlier] });
    open(1);
    terminal.open();
    pipe.write(null);
    await next(terminal.onDidWrite, written => written.includes('timed out'));
    await settled();
    assert.deepEqual(
      requests.map(({ attempt }) => attempt),
      [1],
    );
    assert.match(text, /· It printed nothing\.[^]*· timed out · 2s/);
    assert.equal(client.watchers, 0);
  });

  it('waits for a subtask that has not started', async () => {
    is(pending(0));
    terminal.open();
    await settled();
    assert.deepEqual([requests, text], [[], '']);
    const wrote = next(terminal.onDidWrite);
    changed({ ...running(0), attempt: 1 });
    pipe.write('first\n');
    await wrote;
    assert.match(text, /^first/);
  });

  it('adds a carriage return to each line, and splits no character', async () => {
    terminal.open();
    is(done(0));
    const end = ended();
    const bytes = Buffer.from('a\r\nb\nlöß\r\n');
    for (const byte of bytes) pipe.write(Uint8Array.of(byte));
    pipe.write(null);
    await end;
    assert.match(text, /a\r\nb\r\nlöß\r\n/);
  });

  it('omits output that comes too fast, keeps the end, and shows how to get all of it', async () => {
    terminal.open();
    const line = 'a line of text\n';
    for (let i = 0; i < 20; i++) pipe.write(line.repeat(2000));
    pipe.write('the last line\n');
    pipe.write(null);
    await next(terminal.onDidWrite, written => written.includes('came too fast'));
    assert.match(text, /· 0\.5 MB left out here/);
    assert.match(text, /the last line\r\n/);
    assert.match(
      text,
      /· 0\.5 MB came too fast to be shown\. All that is kept: spl task output A-1 --subtask lint/,
    );
    assert.ok(text.length < 200_000);
  });

  it('shows why there is none, unless it was closed', async () => {
    client.output = () => Promise.reject(new FleetError('NOT_FOUND', 'the attempt has not started'));
    terminal.open();
    await next(terminal.onDidWrite);
    assert.match(text, /· the attempt has not started/);
    open();
    terminal.open();
    terminal.close();
    assert.equal(text, '');
  });

  it('stops reading the output when it is closed', async () => {
    terminal.open();
    const wrote = next(terminal.onDidWrite);
    pipe.write('first\n');
    await wrote;
    terminal.close();
    assert.ok(requests[0]!.signal.aborted);
    const before = text;
    pipe.write('second\n');
    pipe.write(null);
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(text, before);
  });

  it('has a name that distinguishes attempts', () => {
    const of = { task: 'th', alias: 'A-1', index: 3, name: null, goal: 'Lint it' };
    assert.deepEqual(
      [titleOf(of), titleOf(of, 1), titleOf({ ...of, name: 'lint' }, 2)],
      ['Lint it · A-1', 'Lint it · A-1', 'lint · A-1 #2'],
    );
  });
});
