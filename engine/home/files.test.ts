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

  it('is at the end of all links', async () => {
    await fs.mkdir(at('folder'));
    await fs.symlink('folder/second', at('first'));
    await fs.symlink('../made', at('folder/second'));
    await write('first');
    assert.equal(await fs.readFile(at('made'), 'utf8'), 'new');
    assert.equal(await fs.readlink(at('folder/second')), '../made');
  });

  it('stays the same file under its other names', async () => {
    await fs.writeFile(at('a'), 'much longer than the new');
    await fs.link(at('a'), at('b'));
    await write('a');
    assert.equal(await fs.readFile(at('b'), 'utf8'), 'new');
  });

  it('may be an open file, which is added to', async function () {
    // Linux opens a file behind /dev/fd anew; elsewhere it is the descriptor itself.
    if (process.platform !== 'linux') return this.skip();
    const open = await fs.open(at('a'), 'w');
    try {
      await open.writeFile('before ');
      await writeStreamTo(`/dev/fd/${open.fd}`, 0o600, part => part('new'));
      assert.equal(await open.stat().then(({ nlink }) => nlink), 1);
    } finally {
      await open.close();
    }
    assert.equal(await fs.readFile(at('a'), 'utf8'), 'before new');
  });

  it('stays another user’s', async function () {
    // Only root can give a file away, so that nobody else can make this case.
    if (process.getuid?.() !== 0) return this.skip();
    await fs.writeFile(at('a'), 'old');
    await fs.chown(at('a'), 12345, 12345);
    await write('a');
    const { uid } = await fs.stat(at('a'));
    assert.deepEqual([await fs.readFile(at('a'), 'utf8'), uid], ['new', 12345]);
  });

  it('may be a device, which is written to', async function () {
    const made = await promisify(execFile)('mknod', [at('null'), 'c', '1', '3']).catch(() => null);
    // Only root can make a device.
    if (made === null) return this.skip();
    // A mount with nodev lets nobody open it.
    const opens = await fs.open(at('null'), 'w').then(
      file => file.close().then(() => true),
      () => false,
    );
    if (opens) await write('null');
    else await assert.rejects(write('null'));
    assert.ok((await fs.lstat(at('null'))).isCharacterDevice());
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
