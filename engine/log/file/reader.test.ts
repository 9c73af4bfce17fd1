import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { KeepingReader, collect, idsOf, note, notes } from '../../../test/conformance/log.ts';
import { readOwnLine } from '../../record/line.ts';
import type { FileLog } from './file-log.ts';
import { readSegmentBatches, readSegments, type LocatedRecord } from './reader.ts';
import { LogHome } from './testing/log-home.ts';

describe('readSegments', () => {
  let home: LogHome;
  let log: FileLog;
  beforeEach(async () => {
    home = await LogHome.make();
    log = await home.open({ reader: new KeepingReader(), segmentBytes: 3000 });
    for (let i = 0; i < 30; i += 3) await log.append({ records: notes(i, 3) });
  });
  afterEach(async () => {
    await log.close();
    await home.dispose();
  });

  const ids = (located: readonly LocatedRecord[]): string[] => idsOf(located.map(({ record }) => record));

  it('reads every record beside the writer, with its position and its place', async () => {
    const located = await collect(readSegments(home.logDir, { fromPosition: 0, to: { position: 30 } }));
    assert.deepEqual(ids(located), idsOf(notes(0, 30)));
    const names = await home.segments();
    assert.ok(names.length > 1);
    for (const [position, entry] of located.entries()) {
      assert.equal(entry.position, position);
      assert.equal(entry.at, (await log.get(position)).at);
      const bytes = await home.read(names[entry.segment - 1]!);
      const line = bytes.toString('utf8', entry.offset, entry.offset + entry.length);
      assert.deepEqual(readOwnLine(line), entry.record);
      assert.equal(bytes[entry.frame], 0xff);
    }
  });

  it('reads on from any record that it gave, by position alone or with a hint', async () => {
    const located = await collect(readSegments(home.logDir, { fromPosition: 0 }));
    for (const { position, segment, frame } of located) {
      const fromPosition = position + 1;
      const hint = { segment, offset: frame };
      const expected = idsOf(notes(fromPosition, 30 - fromPosition));
      assert.deepEqual(ids(await collect(readSegments(home.logDir, { fromPosition }))), expected);
      assert.deepEqual(ids(await collect(readSegments(home.logDir, { fromPosition, hint }))), expected);
    }
  });

  it('passes over a hint that is no place to begin at', async () => {
    const located = await collect(readSegments(home.logDir, { fromPosition: 0 }));
    const later = located[20]!;
    for (const hint of [
      { segment: later.segment, offset: later.frame },
      { segment: later.segment, offset: later.frame + 1 },
      { segment: later.segment, offset: 1e9 },
      { segment: 999, offset: 0 },
      { segment: 1, offset: 0 },
    ]) {
      const records = await collect(readSegments(home.logDir, { fromPosition: 5, hint }));
      assert.deepEqual(ids(records), idsOf(notes(5, 25)));
    }
  });

  it('stops before the position that it is told, though the log goes on', async () => {
    for (const to of [0, 1, 3, 17, 30]) {
      const records = await collect(readSegments(home.logDir, { fromPosition: 2, to: { position: to } }));
      assert.deepEqual(ids(records), idsOf(notes(2, Math.max(0, to - 2))));
    }
  });

  it('stops at an unfinished end, unless it was told that there is more', async () => {
    const last = (await home.segments()).at(-1)!;
    const bytes = await home.read(last);
    await home.write(last, bytes.subarray(0, bytes.length - 1));
    assert.deepEqual(ids(await collect(readSegments(home.logDir, { fromPosition: 0 }))), idsOf(notes(0, 27)));
    await assert.rejects(collect(readSegments(home.logDir, { fromPosition: 0, to: { position: 30 } })), {
      code: 'LOG_SHORT',
    });
  });

  it('refuses damage before the end', async () => {
    const [first] = await home.segments();
    const bytes = await home.read(first!);
    bytes[bytes.indexOf('note 1"')]! ^= 1;
    await home.write(first!, bytes);
    await assert.rejects(collect(readSegments(home.logDir, { fromPosition: 0 })), { code: 'LOG_DAMAGED' });
  });

  it('gives neighbours together, and large frames in pieces', async () => {
    await log.append({ records: notes(30, 1000) });
    const batches = await collect(readSegmentBatches(home.logDir, { fromPosition: 28 }));
    assert.deepEqual(ids(batches.flat()), idsOf(notes(28, 1002)));
    assert.ok(batches.length < 10 && batches.every(batch => batch.length <= 256));
  });

  it('keeps up with a writer that is at work', async () => {
    let end = 30;
    let hint: { segment: number; offset: number } | undefined;
    let from = 0;
    const seen: string[] = [];
    while (end < 300) {
      const appends = Array.from({ length: 10 }, (_, i) => log.append({ records: [note(end + i)] }));
      for await (const entry of readSegments(home.logDir, {
        fromPosition: from,
        hint,
        to: { position: log.end },
      })) {
        seen.push(entry.record.record.id);
        hint = { segment: entry.segment, offset: entry.frame };
        from = entry.position + 1;
      }
      await Promise.all(appends);
      end += 10;
    }
    assert.deepEqual(seen, idsOf(notes(0, from)));
    assert.ok(from >= 290);
  });

  it('reads nothing from a folder that is empty or not there', async () => {
    assert.deepEqual(await collect(readSegments(home.checkpointDir, { fromPosition: 0 })), []);
  });
});
