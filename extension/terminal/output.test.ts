import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FakeClient } from '../../engine/client/testing/fake-client.ts';
import type { OutputRequest } from '../../engine/contract/engine.ts';
import { FleetError } from '../../engine/errors.ts';
import { next, useEditor } from '../testing/editor.ts';
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
    client.output = async request => {
      requests.push(request);
      const info = { task: 'th', subtask: 0, attempt: 2, worker: null, running: true };
      return { info, chunks: pipe.chunks() };
    };
    open();
  });
  afterEach(() => terminal.close());

  function open(attempt?: number): void {
    const of = {
      task: 'th',
      alias: 'A-1',
      index: 0,
      name: null,
      ...(attempt === undefined ? {} : { attempt }),
    };
    terminal = new OutputTerminal(client, of);
    [text, name] = ['', undefined];
    terminal.onDidWrite(written => (text += written));
    terminal.onDidChangeName(given => (name = given));
  }
  /** Returns the printed output, without the terminal's own messages and the separator before them. */
  const printed = (): string => text.split('\u0018')[0]!;
  const ended = (): Promise<string> =>
    next(terminal.onDidWrite, written => /End of the output|nothing/.test(written));

  it('follows the attempt, and is named after it', async () => {
    terminal.open();
    const wrote = next(terminal.onDidWrite);
    pipe.write('first\n');
    await wrote;
    assert.deepEqual([requests[0]?.follow, requests[0]?.attempt, name], [true, undefined, 'A-1 [0] #2']);
    const end = ended();
    pipe.write('second\n');
    pipe.write(null);
    await end;
    assert.equal(printed(), 'first\r\nsecond\r\n');
    assert.match(text, /· End of the output\./);
  });

  it('requests its attempt', async () => {
    open(1);
    terminal.open();
    pipe.write(null);
    await ended();
    assert.equal(requests[0]?.attempt, 1);
    assert.match(text, /· It printed nothing\./);
  });

  it('adds a carriage return to each line, and splits no character', async () => {
    terminal.open();
    const end = ended();
    const bytes = Buffer.from('a\r\nb\nlöß\r\n');
    for (const byte of bytes) pipe.write(Uint8Array.of(byte));
    pipe.write(null);
    await end;
    assert.equal(printed(), 'a\r\nb\r\nlöß\r\n');
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
      /· 0\.5 MB came too fast to be shown\. All that is kept: spl task output A-1 --subtask 0/,
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
    const of = { task: 'th', alias: 'A-1', index: 3, name: null };
    assert.deepEqual([titleOf(of), titleOf(of, 1), titleOf(of, 2)], ['A-1 [3]', 'A-1 [3]', 'A-1 [3] #2']);
    assert.equal(titleOf({ ...of, name: 'lint' }, 2), 'A-1 lint #2');
  });
});
