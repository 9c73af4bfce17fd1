import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import { openOutputStore, type OutputStore } from './store.ts';

const THREAD = `th_${'a'.repeat(64)}`;
const never = new Promise<void>(() => undefined);

describe('the store of output', () => {
  let dir: string;
  let store: OutputStore;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'spl-output-'));
    store = openOutputStore(join(dir, 'output'), { capBytes: 1_000 });
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('creates nothing and answers null when nothing is printed', async () => {
    const sink = store.sink(THREAD, 1);
    await sink.write(Buffer.alloc(0));
    assert.equal(await sink.close(), null);
    assert.deepEqual(await readdir(dir), []);
    assert.equal(await textOf(store.read(THREAD, 1)), '');
  });

  it('keeps what is printed in a file of its own, for its owner only', async () => {
    const sink = store.sink(THREAD, 2);
    await sink.write(Buffer.from('one\n'));
    await sink.write(Buffer.from('two\n'));
    const kept = await sink.close();
    const path = join(dir, 'output', THREAD, '2.log');
    assert.deepEqual(kept, {
      path,
      size: 8,
      kept: 8,
      digest: sha256('one\ntwo\n'),
      truncated: false,
      note: null,
    });
    assert.equal(await readFile(path, 'utf8'), 'one\ntwo\n');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(join(dir, 'output', THREAD))).mode & 0o777, 0o700);
    assert.equal(await textOf(store.read(THREAD, 2)), 'one\ntwo\n');
  });

  it('answers close again as it did, and drops what comes after it', async () => {
    const sink = store.sink(THREAD, 1);
    await sink.write(Buffer.from('kept'));
    const first = await sink.close();
    await sink.write(Buffer.from('dropped'));
    assert.deepEqual(await sink.close(), first);
    assert.equal(await textOf(store.read(THREAD, 1)), 'kept');
  });

  it('keeps all of what is just as long as the cap', async () => {
    const text = lines(1_000);
    const kept = await print(store, text, 64);
    assert.equal(kept?.truncated, false);
    assert.equal(await textOf(store.read(THREAD, 1)), text);
    assert.equal(kept?.digest, sha256(text));
    assert.deepEqual(await readdir(join(dir, 'output', THREAD)), ['1.log']);
  });

  it('keeps head and end of what is longer than the cap, and says how much it left out', async () => {
    const text = lines(12_345);
    const kept = await print(store, text, 100);
    const file = await readFile(join(dir, 'output', THREAD, '1.log'), 'utf8');
    const [, head = '', leftOut, tail = ''] = /^(.*)\n\[(\d+) bytes left out\]\n(.*)$/s.exec(file) ?? [];
    assert.equal(head, text.slice(0, 500));
    assert.ok(tail.length >= 250 && tail.length <= 500, `a tail of ${tail.length} bytes`);
    assert.ok(text.endsWith(tail));
    assert.equal(head.length + Number(leftOut) + tail.length, text.length);
    assert.deepEqual(
      { size: kept?.size, kept: kept?.kept, digest: kept?.digest, truncated: kept?.truncated },
      { size: text.length, kept: file.length, digest: sha256(file), truncated: true },
    );
    assert.deepEqual(await readdir(join(dir, 'output', THREAD)), ['1.log']);
  });

  it('keeps the beginning and the end of any output, cut into any chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 4, max: 2_000 }),
        async (lengths, capBytes) => {
          const text = lines(lengths.reduce((sum, length) => sum + length, 0));
          const sink = openOutputStore(join(dir, 'any'), { capBytes }).sink(THREAD, 1);
          let at = 0;
          for (const length of lengths) void sink.write(Buffer.from(text.slice(at, (at += length))));
          const kept = await sink.close();
          const file = await readFile(join(dir, 'any', THREAD, '1.log'), 'utf8');
          const [head, tail] = file.split(/\n\[\d+ bytes left out\]\n/);
          assert.equal(kept?.truncated, text.length > capBytes);
          assert.equal(kept?.kept, file.length);
          assert.ok(text.startsWith(head ?? 'nothing'));
          assert.ok(text.endsWith(tail ?? head ?? 'nothing'));
          assert.ok((head ?? '').length + (tail ?? '').length <= capBytes);
        },
      ),
      { numRuns: runs(60) },
    );
  });

  it('reads head and end while the attempt still prints', async () => {
    const text = lines(5_000);
    const sink = store.sink(THREAD, 1);
    for (let at = 0; at < text.length; at += 100) await sink.write(Buffer.from(text.slice(at, at + 100)));
    const ended = new AbortController();
    const seen: string[] = [];
    for await (const chunk of store.follow(THREAD, 1, { done: never, signal: ended.signal })) {
      seen.push(Buffer.from(chunk).toString());
      if (seen.join('').endsWith(text.slice(-200))) ended.abort();
    }
    assert.ok(seen.join('').startsWith(text.slice(0, 500)));
    assert.match(seen.join(''), /\n\[\d+ bytes left out\]\n/);
    await sink.close();
  });

  it('reads the parts of a process that ended before it joined them', async () => {
    const folder = join(dir, 'output', THREAD);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '3.log'), 'head;half a join that did not get far');
    await writeFile(join(folder, '3.log.tail-5-25'), 'more;');
    await writeFile(join(folder, '3.log.tail-5-30'), 'end');
    await writeFile(join(folder, '33.log.tail-5-30'), 'of another attempt');
    assert.equal(await textOf(store.read(THREAD, 3)), 'head;\n[20 bytes left out]\nmore;end');
  });

  it('replaces what an earlier process left of the same attempt', async () => {
    const folder = join(dir, 'output', THREAD);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, '1.log'), 'old');
    await writeFile(join(folder, '1.log.tail-3-9'), 'old');
    await print(store, 'new', 3);
    assert.equal(await textOf(store.read(THREAD, 1)), 'new');
    assert.deepEqual(await readdir(join(dir, 'output', THREAD)), ['1.log']);
  });

  it('refuses what must not become a path', () => {
    for (const thread of ['../etc', 'th_../x', 'th_', '', `th_${'a'.repeat(129)}`]) {
      assert.throws(() => store.sink(thread, 1), isInvalid, thread);
      assert.throws(() => store.read(thread, 1), isInvalid, thread);
      assert.throws(() => store.follow(thread, 1, { done: never }), isInvalid, thread);
    }
    for (const attempt of [0, -1, 1.5, Number.NaN, 2 ** 60]) {
      assert.throws(() => store.sink(THREAD, attempt), isInvalid, String(attempt));
    }
    assert.throws(() => openOutputStore(dir, { capBytes: Number.NaN }), /at least 4 bytes, not NaN/);
  });

  it('goes on when the disk is full, and says so', async function () {
    // The full disk is /dev/full, which only Linux has.
    if (process.platform !== 'linux') this.skip();
    await mkdir(join(dir, 'output', THREAD), { recursive: true });
    await symlink('/dev/full', join(dir, 'output', THREAD, '1.log'));
    const sink = store.sink(THREAD, 1);
    for (let i = 0; i < 10; i += 1) await sink.write(Buffer.from('lost\n'));
    const kept = await sink.close();
    assert.equal(kept?.size, 50);
    assert.equal(kept?.truncated, true);
    assert.match(kept?.note ?? '', /could not be kept.*ENOSPC/);
  });

  it('keeps what came before the disk was full', async function () {
    // The full disk is /dev/full, which only Linux has.
    if (process.platform !== 'linux') this.skip();
    const text = lines(2_000);
    const sink = store.sink(THREAD, 1);
    await sink.write(Buffer.from(text.slice(0, 500)));
    for await (const _chunk of store.follow(THREAD, 1, { done: never })) break;
    await symlink('/dev/full', join(dir, 'output', THREAD, '1.log.tail-500-500'));
    await sink.write(Buffer.from(text.slice(500)));
    const kept = await sink.close();
    assert.match(kept?.note ?? '', /ENOSPC/);
    assert.deepEqual(
      { size: kept?.size, kept: kept?.kept, digest: kept?.digest, truncated: kept?.truncated },
      { size: 2_000, kept: 500, digest: sha256(text.slice(0, 500)), truncated: true },
    );
  });

  it('says so when its folder cannot be made', async () => {
    await writeFile(join(dir, 'output'), 'a file in the way');
    const sink = store.sink(THREAD, 1);
    await sink.write(Buffer.from('lost'));
    const kept = await sink.close();
    assert.equal(kept?.kept, 0);
    assert.match(kept?.note ?? '', /could not be kept/);
  });

  it('takes no more ahead of the disk than its bound', async () => {
    const sink = openOutputStore(join(dir, 'output'), { capBytes: 1e9 }).sink(THREAD, 1);
    const chunk = Buffer.alloc(64 * 1024);
    let waits = 0;
    for (let i = 0; i < 64; i += 1) {
      let settled = false;
      const written = sink.write(chunk).then(() => (settled = true));
      await Promise.resolve();
      if (!settled) waits += 1;
      await written;
    }
    assert.ok(waits > 4 && waits < 64, `${waits} of 64 writes were held back`);
    assert.equal((await sink.close())?.kept, 64 * chunk.length);
  });
});

describe('following output', () => {
  let dir: string;
  let store: OutputStore;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'spl-follow-'));
    store = openOutputStore(dir, { capBytes: 100_000 });
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('gives each chunk as it is printed, and ends with the attempt', async () => {
    const end = deferred();
    const sink = store.sink(THREAD, 1);
    const stream = store.follow(THREAD, 1, { done: end.promise })[Symbol.asyncIterator]();
    for (const word of ['one', 'two', 'three']) {
      await sink.write(Buffer.from(word));
      assert.equal(Buffer.from((await stream.next()).value as Uint8Array).toString(), word);
    }
    await sink.write(Buffer.from('last'));
    await sink.close();
    end.resolve();
    assert.equal(Buffer.from((await stream.next()).value as Uint8Array).toString(), 'last');
    assert.equal((await stream.next()).done, true);
  });

  it('gives everything to several followers, early and late, over the join of head and end', async () => {
    const small = openOutputStore(dir, { capBytes: 2_000 });
    const other = openOutputStore(dir, { capBytes: 2_000 });
    const end = deferred();
    const text = lines(2_000);
    const early = textOf(small.follow(THREAD, 1, { done: end.promise }));
    const foreign = textOf(other.follow(THREAD, 1, { done: end.promise }));
    const sink = small.sink(THREAD, 1);
    for (let at = 0; at < text.length; at += 37) await sink.write(Buffer.from(text.slice(at, at + 37)));
    const late = textOf(small.follow(THREAD, 1, { done: end.promise }));
    await sink.close();
    end.resolve();
    assert.deepEqual(await Promise.all([early, foreign, late]), [text, text, text]);
  });

  it('goes on in the joined file where it stopped in the parts', async () => {
    const small = openOutputStore(dir, { capBytes: 400 });
    const end = deferred();
    const sink = small.sink(THREAD, 1);
    const text = lines(3_000);
    await sink.write(Buffer.from(text.slice(0, 2_900)));
    const stream = small.follow(THREAD, 1, { done: end.promise })[Symbol.asyncIterator]();
    let seen = '';
    while (!seen.endsWith(text.slice(2_850, 2_900))) {
      seen += Buffer.from((await stream.next()).value as Uint8Array).toString();
    }
    await sink.write(Buffer.from(text.slice(2_900)));
    await sink.close();
    end.resolve();
    for (let next = await stream.next(); next.done !== true; next = await stream.next()) {
      seen += Buffer.from(next.value).toString();
    }
    assert.ok(seen.endsWith(text.slice(2_850)), seen);
  });

  it('waits for a file that another process will write', async () => {
    const other = openOutputStore(dir, { capBytes: 100_000 });
    const stream = store.follow(THREAD, 1, { done: never })[Symbol.asyncIterator]();
    const first = stream.next();
    const sink = other.sink(THREAD, 1);
    await sink.write(Buffer.from('from afar'));
    assert.equal(Buffer.from((await first).value as Uint8Array).toString(), 'from afar');
    await stream.return?.();
    await sink.close();
  });

  it('ends when the follower gives up, before the first byte and after it', async () => {
    const early = new AbortController();
    const reading = textOf(store.follow(THREAD, 1, { done: never, signal: early.signal }));
    early.abort();
    assert.equal(await reading, '');

    const sink = store.sink(THREAD, 1);
    const late = new AbortController();
    await sink.write(Buffer.from('x'));
    const seen: Uint8Array[] = [];
    for await (const chunk of store.follow(THREAD, 1, { done: never, signal: late.signal })) {
      seen.push(chunk);
      late.abort();
    }
    assert.equal(seen.length, 1);
    await sink.close();
  });

  it('ends at once when an attempt that printed nothing has ended, however it ended', async () => {
    assert.equal(await textOf(store.follow(THREAD, 1, { done: Promise.resolve() })), '');
    assert.equal(await textOf(store.follow(THREAD, 1, { done: Promise.reject(new Error('lost')) })), '');
  });
});

describe('pruning output', () => {
  let dir: string;
  let store: OutputStore;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'spl-prune-'));
    store = openOutputStore(dir, { capBytes: 10_000 });
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('removes the oldest until the rest fits, and never what is being written', async () => {
    const open = store.sink('th_open', 1);
    await open.write(Buffer.alloc(1_000));
    for await (const _chunk of store.follow('th_open', 1, { done: never })) break;
    await utimes(join(dir, 'th_open', '1.log'), 1, 1);
    for (const [age, thread] of [
      [2, 'th_old'],
      [3, 'th_middle'],
      [4, 'th_new'],
    ] as const) {
      const sink = store.sink(thread, 1);
      await sink.write(Buffer.alloc(1_000));
      const kept = await sink.close();
      await utimes(kept?.path ?? '', age, age);
    }
    assert.deepEqual(await store.prune(2_500), { attempts: 2, bytes: 2_000 });
    assert.deepEqual((await readdir(dir)).sort(), ['th_new', 'th_open']);
    assert.equal((await open.close())?.kept, 1_000);
    assert.deepEqual(await store.prune(10_000), { attempts: 0, bytes: 0 });
  });

  it('has nothing to do where nothing was printed, and leaves foreign files alone', async () => {
    assert.deepEqual(await openOutputStore(join(dir, 'none'), { capBytes: 10 }).prune(0), {
      attempts: 0,
      bytes: 0,
    });
    await writeFile(join(dir, 'th_file'), 'x');
    await mkdir(join(dir, 'th_x'));
    await writeFile(join(dir, 'th_x', 'notes.txt'), 'x');
    assert.deepEqual(await store.prune(0), { attempts: 0, bytes: 0 });
    assert.deepEqual(await readdir(join(dir, 'th_x')), ['notes.txt']);
  });
});

/** Prints a text as attempt 1 of THREAD. */
async function print(store: OutputStore, text: string, chunk: number) {
  const sink = store.sink(THREAD, 1);
  for (let at = 0; at < text.length; at += chunk) await sink.write(Buffer.from(text.slice(at, at + chunk)));
  return sink.close();
}

/** Numbered lines, as ASCII, of exactly this length. */
function lines(length: number): string {
  let text = '';
  for (let number = 0; text.length < length; number += 1) text += `line ${number}\n`;
  return text.slice(0, length);
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isInvalid(error: unknown): boolean {
  return FleetError.is(error, 'INVALID_RECORD');
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>(settle => (resolve = settle));
  return { promise, resolve };
}
