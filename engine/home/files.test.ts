import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { promisify } from 'node:util';
import { writeStreamTo } from './files.ts';

describe('a file that is written where a person says', () => {
  let folder: string;
  beforeEach(async () => void (folder = await fs.mkdtemp(join(tmpdir(), 'spl-files-'))));
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  const at = (name: string): string => join(folder, name);
  const write = (name: string, text = 'new'): Promise<number> =>
    writeStreamTo(at(name), 0o600, async part => {
      await part(text);
      return text.length;
    });
  const modeOf = async (name: string): Promise<number> => (await fs.stat(at(name))).mode & 0o777;

  it('is made with the mode that is asked for', async () => {
    assert.equal(await write('a'), 3);
    assert.deepEqual([await fs.readFile(at('a'), 'utf8'), await modeOf('a')], ['new', 0o600]);
    assert.deepEqual(await fs.readdir(folder), ['a']);
  });

  it('keeps the mode that it has', async () => {
    await fs.writeFile(at('a'), 'old', { mode: 0o644 });
    await write('a');
    assert.deepEqual([await fs.readFile(at('a'), 'utf8'), await modeOf('a')], ['new', 0o644]);
  });

  it('is what a symbolic link names, which stays a link', async () => {
    await fs.writeFile(at('real'), 'old');
    await fs.symlink('real', at('link'));
    await fs.symlink('made', at('dangling'));
    await write('link');
    await write('dangling');
    assert.deepEqual(await Promise.all(['real', 'made'].map(name => fs.readFile(at(name), 'utf8'))), [
      'new',
      'new',
    ]);
    assert.ok((await fs.lstat(at('link'))).isSymbolicLink());
    assert.ok((await fs.lstat(at('dangling'))).isSymbolicLink());
  });

  it('stays as it was when what is to be written can not be made', async () => {
    await fs.writeFile(at('a'), 'old');
    await assert.rejects(
      writeStreamTo(at('a'), 0o600, () => Promise.reject(new Error('lost'))),
      /lost/,
    );
    assert.equal(await fs.readFile(at('a'), 'utf8'), 'old');
    assert.deepEqual(await fs.readdir(folder), ['a']);
  });

  it('may be a FIFO, whose reader gets it', async () => {
    await promisify(execFile)('mkfifo', [at('fifo')]);
    const [text] = await Promise.all([fs.readFile(at('fifo'), 'utf8'), write('fifo')]);
    assert.equal(text, 'new');
    assert.ok((await fs.lstat(at('fifo'))).isFIFO());
  });
});
