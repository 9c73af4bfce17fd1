import assert from 'node:assert/strict';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import fc from 'fast-check';
import { KeepingReader, collect, idsOf, note, notes } from '../../../test/conformance/log.ts';
import { runs } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import type { SealedRecord } from '../../record/record.ts';
import type { FileLogOptions } from './file-log.ts';
import { encodeSegmentHeader } from './segment.ts';
import { LogHome } from './testing/log-home.ts';

describe('a damaged log', () => {
  let home: LogHome;
  beforeEach(async () => {
    home = await LogHome.make();
  });
  afterEach(() => home.dispose());

  /** Appends each batch by itself, so that each is a frame. @returns where each frame ended, by the file's size. */
  async function build(
    batches: readonly SealedRecord[][],
    options: Partial<FileLogOptions> = {},
  ): Promise<number[]> {
    const log = await home.open({ reader: new KeepingReader(), ...options });
    const ends: number[] = [];
    for (const records of batches) {
      await log.append({ records });
      const segments = await home.segments();
      ends.push((await home.read(segments.at(-1)!)).length);
    }
    await log.close();
    return ends;
  }

  /** Opens the log and returns the records that the reader is shown and the bytes that were cut, or the error. */
  async function attempt(at = home): Promise<{ ids: string[]; cut: number } | FleetError> {
    const reader = new KeepingReader();
    try {
      const log = await at.open({ reader });
      await log.close();
      return { ids: idsOf(reader.visited), cut: log.recovery?.cutBytes ?? 0 };
    } catch (error) {
      assert.ok(error instanceof FleetError, String(error));
      return error;
    }
  }

  /** The message with which the log is refused as damaged. */
  async function refusal(): Promise<string> {
    const error = await attempt();
    assert.ok(FleetError.is(error, 'LOG_DAMAGED'), 'the log was not refused');
    return error.message;
  }

  const first = '0000000000000001.seg';
  const batches = [notes(0, 3), notes(3, 2), notes(5, 4)];

  /** The same in small, for tests that take each byte in turn. */
  const short = [notes(0, 1), notes(1, 2), notes(3, 2)];

  it('is cut at its last frame, whole and said aloud, wherever that frame breaks off (I34)', async () => {
    const [, end] = await build(short);
    const bytes = await home.read(first);
    for (let length = end! + 1; length < bytes.length; length++) {
      await home.write(first, bytes.subarray(0, length));
      const reader = new KeepingReader();
      const log = await home.open({ reader });
      assert.deepEqual(idsOf(reader.visited), idsOf(notes(0, 3)), `cut at ${length}`);
      assert.deepEqual(log.recovery, {
        cutBytes: length - end!,
        segment: first,
        offset: end!,
        reason: 'the frame is cut off',
      });
      await log.close();
    }
  });

  it('goes on behind a cut, durably, and the cut is not met again', async () => {
    await build(batches);
    const bytes = await home.read(first);
    for (const missing of [1, 30, 400]) {
      const copy = await home.copy();
      await copy.write(first, bytes.subarray(0, bytes.length - missing));
      const log = await copy.open({ reader: new KeepingReader() });
      assert.ok(log.recovery);
      await log.append({ records: [note(100)] });
      await log.close();
      // The torn file is left as it is: only the new segment says where it ends.
      assert.equal((await copy.read(first)).length, bytes.length - missing);
      assert.deepEqual(await attempt(copy), { ids: idsOf([...notes(0, 5), note(100)]), cut: 0 });
      await copy.dispose();
    }
  });

  it('is cut at a last frame that is full of zeros or of rubbish, in part or whole', async () => {
    const [, end] = await build(batches);
    const bytes = await home.read(first);
    for (const from of [end!, end! + 4, end! + 21, bytes.length - 7]) {
      for (const fill of [0x00, 0xff, 0x0a]) {
        await home.write(first, Buffer.from(bytes).fill(fill, from));
        assert.deepEqual(await attempt(), { ids: idsOf(notes(0, 5)), cut: bytes.length - end! });
      }
    }
  });

  it('is refused with file and offset when any bit of a frame before the last is flipped (I34)', async () => {
    const ends = await build(short);
    const bytes = await home.read(first);
    const start = bytes.indexOf(0xff, 4);
    for (let offset = start; offset < ends[1]!; offset++) {
      const flipped = Buffer.from(bytes);
      flipped[offset]! ^= 1 << (offset % 8);
      await home.write(first, flipped);
      const error = await attempt();
      assert.ok(error instanceof FleetError, `a flip at ${offset} was passed over`);
      assert.equal(error.code, 'LOG_DAMAGED');
      const frame = offset < ends[0]! ? start : ends[0];
      assert.deepEqual([error.details['file'], error.details['offset']], [first, frame]);
      assert.match(error.message, new RegExp(`${first} at byte ${frame}`));
    }
  });

  it('is refused when a frame before the last is flipped and the last is torn as well', async () => {
    const ends = await build(batches);
    const bytes = await home.read(first);
    for (const offset of [ends[0]!, ends[0]! + 5, ends[0]! + 17, ends[0]! + 60]) {
      const flipped = Buffer.from(bytes.subarray(0, ends[1]! + 25));
      flipped[offset]! ^= 0x10;
      await home.write(first, flipped);
      assert.equal(((await attempt()) as FleetError).code, 'LOG_DAMAGED');
    }
  });

  it("is refused when any bit of a segment's header is flipped", async () => {
    await build(batches, { segmentBytes: 1000 });
    const segments = await home.segments();
    assert.ok(segments.length >= 2);
    for (const segment of segments) {
      const bytes = await home.read(segment);
      const end = bytes.indexOf(0xff, 4);
      for (let offset = 0; offset < end; offset++) {
        const flipped = Buffer.from(bytes);
        flipped[offset]! ^= 1 << (offset % 8);
        await home.write(segment, flipped);
        const error = await attempt();
        assert.ok(error instanceof FleetError, `a flip at ${offset} of ${segment} was passed over`);
        assert.equal(error.code, 'LOG_DAMAGED');
        assert.deepEqual([error.details['file'], error.details['offset']], [segment, 0]);
      }
      await home.write(segment, bytes);
    }
  });

  it('is refused when a segment before the last is missing, shorter, or damaged at its end', async () => {
    await build(batches, { segmentBytes: 1000 });
    const bytes = await home.read(first);
    await home.write(first, bytes.subarray(0, bytes.length - 1));
    assert.match(await refusal(), /0001.seg at byte \d+: the segment ends here/);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 3]! ^= 1;
    await home.write(first, flipped);
    assert.match(await refusal(), /0001.seg at byte \d+: the checksum of the frame is wrong/);
    await home.write(first, Buffer.alloc(bytes.length));
    assert.match(await refusal(), /0001.seg at byte 0: the segment has no valid header/);
    await unlink(join(home.logDir, first));
    assert.match(await refusal(), /0001.seg at byte 0: the segment is missing/);
  });

  /** The first segment of another log, which got these batches. */
  async function foreignSegment(foreign: readonly SealedRecord[][]): Promise<Buffer> {
    const other = await LogHome.make();
    try {
      const log = await other.open({ reader: new KeepingReader() });
      for (const records of foreign) await log.append({ records });
      await log.close();
      return await other.read(first);
    } finally {
      await other.dispose();
    }
  }

  it("is refused when a segment is another log's, though everything in it is right", async () => {
    await build([notes(10, 3), notes(13, 2)], { segmentBytes: 500 });
    const foreign = await foreignSegment([notes(20, 3)]);
    assert.equal(foreign.length, (await home.read(first)).length);
    await home.write(first, foreign);
    assert.match(await refusal(), /the next segment does not follow this one/);
  });

  it("is refused when a frame is another log's, though everything in it is right", async () => {
    const [end, next] = await build([notes(10, 3), notes(13, 2), notes(15, 2)]);
    const foreign = await foreignSegment([notes(10, 3), notes(23, 2)]);
    const bytes = await home.read(first);
    assert.equal(foreign.length, next);
    await home.write(
      first,
      Buffer.concat([bytes.subarray(0, end), foreign.subarray(end), bytes.subarray(next)]),
    );
    assert.match(await refusal(), /the frame does not follow the one before it/);
  });

  it('passes over a newest segment that was never finished, and numbers on behind it', async () => {
    await build(batches, { segmentBytes: 1500 });
    const segments = await home.segments();
    const last = segments.at(-1)!;
    const bytes = await home.read(last);
    const headerEnd = bytes.indexOf(0xff, 4);
    const before = await countRecords(segments.slice(0, -1));
    for (const length of [0, 1, 19, 20, headerEnd - 1]) {
      const copy = await home.copy();
      await copy.write(last, bytes.subarray(0, length));
      const reader = new KeepingReader();
      const log = await copy.open({ reader });
      assert.equal(reader.visited.length, before);
      if (length > 0) assert.equal(log.recovery?.segment, last);
      await log.append({ records: [note(100)] });
      await log.close();
      assert.equal((await copy.segments()).length, segments.length + 1);
      assert.equal(((await attempt(copy)) as { ids: string[] }).ids.length, before + 1);
      await copy.dispose();
    }
  });

  it('is refused when a later version wrote it', async () => {
    await build([notes(0, 1)]);
    const header = { format: 2, epoch: 9, owner: null, segment: 2, first: 1, previous: null };
    await home.write('0000000000000002.seg', encodeSegmentHeader(header, 0).bytes);
    assert.equal(((await attempt()) as FleetError).code, 'HOME_NEWER');
  });

  it('finds damage when it reads a record later on', async () => {
    const reader = new KeepingReader();
    const log = await home.open({ reader });
    await log.append({ records: notes(0, 3) });
    const bytes = await home.read(first);
    const at = bytes.indexOf('note 1');
    bytes[at]! ^= 1;
    await home.write(first, bytes);
    await assert.rejects(log.get(1), { code: 'LOG_DAMAGED' });
    await assert.rejects(collect(log.read(0)), { code: 'LOG_DAMAGED' });
    assert.deepEqual((await log.get(2)).record, note(2).record);
    await log.close();
  });

  it('is never silently shorter than what was acknowledged, wherever a crash cuts it (I31)', async () => {
    const batch = fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(batch, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 300, max: 3000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (rounds, segmentBytes, where) => {
          const own = await LogHome.make();
          const acknowledged: SealedRecord[] = [];
          for (const round of rounds) {
            const reader = new KeepingReader();
            const log = await own.open({ reader, segmentBytes });
            assert.deepEqual(idsOf(reader.visited), idsOf(acknowledged));
            let clock = acknowledged.length;
            const groups = round.map(texts => texts.map(text => note(clock++, { body: { text } })));
            await Promise.all(groups.slice(0, -1).map(records => log.append({ records })));
            acknowledged.push(...groups.slice(0, -1).flat());
            const segments = await own.segments();
            const newest = segments.at(-1);
            const safe = newest === undefined ? 0 : (await own.read(newest)).length;
            // The last batch is written, but nobody hears of it before the crash.
            const last = groups.at(-1)!;
            await log.append({ records: last });
            await log.close();
            const after = (await own.segments()).at(-1);
            if (after === undefined || last.length === 0) continue;
            const bytes = await own.read(after);
            const from = after === newest ? safe : 0;
            const length = Math.floor(from + (bytes.length - from) * where);
            await own.write(after, bytes.subarray(0, length));
            if (length === bytes.length) acknowledged.push(...last);
          }
          const reader = new KeepingReader();
          await (await own.open({ reader })).close();
          assert.deepEqual(idsOf(reader.visited), idsOf(acknowledged));
          await own.dispose();
        },
      ),
      { numRuns: runs(40) },
    );
  });

  async function countRecords(segments: readonly string[]): Promise<number> {
    let count = 0;
    for (const segment of segments)
      count += (await home.read(segment)).toString('latin1').split('{"id":').length - 1;
    return count;
  }
});
