import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { processStart } from '../system/process-table.ts';
import { readLivePidFile, readPidFile, removePidFile, writePidFile } from './pid-file.ts';

describe('the pid file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'spl-pid-'));
    file = path.join(folder, 'spl.pid');
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  const content = { pid: process.pid, start: 'x', endpoint: 'http://127.0.0.1:9100', version: '0.1.0' };

  it('is read as it was written, and leaves nothing beside it', async () => {
    await writePidFile(file, { ...content, endpoint: null });
    await writePidFile(file, content);
    assert.deepEqual(await readPidFile(file), content);
    assert.deepEqual(await fs.readdir(folder), ['spl.pid']);
    assert.equal((await fs.stat(file)).mode & 0o777, 0o600);
  });

  it('says nothing when it is missing or damaged', async () => {
    assert.equal(await readPidFile(file), undefined);
    for (const text of ['', '{"pid":1', '{"pid":-1,"start":"","endpoint":null,"version":""}', 'null']) {
      await fs.writeFile(file, text);
      assert.equal(await readPidFile(file), undefined);
    }
  });

  it('has a process that runs, or one that has ended', async () => {
    assert.equal(await readLivePidFile(file), undefined);
    await writePidFile(file, content);
    assert.equal(await readLivePidFile(file), undefined, 'another process had the pid');
    const live = { ...content, start: processStart(process.pid)! };
    await writePidFile(file, live);
    assert.deepEqual(await readLivePidFile(file), live);
  });

  it('is removed only by the process that it names', async () => {
    await writePidFile(file, { ...content, pid: process.pid + 1 });
    await removePidFile(file);
    assert.ok(await readPidFile(file));
    await writePidFile(file, content);
    await removePidFile(file);
    assert.deepEqual(await fs.readdir(folder), []);
    await removePidFile(file);
  });
});
