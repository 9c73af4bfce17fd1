import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../../engine/errors.ts';
import type { Checkpoint, Log, LogReader, StoredRecord } from '../../engine/log/log.ts';
import type { Did, RecordId, ThreadId } from '../../engine/record/ids.ts';
import type { JsonObject } from '../../engine/record/canonical.ts';
import { seal, type SealedRecord } from '../../engine/record/record.ts';
import { generateKey, signBatch } from '../../engine/record/signing.ts';
import { runs } from '../runs.ts';

/** A place for a log, with the controls of a test. */
export interface LogFixture {
  /** Opens the log at that place. If an earlier one was not closed, this simulates its crash. */
  open(options: { readonly reader: LogReader; readonly now: () => number }): Promise<Log>;
  /** Makes the next write of the open log fail. */
  failNextWrite(): void;
  dispose(): Promise<void>;
}

export const ALICE = 'did:sync:user:alice' as Did;
export const BOB = 'did:sync:user:bob' as Did;
export const THREAD = 'th_conformance' as ThreadId;

/** Returns a record that differs from others by its clock. */
export function note(
  clock: number,
  content: { actor?: Did; thread?: ThreadId; body?: JsonObject } = {},
): SealedRecord {
  const { actor = ALICE, thread = THREAD, body = { text: `note ${clock}` } } = content;
  return seal({ act: 'KNOW', actor, body, clock, data_type: 'SCALAR', parents: [], thread });
}

export const notes = (from: number, count: number): SealedRecord[] =>
  Array.from({ length: count }, (_, i) => note(from + i));

/** A reader that keeps what it is shown. Its state is the list of the ids, as text. */
export class KeepingReader implements LogReader {
  readonly visited: StoredRecord[] = [];
  restored: Checkpoint | undefined;
  readonly #accepts: boolean;

  constructor(accepts = true) {
    this.#accepts = accepts;
  }

  restore(checkpoint: Checkpoint | undefined): boolean {
    this.restored = checkpoint;
    return this.#accepts;
  }

  visit(record: StoredRecord): void {
    this.visited.push(record);
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export const idsOf = (records: Iterable<SealedRecord>): RecordId[] =>
  Array.from(records, ({ record }) => record.id);

const isError = (code: string) => (error: unknown) => error instanceof FleetError && error.code === code;

/** Defines the suite that every implementation of the log's port must pass. */
export function describeLog(name: string, make: () => Promise<LogFixture>): void {
  describe(`${name}, as a log`, () => {
    let fixture: LogFixture;
    let log: Log;
    let time: number;

    const open = async (reader: LogReader = new KeepingReader()): Promise<Log> =>
      (log = await fixture.open({ reader, now: () => time }));
    const reopen = async (reader: LogReader = new KeepingReader()): Promise<Log> => {
      await log.close();
      return open(reader);
    };
    const append = (...records: SealedRecord[]) => log.append({ records });

    beforeEach(async () => {
      fixture = await make();
      time = 1_700_000_000_000;
      await open();
    });
    afterEach(async () => {
      await log.close();
      await fixture.dispose();
    });

    it('is empty when nothing was appended', async () => {
      assert.equal(log.end, 0);
      assert.equal(log.pendingEnd, 0);
      assert.deepEqual(await collect(log.read(0)), []);
      assert.equal(log.find(note(1).record.id), undefined);
      await assert.rejects(log.get(0), isError('NOT_FOUND'));
      await reopen();
      assert.equal(log.end, 0);
    });

    it('gives positions from 0 on, and the time of the append', async () => {
      assert.deepEqual(await append(note(1), note(2)), { first: 0, at: time });
      time += 10;
      assert.deepEqual(await append(note(3)), { first: 2, at: time });
      assert.equal(log.end, 3);
      const stored = await collect(log.read(0));
      assert.deepEqual(
        stored.map(({ position, at }) => [position, at]),
        [
          [0, time - 10],
          [1, time - 10],
          [2, time],
        ],
      );
    });

    it('gives back what was appended, now and after reopening', async () => {
      const records = [
        note(1),
        note(2, { body: { text: 'Grüße, 世界 🚀', nested: { list: [1, null, true, 'a\nb'] } } }),
        { ...note(3), record: { ...note(3).record, judged_by: BOB } },
        note(4, { body: {} }),
      ];
      await append(...records);
      const expected = records.map((sealed, position) => ({ ...sealed, position, at: time }));
      for (const position of [3, 0, 2, 1]) assert.deepEqual(await log.get(position), expected[position]);
      assert.deepEqual(await collect(log.read(0)), expected);
      const reader = new KeepingReader();
      await reopen(reader);
      assert.deepEqual(reader.visited, expected);
      assert.deepEqual(await collect(log.read(0)), expected);
    });

    it('keeps the order of the calls, however many come at once', async () => {
      const records = notes(0, 500);
      const appended = await Promise.all(records.map(record => append(record)));
      assert.deepEqual(
        appended.map(({ first }) => first),
        records.map((_, i) => i),
      );
      assert.deepEqual(idsOf(await collect(log.read(0))), idsOf(records));
      const reader = new KeepingReader();
      await reopen(reader);
      assert.deepEqual(idsOf(reader.visited), idsOf(records));
    });

    it('counts records that are not durable yet only in pendingEnd', async () => {
      const appended = append(note(1), note(2));
      assert.equal(log.pendingEnd, 2);
      assert.equal(log.end, 0);
      await assert.rejects(log.get(0), isError('NOT_FOUND'));
      await appended;
      assert.equal(log.end, 2);
    });

    it('never lets the time fall, even after reopening', async () => {
      await append(note(1));
      const before = time;
      time -= 60_000;
      assert.equal((await append(note(2))).at, before);
      await reopen();
      assert.equal((await append(note(3))).at, before);
      time = before + 1;
      assert.equal((await append(note(4))).at, before + 1);
    });

    it('fulfils an append of nothing when all before it is durable', async () => {
      const first = append(note(1));
      const nothing = await append();
      assert.equal(nothing.first, 1);
      assert.equal(log.end, 1);
      await first;
      await reopen();
      assert.equal(log.end, 1);
    });

    it('appends only at the expected end, when one is given', async () => {
      await log.append({ records: [note(1)] }, { expectedEnd: 0 });
      await assert.rejects(log.append({ records: [note(2)] }, { expectedEnd: 0 }), isError('CONFLICT'));
      const pending = append(note(3));
      await assert.rejects(log.append({ records: [note(4)] }, { expectedEnd: 1 }), isError('CONFLICT'));
      await log.append({ records: [note(5)] }, { expectedEnd: 2 });
      await pending;
      assert.deepEqual(idsOf(await collect(log.read(0))), idsOf([note(1), note(3), note(5)]));
    });

    it('finds records by id and by slot: pending, durable, after reopening, and no others', async () => {
      const records = [
        note(1),
        note(2, { actor: BOB }),
        note(2 ** 40),
        note(2, { thread: 'th_other' as ThreadId }),
      ];
      const check = (): void => {
        for (const [position, { record }] of records.entries()) {
          assert.equal(log.find(record.id), position);
          assert.equal(log.findByKey(record.actor, record.thread, record.clock), position);
        }
        assert.equal(log.find(note(99).record.id), undefined);
        assert.equal(log.findByKey(ALICE, THREAD, 2), undefined);
        assert.equal(log.findByKey(BOB, THREAD, 1), undefined);
        assert.equal(log.findByKey(ALICE, THREAD, 2 ** 40 + 2 ** 32), undefined);
      };
      const appended = append(...records);
      check();
      await appended;
      check();
      await reopen();
      check();
    });

    it('finds the first of records that share an id', async () => {
      await append(note(1), note(2));
      await append(note(2), note(1));
      assert.equal(log.find(note(2).record.id), 1);
      assert.equal(log.findByKey(ALICE, THREAD, 1), 0);
    });

    it('reads any range, up to the end at the call', async () => {
      const records = notes(0, 700);
      for (let i = 0; i < 700; i += 7) void append(...records.slice(i, i + 7));
      await append();
      for (const [from, to] of [
        [0, 700],
        [3, 4],
        [6, 15],
        [250, 650],
        [699, 700],
        [5, 5],
      ] as const) {
        const stored = await collect(log.read(from, { to }));
        assert.deepEqual(idsOf(stored), idsOf(records.slice(from, to)));
        assert.deepEqual(stored[0]?.position ?? from, from);
      }
      assert.deepEqual(await collect(log.read(700)), []);
      assert.equal((await collect(log.read(690, { to: 10_000 }))).length, 10);
    });

    it('keeps large records, and many of them at once', async () => {
      const sizes = [3_000_000, 10, 1_100_000, ...Array<number>(30).fill(200_000), 10];
      const records = sizes.map((size, clock) => note(clock, { body: { text: 'ä'.repeat(size / 2) } }));
      await Promise.all(records.map(record => append(record)));
      const check = async (): Promise<void> => {
        assert.deepEqual(idsOf(await collect(log.read(0))), idsOf(records));
        for (const [position, { text }] of records.entries())
          assert.equal((await log.get(position)).text, text);
      };
      await check();
      const reader = new KeepingReader();
      await reopen(reader);
      assert.deepEqual(idsOf(reader.visited), idsOf(records));
      await check();
    });

    it('returns many records at once, wherever they are stored', async () => {
      const all = Array.from({ length: 100 }, (_, i) => note(i, { body: { text: `${i} `.repeat(200) } }));
      for (const each of all) await append(each);
      const got = await Promise.all(all.map((_, position) => log.get(position)));
      assert.deepEqual(
        got.map(({ record }) => record.id),
        all.map(({ record }) => record.id),
      );
    });

    it('stops reading when its signal aborts, or its reader leaves', async () => {
      await append(...notes(0, 1000));
      const stop = new AbortController();
      let seen = 0;
      await assert.rejects(async () => {
        for await (const _ of log.read(0, { signal: stop.signal })) if (++seen === 300) stop.abort();
      }, /abort/i);
      assert.ok(seen >= 300 && seen < 1000);
      for await (const _ of log.read(0)) break;
    });

    it('keeps the signature of a foreign batch, and adds none to its own', async () => {
      const key = generateKey();
      const foreign = notes(10, 3);
      const whole = { ...signBatch(key, idsOf(foreign)), ids: idsOf(foreign) };
      const parts = notes(20, 4);
      const part = { ...signBatch(key, idsOf(parts)), ids: idsOf(parts) };
      void append(note(1));
      void log.append({ records: foreign, signature: whole });
      void append(note(2));
      // Two records of the second batch were already known. Its signature still covers all four.
      await log.append({ records: parts.slice(1, 3), signature: part });
      const check = async (): Promise<void> => {
        const found = await Promise.all([0, 1, 2, 3, 4, 5, 6].map(position => log.signatureAt(position)));
        assert.deepEqual(found, [undefined, whole, whole, whole, undefined, part, part]);
      };
      await check();
      await reopen();
      await check();
      await assert.rejects(log.signatureAt(7), isError('NOT_FOUND'));
    });

    it('gives a reader its saved state, and the records after it', async () => {
      await append(...notes(0, 5));
      const appended = append(...notes(5, 5));
      // Saved in the middle of a batch, before that batch is durable.
      await log.saveCheckpoint({ position: 7, state: Buffer.from('state of 7') });
      assert.equal(log.end, 10);
      await appended;
      await append(...notes(10, 2));
      const reader = new KeepingReader();
      await reopen(reader);
      assert.equal(reader.restored?.position, 7);
      assert.equal(Buffer.from(reader.restored.state).toString(), 'state of 7');
      assert.deepEqual(idsOf(reader.visited), idsOf(notes(7, 5)));
      assert.equal(reader.visited[0]?.position, 7);
      for (const [position, { record }] of notes(0, 12).entries()) {
        assert.equal(log.find(record.id), position);
        assert.deepEqual((await log.get(position)).record, record);
      }
      assert.deepEqual(idsOf(await collect(log.read(0))), idsOf(notes(0, 12)));
    });

    it('shows a reader everything when it refuses its state', async () => {
      await append(...notes(0, 5));
      await log.saveCheckpoint({ position: 5, state: Buffer.from('old version') });
      const reader = new KeepingReader(false);
      await reopen(reader);
      assert.equal(reader.restored?.position, 5);
      assert.deepEqual(idsOf(reader.visited), idsOf(notes(0, 5)));
    });

    it('ignores a checkpoint older than the one it has', async () => {
      await append(...notes(0, 5));
      const newer = log.saveCheckpoint({ position: 4, state: Buffer.from('4') });
      await log.saveCheckpoint({ position: 3, state: Buffer.from('3') });
      await newer;
      const reader = new KeepingReader();
      await reopen(reader);
      assert.equal(reader.restored?.position, 4);
      assert.deepEqual(idsOf(reader.visited), idsOf([note(4)]));
    });

    it('refuses a checkpoint beyond its end', async () => {
      await append(note(1));
      await assert.rejects(log.saveCheckpoint({ position: 2, state: new Uint8Array() }), isError('INTERNAL'));
    });

    it('is poisoned by a failed write: it retries nothing, and its owner is notified', async () => {
      await append(note(1));
      fixture.failNextWrite();
      const lost = append(note(2));
      const queued = new Promise(resolve => setImmediate(resolve)).then(() => append(note(3)));
      await assert.rejects(lost, isError('LOG_POISONED'));
      await assert.rejects(queued, isError('LOG_POISONED'));
      await assert.rejects(append(note(4)), isError('LOG_POISONED'));
      assert.equal((await log.failed) instanceof FleetError, true);
      assert.ok((await log.failed).cause instanceof Error);
      assert.equal(log.end, 1);
      assert.deepEqual((await log.get(0)).record, note(1).record);
      await reopen();
      assert.deepEqual((await log.get(0)).record, note(1).record);
      await append(note(5));
      assert.equal(log.find(note(5).record.id), log.end - 1);
    });

    it('makes all pending records durable on closing, and then accepts none', async () => {
      const appended = notes(0, 50).map(record => append(record));
      const closed = log.close();
      await assert.rejects(append(note(99)), isError('UNAVAILABLE'));
      await Promise.all(appended);
      await closed;
      await log.close();
      await open();
      assert.equal(log.end, 50);
    });

    it('equals a model after any appends, checkpoints, closings and crashes', async () => {
      const step = fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({
            do: fc.constant('append' as const),
            sizes: fc.array(fc.nat(6), { maxLength: 5 }),
          }),
        },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('checkpoint' as const), back: fc.nat(5) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
          const own = await make();
          const model: SealedRecord[] = [];
          const openOwn = (reader: LogReader): Promise<Log> => own.open({ reader, now: () => time });
          let open = await openOwn(new KeepingReader());
          for (const { do: action, ...rest } of steps) {
            if ('sizes' in rest) {
              const batches = rest.sizes.map(size => {
                const records = notes(model.length, size);
                model.push(...records);
                return open.append({ records });
              });
              await Promise.all(batches);
            } else if ('back' in rest) {
              const position = Math.max(0, model.length - rest.back);
              await open.saveCheckpoint({ position, state: Buffer.from(String(position)) });
            } else {
              if (action === 'close') await open.close();
              const reader = new KeepingReader();
              const crashed = open;
              open = await openOwn(reader);
              await crashed.close();
              const from = Number(Buffer.from(reader.restored?.state ?? []).toString() || 0);
              assert.deepEqual(idsOf(reader.visited), idsOf(model.slice(from)));
            }
          }
          assert.deepEqual(idsOf(await collect(open.read(0))), idsOf(model));
          for (const [position, { record }] of model.entries()) assert.equal(open.find(record.id), position);
          await open.close();
          await own.dispose();
        }),
        { numRuns: runs(60) },
      );
    });
  });
}
