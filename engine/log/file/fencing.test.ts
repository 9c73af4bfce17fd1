import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { KeepingReader, idsOf, note, notes } from '../../../test/conformance/log.ts';
import type { SealedRecord } from '../../record/record.ts';
import { FleetError } from '../../errors.ts';
import type { FileLog } from './file-log.ts';
import { LogHome } from './testing/log-home.ts';

describe('two writers of one log, one of which has lost the lease', () => {
  let home: LogHome;
  beforeEach(async () => {
    home = await LogHome.make();
  });
  afterEach(() => home.dispose());

  const open = (segmentBytes?: number): Promise<FileLog> =>
    home.open({ reader: new KeepingReader(), ...(segmentBytes === undefined ? {} : { segmentBytes }) });

  async function contents(): Promise<string[]> {
    const reader = new KeepingReader();
    await (await home.open({ reader })).close();
    return idsOf(reader.visited);
  }

  it('writes nothing while it only opens and closes', async () => {
    await (await open()).close();
    assert.deepEqual(await home.segments(), []);
  });

  it('ignores what the earlier one adds behind the end that the later one has named', async () => {
    const earlier = await open();
    await earlier.append({ records: notes(0, 3) });
    const later = await open();
    await later.append({ records: [note(10)] });
    await earlier.append({ records: notes(20, 5) });
    await later.append({ records: [note(11)] });
    await earlier.append({ records: notes(30, 5) });
    const expected = idsOf([...notes(0, 3), note(10), note(11)]);
    assert.deepEqual(await contents(), expected);
    await later.close();
    await earlier.close();
    assert.deepEqual(await contents(), expected);
  });

  it('ignores a frame that the earlier one has only half written', async () => {
    const earlier = await open();
    await earlier.append({ records: notes(0, 3) });
    const later = await open();
    await later.append({ records: [note(10)] });
    await earlier.append({ records: notes(20, 5) });
    const [first] = await home.segments();
    const bytes = await home.read(first!);
    await home.write(first!, bytes.subarray(0, bytes.length - 40));
    assert.deepEqual(await contents(), idsOf([...notes(0, 3), note(10)]));
    await later.close();
    await earlier.close();
  });

  it('poisons the one that comes second to a segment, and loses nothing of the other', async () => {
    const earlier = await open(1);
    await earlier.append({ records: notes(0, 3) });
    const later = await open();
    await later.append({ records: [note(10)] });
    // Every frame begins a segment of its own here, and the next one is taken.
    await assert.rejects(earlier.append({ records: [note(20)] }), error => {
      assert.ok(FleetError.is(error, 'LOG_POISONED'));
      assert.ok(FleetError.is(error.cause, 'LEASE_HELD'));
      return true;
    });
    await later.append({ records: [note(11)] });
    await later.close();
    await earlier.close();
    assert.deepEqual(await contents(), idsOf([...notes(0, 3), note(10), note(11)]));
  });

  it('lets one of two that opened the same log write, never both (I32)', async () => {
    await open().then(async log => {
      await log.append({ records: [note(0)] });
      await log.close();
    });
    const logs = await Promise.all([open(), open(), open()]);
    const batches: SealedRecord[][] = [notes(10, 2), notes(20, 2), notes(30, 2)];
    const results = await Promise.allSettled(logs.map((log, i) => log.append({ records: batches[i]! })));
    const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
    assert.equal(winners.length, 1);
    await Promise.all(logs.map(log => log.close()));
    assert.deepEqual(await contents(), idsOf([note(0), ...batches[winners[0]!]!]));
  });

  it('numbers the openings that write', async () => {
    const epochs: number[] = [];
    for (const writes of [false, true, false, true, true]) {
      const log = await open();
      epochs.push(log.opening.epoch);
      if (writes) await log.append({ records: [note(epochs.length)] });
      await log.close();
    }
    assert.deepEqual(epochs, [1, 1, 2, 2, 3]);
  });
});
