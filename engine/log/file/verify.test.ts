import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { KeepingReader, collect, note, notes } from '../../../test/conformance/log.ts';
import { LogHome } from './testing/log-home.ts';
import { verifyLog } from './verify.ts';

describe('verifyLog', () => {
  let home: LogHome;
  beforeEach(async () => {
    home = await LogHome.make();
  });
  afterEach(() => home.dispose());

  async function build(frames: number, segmentBytes: number): Promise<void> {
    const log = await home.open({ reader: new KeepingReader(), segmentBytes });
    for (let i = 0; i < frames; i++) await log.append({ records: notes(i * 2, 2) });
    await log.close();
  }

  it('counts the segments, records and bytes of a sound log, and finds nothing', async () => {
    await build(12, 3000);
    const segments = await home.segments();
    const sizes = await Promise.all(segments.map(async name => (await home.read(name)).length));
    const found = await collect(verifyLog(home.logDir));
    assert.ok(segments.length > 1);
    assert.deepEqual(
      found.map(({ kind, segment }) => [kind, segment]),
      segments.map(name => ['progress', name]),
    );
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    assert.deepEqual(found.at(-1), {
      kind: 'progress',
      segment: segments.at(-1),
      segments: segments.length,
      records: 24,
      bytes,
    });
  });

  it('finds nothing in a log that is empty or not there', async () => {
    assert.deepEqual(await collect(verifyLog(home.logDir)), []);
  });

  it('tells every damage and what is torn, and reads on behind them', async () => {
    await build(10, 1 << 20);
    const [name] = await home.segments();
    const bytes = await home.read(name!);
    const damaged = [bytes.indexOf('note 3"'), bytes.indexOf('note 12"')];
    for (const at of damaged) bytes[at]! ^= 1;
    await home.write(name!, bytes.subarray(0, bytes.length - 3));
    const found = await collect(verifyLog(home.logDir));
    assert.deepEqual(
      found.map(({ kind }) => kind),
      ['damage', 'damage', 'torn', 'progress'],
    );
    const last = found.at(-1);
    assert.ok(last?.kind === 'progress' && last.records === 14);
    for (const [i, entry] of found.slice(0, 2).entries()) {
      assert.ok(entry.kind === 'damage' && entry.segment === name && entry.offset < damaged[i]!);
    }
  });

  it('tells of a record whose content is not what its id says (I36)', async () => {
    const log = await home.open({ reader: new KeepingReader() });
    const forged = { record: note(1).record, text: note(2).text };
    await log.append({ records: [note(0), forged, note(3)] });
    await log.close();
    const found = await collect(verifyLog(home.logDir));
    const bytes = await home.read('0000000000000001.seg');
    assert.deepEqual(found[0], {
      kind: 'damage',
      segment: '0000000000000001.seg',
      offset: bytes.indexOf(`{"id":"${forged.record.id}`),
      reason: 'the record is not what its id says',
    });
    assert.equal(found.length, 2);
  });

  it('tells of a broken chain', async () => {
    await build(12, 3000);
    const [name] = await home.segments();
    await home.write(name!, (await home.read(name!)).subarray(0, 500));
    const found = await collect(verifyLog(home.logDir));
    assert.deepEqual(
      found.map(({ kind, segment }) => [kind, segment]),
      [['damage', name]],
    );
  });
});
