import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { FleetError, type ErrorCode } from '../../errors.ts';
import type { Did, ThreadId } from '../../record/ids.ts';
import { ACTS, seal, type RecordContent, type SealedRecord } from '../../record/record.ts';
import { openFileLog, type FileLog } from '../file/file-log.ts';
import type { LogReader } from '../log.ts';
import { bundleThread } from './testing/bundle.ts';
import { openIndex, type IndexOptions, type RecordIndex } from './index.ts';

const ALICE = 'did:sync:user:alice' as Did;
const BOB = 'did:sync:user:bob' as Did;
const thread = (name: string | number): ThreadId => `th_${name}` as ThreadId;
const reader: LogReader = { restore: () => true, visit: () => undefined };

let clock = 0;
const record = (content: Partial<RecordContent> = {}): SealedRecord =>
  seal({
    act: 'DO',
    actor: ALICE,
    body: {},
    clock: clock++,
    data_type: 'SCALAR',
    parents: [],
    thread: thread(1),
    ...content,
  });

const fails = (code: ErrorCode, message?: RegExp) => (error: unknown) =>
  FleetError.is(error, code) && (message?.test(error.message) ?? true);

describe('the index', () => {
  let built: string;
  let workerFile: string;
  let root: string;
  let log: FileLog;
  let index: RecordIndex;

  const openLog = (options: { segmentBytes?: number } = {}): Promise<FileLog> =>
    openFileLog({
      dir: path.join(root, 'log'),
      checkpointDir: path.join(root, 'index'),
      reader,
      now: Date.now,
      ...options,
    });
  const checkpoint = (): string => path.join(root, 'index', 'records.sqlite');
  const open = (options: Partial<IndexOptions> = {}): RecordIndex =>
    openIndex({
      logDir: path.join(root, 'log'),
      file: checkpoint(),
      workerFile,
      log,
      ...options,
    });
  const append = (...records: SealedRecord[]): Promise<unknown> => log.append({ records });
  const all = (limit = 100_000): Promise<number[]> => index.positions({ limit });

  before(async () => {
    built = await fs.mkdtemp(path.join(tmpdir(), 'spl-index-thread-'));
    workerFile = await bundleThread(built);
  });
  after(() => fs.rm(built, { recursive: true }));
  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(tmpdir(), 'spl-index-'));
    log = await openLog();
    index = open();
  });
  afterEach(async () => {
    await index.close();
    await log.close();
    await fs.rm(root, { recursive: true });
  });

  it('of an empty log is empty', async () => {
    assert.deepEqual(await all(), []);
    assert.deepEqual(await index.threads({ limit: 10 }), { threads: [], total: 0 });
  });

  it('runs from source as well', async () => {
    await index.close();
    index = open({ workerFile: new URL('thread.ts', import.meta.url) });
    await append(record());
    assert.deepEqual((await index.query('SELECT position FROM records', 1)).rows, [[0]]);
  });

  it('knows every record that was durable at the call', async () => {
    for (let count = 1; count <= 5; count++) {
      await append(record());
      assert.equal((await all()).length, count);
    }
  });

  it('finds records by thread, actor and act, after a position, up to a limit', async () => {
    await append(
      record({ thread: thread('a') }),
      record({ thread: thread('b'), actor: BOB }),
      record({ thread: thread('a'), act: 'KNOW' }),
      record({ thread: thread('a'), actor: BOB, act: 'KNOW' }),
    );
    assert.deepEqual(await index.positions({ thread: 'th_a', limit: 10 }), [0, 2, 3]);
    assert.deepEqual(await index.positions({ thread: 'th_a', limit: 2 }), [0, 2]);
    assert.deepEqual(await index.positions({ thread: 'th_a', after: 0, limit: 10 }), [2, 3]);
    assert.deepEqual(await index.positions({ actor: BOB, limit: 10 }), [1, 3]);
    assert.deepEqual(await index.positions({ act: 'KNOW', actor: BOB, thread: 'th_a', limit: 10 }), [3]);
    assert.deepEqual(await index.positions({ thread: 'th_none', limit: 10 }), []);
    assert.deepEqual(await index.positions({ act: 'th_a', limit: 10 }), []);
  });

  it('lists threads in order of appearance, page by page, and by prefix', async () => {
    for (const name of ['b', 'a', 'b', 'ab', 'b_', 'a']) await append(record({ thread: thread(name) }));
    const { threads, total } = await index.threads({ limit: 10 });
    assert.equal(total, 4);
    assert.deepEqual(
      threads.map(row => [row.thread, row.records, row.firstPosition]),
      [
        ['th_b', 2, 0],
        ['th_a', 2, 1],
        ['th_ab', 1, 3],
        ['th_b_', 1, 4],
      ],
    );
    const stored = await log.get(2);
    assert.equal(threads[0]!.lastAt, stored.at);
    assert.equal(threads[0]!.firstAt, (await log.get(0)).at);
    const second = await index.threads({ limit: 2, after: 1 });
    assert.deepEqual(second, { threads: threads.slice(2), total: 4 });
    const named = await index.threads({ limit: 10, prefix: 'th_a' });
    assert.deepEqual([named.threads.map(row => row.thread), named.total], [['th_a', 'th_ab'], 2]);
    assert.deepEqual((await index.threads({ limit: 10, prefix: 'th_%' })).threads, []);
  });

  describe('is asked in SQL', () => {
    const query = (sql: string, limit = 100) => index.query(sql, limit);

    it('about records, their ids and bodies', async () => {
      const known = record({ act: 'KNOW', body: { topic: 'done', verdict: 'accept', text: 'ü☃' } });
      await append(record({ body: { topic: 7 } }), known);
      const { columns, rows, truncated } = await query(
        `SELECT position, id, thread, actor, act, clock, topic, json_extract(body, '$.verdict') AS verdict
           FROM records WHERE act = 'KNOW'`,
      );
      assert.deepEqual(columns, ['position', 'id', 'thread', 'actor', 'act', 'clock', 'topic', 'verdict']);
      const { id, thread, actor, clock } = known.record;
      assert.deepEqual(rows, [[1, id, thread, actor, 'KNOW', clock, 'done', 'accept']]);
      assert.equal(truncated, false);
      const bodies = await query('SELECT body, body(position) = body, topic FROM records ORDER BY position');
      assert.deepEqual(bodies.rows, [
        ['{"topic":7}', 1, null],
        ['{"text":"ü☃","topic":"done","verdict":"accept"}', 1, 'done'],
      ]);
      assert.deepEqual((await query('SELECT body(99)')).rows, [[null]]);
    });

    it('about times and threads', async () => {
      await append(record(), record(), record({ thread: thread(2) }));
      const { at } = await log.get(0);
      assert.deepEqual((await query('SELECT at FROM records LIMIT 1')).rows, [[at / 1000]]);
      assert.deepEqual(
        (await query('SELECT thread, records, first_position, last_position FROM threads')).rows,
        [
          ['th_1', 2, 0, 1],
          ['th_2', 1, 2, 2],
        ],
      );
    });

    it('and says when there is more', async () => {
      await append(...Array.from({ length: 10 }, () => record()));
      const { rows, truncated } = await query('SELECT position FROM records ORDER BY 1', 3);
      assert.deepEqual([rows, truncated], [[[0], [1], [2]], true]);
      assert.equal((await query('SELECT position FROM records', 10)).truncated, false);
      const large = await query(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT printf('%.1000000c', 'x') FROM n`,
        1000,
      );
      assert.ok(large.truncated && large.rows.length < 20);
      const first = await query(`SELECT 1 UNION ALL SELECT printf('%.20000000c', 'x')`, 1000);
      assert.deepEqual([first.rows, first.truncated], [[[1]], true]);
      await assert.rejects(
        query(`SELECT printf('%.20000000c', 'x')`, 1000),
        fails('INVALID_RECORD', /a row has more than 16777216 characters/),
      );
    });

    it('gives blobs as hex digits, and keeps the columns of an empty answer', async () => {
      assert.deepEqual((await query("SELECT x'00ff', NULL, 1.5, 'a'")).rows, [['00ff', null, 1.5, 'a']]);
      assert.deepEqual(await query('SELECT position, act FROM records WHERE FALSE'), {
        columns: ['position', 'act'],
        rows: [],
        truncated: false,
      });
    });

    it('and changes nothing (I35)', async () => {
      await append(record());
      for (const sql of [
        'DELETE FROM entry',
        'WITH x AS (SELECT 1) DELETE FROM entry',
        'SELECT 1; DROP TABLE entry',
        'PRAGMA writable_schema = ON',
        'PRAGMA query_only = OFF',
        "ATTACH 'x' AS x",
        'INSERT INTO records DEFAULT VALUES',
      ]) {
        await assert.rejects(query(sql), fails('INVALID_RECORD'), sql);
      }
      await append(record());
      assert.deepEqual((await query('SELECT count(*) FROM records')).rows, [[2]]);
    });

    it('and says what is wrong', async () => {
      await assert.rejects(
        query('SELECT missing FROM records'),
        fails('INVALID_RECORD', /no such column: missing/),
      );
      await assert.rejects(query("SELECT json_extract('{', '$')"), fails('INVALID_RECORD', /malformed JSON/));
      await assert.rejects(
        query('SELECT hex(zeroblob(900000000))'),
        fails('INVALID_RECORD', /out of memory|too big/),
      );
      assert.deepEqual((await query('SELECT 1')).rows, [[1]]);
    });

    it('but not for ever, and others are answered afterwards', async () => {
      await index.close();
      index = open({ queryTimeoutMs: 100 });
      await append(record());
      const endless =
        'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
      const answers = await Promise.allSettled([query(endless), all(), query(endless), query('SELECT 1')]);
      assert.ok(
        answers[0].status === 'rejected' && fails('TIMED_OUT', /ended after 0\.1 s/)(answers[0].reason),
      );
      assert.deepEqual(answers[1], { status: 'fulfilled', value: [0] });
      assert.ok(answers[2].status === 'rejected' && fails('TIMED_OUT')(answers[2].reason));
      assert.equal(answers[3].status, 'fulfilled');
    });

    const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';

    it('one of a holder beside the owner no longer than its turn while another waits', async () => {
      await index.close();
      index = open({ queryTimeoutMs: 60_000, queryTurnMs: 20 });
      await append(record());
      const asked = Array.from({ length: 3 }, () => index.query(ENDLESS, 1, { holder: 'token' }));
      const ends = Promise.allSettled(asked);
      // Of those of one holder only the first runs, and it is alone until somebody else comes.
      assert.deepEqual(await all(), [0]);
      assert.deepEqual(await all(), [0]);
      void index.close();
      const reasons = (await ends).map(each =>
        each.status === 'rejected' ? String(each.reason) : 'answered',
      );
      for (const each of reasons.slice(0, 2))
        assert.match(each, /ended after 0\.02 s because other queries wait$/);
      assert.match(reasons[2]!, /closed$/);
    });

    it('and no longer than somebody waits for its answer', async () => {
      await index.close();
      index = open({ queryTimeoutMs: 60_000 });
      await append(record());
      const left = new AbortController();
      const asked = index.query(ENDLESS, 1, { signal: left.signal });
      const other = all();
      left.abort(new Error('gone'));
      await assert.rejects(asked, /gone/);
      assert.deepEqual(await other, [0]);
    });
  });

  describe('has a checkpoint', () => {
    const fill = async (count: number): Promise<void> => {
      await append(...Array.from({ length: count }, (_, i) => record({ thread: thread(i % 7) })));
    };
    /** Closes index and log, does something to the files, and opens both. */
    const reopen = async (meanwhile: () => Promise<unknown> = async () => undefined): Promise<void> => {
      await index.close();
      await log.close();
      await meanwhile();
      log = await openLog();
      index = open();
    };
    const answers = async (): Promise<unknown> => [
      await all(),
      await index.threads({ limit: 100 }),
      (
        await index.query(
          'SELECT position, id, thread, actor, act, clock, at, topic, body FROM records',
          1000,
        )
      ).rows,
    ];

    it('that is written at closing, and that a later opening goes on from', async () => {
      await fill(50);
      const before = await answers();
      await reopen();
      assert.deepEqual(await answers(), before);
      await fill(20);
      assert.equal((await all()).length, 70);
      assert.deepEqual(await fs.readdir(path.dirname(checkpoint())), ['records.sqlite']);
    });

    it('that spares reading the log', async () => {
      await fill(50);
      await all();
      await index.close();
      await log.close();
      log = await openLog();
      await fill(5);
      // Damage in what is indexed already goes unnoticed by who does not read it.
      const [segment] = (await fs.readdir(path.join(root, 'log'))).sort();
      const file = path.join(root, 'log', segment!);
      const bytes = await fs.readFile(file);
      const middle = bytes.indexOf('"act"');
      bytes[middle] = 0x20;
      await fs.writeFile(file, bytes);
      index = open();
      assert.equal((await all()).length, 55);
    });

    it('that is written after enough new rows', async () => {
      await index.close();
      index = open({ checkpointRows: 10 });
      await fill(9);
      await all();
      await assert.rejects(fs.stat(checkpoint()), { code: 'ENOENT' });
      await fill(1);
      await all();
      assert.equal((await fs.stat(checkpoint())).mode & 0o777, 0o600);
    });

    it('and does without one that is missing (I35)', async () => {
      await fill(50);
      const before = await answers();
      await reopen(() => fs.rm(checkpoint()));
      assert.deepEqual(await answers(), before);
    });

    for (const [what, damage] of [
      ['cut off', bytes => bytes.subarray(0, bytes.length / 2)],
      ['empty', () => Buffer.alloc(0)],
      ['no database', () => Buffer.from('something else altogether')],
      [
        'flipped in one bit',
        bytes => {
          bytes[5000]! ^= 4;
          return bytes;
        },
      ],
    ] as [string, (bytes: Buffer) => Buffer][]) {
      it(`and builds another when it is ${what}`, async () => {
        await fill(50);
        const before = await answers();
        await reopen(async () => fs.writeFile(checkpoint(), damage(await fs.readFile(checkpoint()))));
        assert.deepEqual(await answers(), before);
        await reopen();
        assert.deepEqual(await answers(), before);
      });
    }

    it('and catches up when it is behind', async () => {
      await fill(30);
      await all();
      await reopen();
      const old = await fs.readFile(checkpoint());
      await fill(30);
      const before = await answers();
      await reopen(() => fs.writeFile(checkpoint(), old));
      assert.deepEqual(await answers(), before);
    });

    it('and builds another when it is of another log', async () => {
      await fill(30);
      await all();
      for (const count of [10, 30, 50]) {
        await reopen(() => fs.rm(path.join(root, 'log'), { recursive: true }));
        await fill(count);
        const found = await index.query('SELECT id FROM records ORDER BY position', 1000);
        const ids: string[] = [];
        for await (const stored of log.read(0)) ids.push(stored.record.id);
        assert.deepEqual(found.rows.flat(), ids);
      }
    });

    it('and is as good without being able to write it', async () => {
      await index.close();
      await fs.writeFile(path.join(root, 'file'), '');
      index = open({ file: path.join(root, 'file', 'records.sqlite'), checkpointRows: 1 });
      await fill(10);
      assert.equal((await all()).length, 10);
    });
  });

  it('reads on across segments, and from the middle of a frame', async () => {
    await log.close();
    log = await openLog({ segmentBytes: 2000 });
    await index.close();
    index = open({ log: { end: 3 } });
    await append(...Array.from({ length: 7 }, () => record()));
    assert.deepEqual(await all(), [0, 1, 2]);
    await index.close();
    index = open();
    for (let i = 0; i < 20; i++) await append(record({ body: { text: 'x'.repeat(500) } }));
    assert.ok((await fs.readdir(path.join(root, 'log'))).length > 3);
    assert.equal((await all()).length, 27);
    assert.equal((await index.query('SELECT count(DISTINCT body) FROM records', 1)).rows[0]![0], 2);
  });

  it('says so when the log is damaged', async () => {
    await append(record());
    await append(record());
    const [segment] = await fs.readdir(path.join(root, 'log'));
    const file = path.join(root, 'log', segment!);
    const bytes = await fs.readFile(file);
    bytes[bytes.indexOf('"act"')] = 0x20;
    await fs.writeFile(file, bytes);
    await assert.rejects(all(), fails('LOG_DAMAGED'));
  });

  it('says so when the log is shorter than it was said to be, and keeps what there is', async () => {
    await append(record());
    await index.close();
    const end = { end: 2 };
    index = open({ log: end });
    await assert.rejects(all(), fails('LOG_SHORT'));
    end.end = 1;
    assert.deepEqual(await all(), [0]);
  });

  it('answers what is asked at once in order, and refuses what is too much (I42)', async () => {
    await append(record());
    const answers = await Promise.allSettled(Array.from({ length: 1010 }, () => all()));
    assert.equal(answers.filter(answer => answer.status === 'fulfilled').length, 1000);
    const refused = answers.at(-1);
    assert.ok(refused?.status === 'rejected' && fails('UNAVAILABLE', /more than 1000/)(refused.reason));
  });

  it('refuses a question that is none, and goes on', async () => {
    await assert.rejects(index.positions({ limit: 0 }), fails('INTERNAL'));
    assert.deepEqual(await all(), []);
  });

  it('lets go of who no longer waits', async () => {
    const stop = new AbortController();
    const asker = { signal: stop.signal };
    const waiting = [index.positions({ limit: 1 }, asker), index.positions({ limit: 1 }, asker)];
    stop.abort(new Error('enough'));
    for (const answer of waiting) await assert.rejects(answer, /enough/);
    await assert.rejects(index.catchUp(stop.signal), /enough/);
    assert.deepEqual(await all(), []);
  });

  it('refuses what is asked while it closes, and after', async () => {
    await append(record());
    const waiting = [all(), index.query('SELECT 1', 1)];
    const closing = index.close();
    for (const answer of waiting) await assert.rejects(answer, fails('UNAVAILABLE', /closed/));
    await closing;
    await index.close();
    await assert.rejects(all(), fails('UNAVAILABLE', /closed/));
  });

  it('says why its thread does not come, and tries again when asked again', async () => {
    await index.close();
    const missing = path.join(root, 'thread.mjs');
    index = open({ workerFile: missing });
    await assert.rejects(all(), fails('UNAVAILABLE', /thread\.mjs/));
    await fs.writeFile(missing, 'process.exit(3)');
    await assert.rejects(all(), fails('UNAVAILABLE', /thread ended/));
    await fs.writeFile(
      missing,
      `
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ id }) => parentPort.postMessage({ id, kind: 'answer', answer: 'nonsense' }));`,
    );
    await assert.rejects(all());
  });

  it('answers as reading the whole log would', async () => {
    const names = fc.constantFrom('a', 'b', 'ab', 'c');
    const content = fc.record({
      thread: names.map(thread),
      actor: fc.constantFrom(ALICE, BOB),
      act: fc.constantFrom(...ACTS),
      body: fc.record({ topic: fc.option(names, { nil: undefined }) }),
    });
    const filter = fc.record({
      thread: fc.option(names.map(thread), { nil: undefined }),
      actor: fc.option(fc.constantFrom(ALICE, BOB, 'did:sync:user:eve'), { nil: undefined }),
      act: fc.option(fc.constantFrom(...ACTS), { nil: undefined }),
      after: fc.option(fc.nat(200), { nil: undefined }),
      limit: fc.integer({ min: 1, max: 50 }),
    });
    const kept: SealedRecord[] = [];
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { maxLength: 10 }),
        fc.array(filter, { maxLength: 5 }),
        async (contents, filters) => {
          const records = contents.map(record);
          if (records.length > 0) await append(...records);
          kept.push(...records);
          for (const { thread, actor, act, after, limit } of filters) {
            const expected = kept
              .map(({ record }, position) => ({ record, position }))
              .filter(
                ({ record: r, position }) =>
                  position > (after ?? -1) &&
                  (thread === undefined || r.thread === thread) &&
                  (actor === undefined || r.actor === actor) &&
                  (act === undefined || r.act === act),
              )
              .map(({ position }) => position)
              .slice(0, limit);
            const filter = Object.fromEntries(
              Object.entries({ thread, actor, act, after }).filter(([, value]) => value !== undefined),
            );
            assert.deepEqual(await index.positions({ ...filter, limit }), expected);
          }
          const { rows } = await index.query('SELECT id FROM records ORDER BY position', 100_000);
          assert.deepEqual(
            rows.flat(),
            kept.map(({ record }) => record.id),
          );
        },
      ),
      { numRuns: runs(60) },
    );
  });
});
