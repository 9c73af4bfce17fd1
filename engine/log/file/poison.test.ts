import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { KeepingReader, idsOf, note, notes } from '../../../test/conformance/log.ts';
import { FleetError } from '../../errors.ts';
import type { SealedRecord } from '../../record/record.ts';
import type { FileLog } from './file-log.ts';
import { FaultyFiles, systemError, type Operation } from './testing/faulty-files.ts';
import { LogHome } from './testing/log-home.ts';

/** Work that begins segments, joins frames to them, and saves a checkpoint on the way. */
const ROUNDS = 6;
const SEGMENT_BYTES = 1500;

describe('a log whose disk fails', () => {
  let home: LogHome;
  let files: FaultyFiles;
  beforeEach(async () => {
    home = await LogHome.make();
    files = new FaultyFiles();
  });
  afterEach(() => home.dispose());

  /** Does the work. @returns what was acknowledged. */
  async function work(log: FileLog): Promise<SealedRecord[]> {
    const acknowledged: SealedRecord[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const batches = [notes(round * 10, 2), notes(round * 10 + 2, 1)];
      const results = await Promise.allSettled(batches.map(records => log.append({ records })));
      for (const [i, { status }] of results.entries())
        if (status === 'fulfilled') acknowledged.push(...batches[i]!);
      if (round === 3)
        await log.saveCheckpoint({ position: 5, state: Buffer.from('5') }).catch(() => undefined);
    }
    return acknowledged;
  }

  async function operationsOfWork(): Promise<Operation[]> {
    const other = await LogHome.make();
    const log = await other.open({ reader: new KeepingReader(), files, segmentBytes: SEGMENT_BYTES });
    const before = files.operations.length;
    await work(log);
    await log.close();
    await other.dispose();
    return files.operations.slice(before);
  }

  for (const code of ['ENOSPC', 'EIO']) {
    it(`loses nothing that it acknowledged, whichever operation fails with ${code}`, async () => {
      const operations = await operationsOfWork();
      assert.ok(new Set(operations).size >= 6, operations.join(' '));
      for (let failing = 0; failing < operations.length; failing++) {
        const own = await LogHome.make();
        files = new FaultyFiles();
        const log = await own.open({ reader: new KeepingReader(), files, segmentBytes: SEGMENT_BYTES });
        const before = files.operations.length;
        files.fault = (_, count) => {
          if (count === before + failing) throw systemError(code);
        };
        const acknowledged = await work(log);
        const isCheckpoint = ['replace', 'rename'].includes(operations[failing]!);
        if (isCheckpoint) assert.equal(acknowledged.length, ROUNDS * 3);
        await log.close();

        const reader = new KeepingReader(false);
        const again = await own.open({ reader });
        const ids = idsOf(reader.visited);
        // What was not acknowledged may be there, behind the rest; then it is there whole.
        assert.deepEqual(ids.slice(0, acknowledged.length), idsOf(acknowledged), `operation ${failing}`);
        assert.ok(ids.length - acknowledged.length <= 3);
        assert.equal(ids.length % 3, 0);
        await again.append({ records: [note(1000)] });
        await again.close();
        await own.dispose();
      }
    });
  }

  it('acknowledges only behind a sync, and in a new segment behind that of the folder', async () => {
    const log = await home.open({ reader: new KeepingReader(), files, segmentBytes: SEGMENT_BYTES });
    const done: Operation[][] = [];
    for (let round = 0; round < 3; round++) {
      const before = files.operations.length;
      await log.append({ records: notes(round * 2, 2) });
      done.push(files.operations.slice(before));
    }
    const begin = ['create', 'write', 'datasync', 'syncFolder'];
    assert.deepEqual(done, [begin, ['write', 'datasync'], begin]);
    await log.close();
  });

  it('writes what comes while it syncs in one go, and syncs once for it', async () => {
    const log = await home.open({ reader: new KeepingReader(), files });
    await log.append({ records: [note(0)] });
    const before = files.operations.length;
    const first = log.append({ records: [note(1)] });
    await new Promise(resolve => setImmediate(resolve));
    await Promise.all([first, ...notes(2, 100).map(record => log.append({ records: [record] }))]);
    assert.deepEqual(files.operations.slice(before), ['write', 'datasync', 'write', 'datasync']);
    await log.close();
  });

  it('refuses a batch too large for one frame, and is none the worse for it', async () => {
    const log = await home.open({ reader: new KeepingReader() });
    const huge = { record: note(1).record, text: 'x'.repeat(60 * 1024 * 1024) };
    await assert.rejects(log.append({ records: Array(5).fill(huge) as SealedRecord[] }), {
      code: 'TOO_LARGE',
    });
    assert.equal(log.pendingEnd, 0);
    await log.append({ records: [note(2)] });
    await log.close();
  });

  it('tries nothing again, refuses everything, and tells its owner the cause (I33)', async () => {
    const log = await home.open({ reader: new KeepingReader(), files });
    await log.append({ records: [note(1)] });
    const cause = systemError('ENOSPC');
    files.fault = operation => {
      if (operation === 'datasync') throw cause;
    };
    const first = log.append({ records: [note(2)] });
    await new Promise(resolve => setImmediate(resolve));
    const queued = log.append({ records: [note(3)] });
    for (const lost of [first, queued]) {
      await assert.rejects(lost, error => {
        assert.ok(FleetError.is(error, 'LOG_POISONED'));
        assert.equal(error.cause, cause);
        assert.match(error.message, /ENOSPC/);
        return true;
      });
    }
    files.fault = () => undefined;
    const before = files.operations.length;
    await assert.rejects(log.append({ records: [note(4)] }), { code: 'LOG_POISONED' });
    assert.equal((await log.failed).cause, cause);
    assert.equal(files.operations.length, before);
    await log.close();
  });

  it('goes on when only a checkpoint failed, and keeps the one before', async () => {
    const log = await home.open({ reader: new KeepingReader(), files });
    await log.append({ records: notes(0, 5) });
    await log.saveCheckpoint({ position: 2, state: Buffer.from('2') });
    for (const failing of ['replace', 'write', 'datasync', 'rename'] as const) {
      files.fault = (operation, _, path) => {
        if (operation === failing && path.includes('checkpoint')) throw systemError('ENOSPC');
      };
      await assert.rejects(log.saveCheckpoint({ position: 4, state: Buffer.from('4') }), {
        code: 'UNAVAILABLE',
      });
    }
    await log.append({ records: [note(5)] });
    await log.close();
    const reader = new KeepingReader();
    await (await home.open({ reader })).close();
    assert.equal(reader.restored?.position, 2);
    assert.deepEqual(idsOf(reader.visited), idsOf(notes(2, 4)));
  });

  it('is not opened when what it read cannot be made durable', async () => {
    const log = await home.open({ reader: new KeepingReader() });
    await log.append({ records: [note(1)] });
    await log.close();
    files.fault = operation => {
      if (operation === 'datasync') throw systemError('EIO');
    };
    await assert.rejects(home.open({ reader: new KeepingReader(), files }), { code: 'UNAVAILABLE' });
  });
});
