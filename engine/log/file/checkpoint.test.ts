import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { KeepingReader, collect, idsOf, note, notes } from '../../../test/conformance/log.ts';
import { FleetError } from '../../errors.ts';
import type { SealedRecord } from '../../record/record.ts';
import type { FileLog, FileLogOptions } from './file-log.ts';
import { LogHome } from './testing/log-home.ts';

describe("the file log's checkpoint", () => {
  let home: LogHome;
  beforeEach(async () => {
    home = await LogHome.make();
  });
  afterEach(() => home.dispose());

  interface Opened {
    readonly log: FileLog;
    readonly reader: KeepingReader;
  }

  async function open(options: Partial<FileLogOptions> = {}): Promise<Opened> {
    const reader = new KeepingReader();
    return { reader, log: await home.open({ reader, segmentBytes: 3000, ...options }) };
  }

  /** Records in frames of two and several segments, and a checkpoint somewhere. */
  async function build(position: number, records = 20): Promise<void> {
    const { log } = await open();
    for (let i = 0; i < records; i += 2) await log.append({ records: notes(i, 2) });
    await log.saveCheckpoint({ position, state: Buffer.from(`state of ${position}`) });
    await log.close();
  }

  async function checkAll(log: FileLog, records: readonly SealedRecord[]): Promise<void> {
    assert.deepEqual(idsOf(await collect(log.read(0))), idsOf(records));
    for (const [position, { record }] of records.entries()) {
      assert.equal(log.find(record.id), position);
      assert.equal(log.findByKey(record.actor, record.thread, record.clock), position);
      assert.deepEqual((await log.get(position)).record, record);
    }
  }

  it('spares reading what it covers, wherever in a frame or segment it was made', async () => {
    for (let position = 1; position <= 20; position++) {
      await rm(home.logDir, { recursive: true, force: true });
      await rm(home.checkpointDir, { recursive: true, force: true });
      await build(position);
      const { log, reader } = await open();
      assert.equal(log.opening.replayedFrom, position);
      assert.equal(reader.restored?.position, position);
      assert.deepEqual(idsOf(reader.visited), idsOf(notes(position, 20 - position)));
      await log.append({ records: notes(20, 2) });
      await checkAll(log, notes(0, 22));
      await log.close();
      const again = await open();
      assert.deepEqual(idsOf(again.reader.visited), idsOf(notes(position, 22 - position)));
      await checkAll(again.log, notes(0, 22));
      await again.log.close();
    }
  });

  it('is done without when it is missing, cut or damaged anywhere', async () => {
    await build(3, 6);
    const bytes = await readFile(home.checkpointPath);
    const damaged: Buffer[] = [0, 1, 15, 16, 100, bytes.length - 1].map(length => bytes.subarray(0, length));
    damaged.push(Buffer.concat([bytes, Buffer.from('x')]));
    for (let offset = 0; offset < bytes.length; offset++) {
      const flipped = Buffer.from(bytes);
      flipped[offset]! ^= 1 << (offset % 8);
      damaged.push(flipped);
    }
    for (const [i, content] of damaged.entries()) {
      await writeFile(home.checkpointPath, content);
      const { log, reader } = await open();
      assert.equal(reader.restored, undefined, `damage ${i} was believed`);
      assert.equal(log.opening.replayedFrom, 0);
      assert.deepEqual(idsOf(reader.visited), idsOf(notes(0, 6)));
      await log.close();
    }
    await rm(home.checkpointDir, { recursive: true });
    const { log, reader } = await open();
    assert.equal(reader.visited.length, 6);
    await log.saveCheckpoint({ position: 6, state: new Uint8Array(3) });
    await log.close();
    assert.equal((await open()).log.opening.replayedFrom, 6);
  });

  it('refuses a log that has become shorter than it, and says the way out (I34)', async () => {
    await build(20);
    const last = (await home.segments()).at(-1)!;
    const bytes = await home.read(last);
    await home.write(last, bytes.subarray(0, bytes.length - 10));
    await assert.rejects(open(), error => {
      assert.ok(FleetError.is(error, 'LOG_SHORT'));
      assert.deepEqual(error.details, { end: 18, expected: 20 });
      assert.match(error.hint ?? '', /spl doctor --accept-loss/);
      return true;
    });
    await rm(home.logDir, { recursive: true });
    await mkdir(home.logDir);
    await assert.rejects(open(), { code: 'LOG_SHORT' });
  });

  it('refuses a shorter log even where only its own first part is readable', async () => {
    await build(20);
    const checkpoint = await readFile(home.checkpointPath);
    checkpoint[checkpoint.length - 1]! ^= 1;
    await writeFile(home.checkpointPath, checkpoint);
    await rm(`${home.logDir}/${(await home.segments()).at(-1)!}`);
    await assert.rejects(open(), { code: 'LOG_SHORT' });
  });

  it('is given up, with what is lost counted, when the loss is accepted', async () => {
    await build(20);
    const last = (await home.segments()).at(-1)!;
    const bytes = await home.read(last);
    await home.write(last, bytes.subarray(0, bytes.length - 10));
    const { log, reader } = await open({ acceptLoss: true });
    assert.equal(log.opening.lostRecords, 2);
    assert.ok(log.recovery);
    assert.deepEqual(idsOf(reader.visited), idsOf(notes(0, 18)));
    await log.close();
    // The loss was accepted once and for all, and the log goes on from there.
    const again = await open();
    assert.equal(again.log.opening.lostRecords, 0);
    await again.log.append({ records: notes(100, 2) });
    await again.log.saveCheckpoint({ position: 19, state: new Uint8Array() });
    await again.log.close();
    const third = await open();
    assert.deepEqual(idsOf(third.reader.visited), idsOf([note(101)]));
    await checkAll(third.log, [...notes(0, 18), ...notes(100, 2)]);
    await third.log.close();
  });

  for (const position of [2, 10]) {
    it(`is not believed when it is another log's, made at ${position}`, async () => {
      await build(position);
      const checkpoint = await readFile(home.checkpointPath);
      await rm(home.logDir, { recursive: true });
      await rm(home.checkpointDir, { recursive: true });
      const { log } = await open();
      for (let i = 0; i < 20; i += 2) await log.append({ records: notes(100 + i, 2) });
      await log.close();
      await mkdir(home.checkpointDir);
      await writeFile(home.checkpointPath, checkpoint);
      const { log: again, reader } = await open();
      assert.equal(again.opening.replayedFrom, 0);
      assert.deepEqual(idsOf(reader.visited), idsOf(notes(100, 20)));
      await checkAll(again, notes(100, 20));
      await again.close();
    });
  }

  it('leaves no other file behind', async () => {
    await build(7);
    await writeFile(`${home.checkpointPath}.new`, 'what a crash left');
    const { log } = await open();
    await log.saveCheckpoint({ position: 9, state: new Uint8Array(1) });
    await log.close();
    assert.deepEqual(await readdir(home.checkpointDir), ['log.checkpoint']);
    assert.equal((await open()).reader.restored?.position, 9);
  });
});
