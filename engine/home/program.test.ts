import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { installProgram, PROGRAM_FILES } from './program.ts';

describe('an installed program', () => {
  let root: string;
  let from: string;
  let into: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'spl-program-'));
    from = path.join(root, 'dist');
    into = path.join(root, 'storage', 'program');
    await mkdir(from);
    await build('1');
  });
  afterEach(() => rm(root, { recursive: true }));

  async function build(version: string): Promise<void> {
    for (const name of PROGRAM_FILES) await writeFile(path.join(from, name), `${name} of ${version}`);
    await chmod(path.join(from, 'spl'), 0o755);
    await writeFile(path.join(from, 'tour.js'), 'not of the program');
  }

  const textOf = (folder: string, name: string) => readFile(path.join(folder, name), 'utf8');
  /** As if this version had been asked for so many hours ago. */
  const age = (folder: string, hours: number) => {
    const then = new Date(Date.now() - hours * 3_600_000);
    return utimes(folder, then, then);
  };

  it('has every file, executable where it was, in a folder named for the content', async () => {
    const folder = await installProgram(from, into);
    assert.equal(path.dirname(folder), into);
    assert.match(path.basename(folder), /^[0-9a-f]{16}$/);
    assert.deepEqual((await readdir(folder)).sort(), [...PROGRAM_FILES, 'package.json'].sort());
    for (const name of PROGRAM_FILES) assert.equal(await textOf(folder, name), `${name} of 1`);
    assert.deepEqual(JSON.parse(await textOf(folder, 'package.json')), { type: 'commonjs' });
    const modes = await Promise.all(
      ['spl', 'worker.js'].map(async name => (await stat(path.join(folder, name))).mode & 0o111),
    );
    assert.deepEqual(modes, [0o111, 0]);
    assert.deepEqual(await readdir(into), [path.basename(folder)], 'nothing is left beside it');
  });

  it('is made once, and again for other content', async () => {
    const first = await installProgram(from, into);
    const { ino } = await stat(path.join(first, 'spl'));
    assert.equal(await installProgram(from, into), first);
    assert.equal((await stat(path.join(first, 'spl'))).ino, ino);
    await build('2');
    const second = await installProgram(from, into);
    assert.notEqual(second, first);
    assert.equal(await textOf(first, 'worker.js'), 'worker.js of 1');
    assert.equal(await textOf(second, 'worker.js'), 'worker.js of 2');
  });

  it('is whole whenever it is there, although many windows install at once', async () => {
    const folders = await Promise.all(Array.from({ length: 12 }, () => installProgram(from, into)));
    assert.equal(new Set(folders).size, 1);
    assert.deepEqual(await readdir(into), [path.basename(folders[0]!)]);
    for (const name of PROGRAM_FILES) assert.equal(await textOf(folders[0]!, name), `${name} of 1`);
  });

  it('takes the place of one that has lost a file, or has another content than its name says', async () => {
    const folder = await installProgram(from, into);
    for (const spoil of [
      () => rm(path.join(folder, 'worker.js')),
      () => rm(path.join(folder, 'package.json')),
      () => writeFile(path.join(folder, 'coordinator.js'), 'half'),
      () => chmod(path.join(folder, 'spl'), 0o644),
      () => rm(folder, { recursive: true }).then(() => writeFile(folder, 'a file')),
    ]) {
      await spoil();
      assert.equal(await installProgram(from, into), folder);
      for (const name of PROGRAM_FILES) assert.equal(await textOf(folder, name), `${name} of 1`);
      assert.equal((await readdir(into)).length, 1);
    }
  });

  it('leaves the three versions that were asked for last, and what is not its own', async () => {
    await mkdir(path.join(into, 'something else'), { recursive: true });
    const folders: string[] = [];
    for (const version of ['1', '2', '3', '4']) {
      await build(version);
      const folder = await installProgram(from, into);
      folders.push(folder);
      // The first is the one that was used last.
      await age(folder, version === '1' ? 1 : 10 - Number(version));
    }
    const [one, two, three, four] = folders.map(folder => path.basename(folder));
    const there = new Set(await readdir(into));
    assert.deepEqual(
      [one, two, three, four].map(name => there.has(name!)),
      [true, false, true, true],
    );
    assert.ok(there.has('something else'));
  });

  it('removes what an interrupted installation left, once it is old', async () => {
    await mkdir(path.join(into, 'aaaaaaaaaaaaaaaa.old.tmp', 'x'), { recursive: true });
    await mkdir(path.join(into, 'aaaaaaaaaaaaaaaa.new.tmp', 'x'), { recursive: true });
    await age(path.join(into, 'aaaaaaaaaaaaaaaa.old.tmp'), 2);
    const folder = await installProgram(from, into);
    assert.deepEqual((await readdir(into)).sort(), [
      ...['aaaaaaaaaaaaaaaa.new.tmp', path.basename(folder)].sort(),
    ]);
  });

  it('is refused where a built file is missing, and nothing is made', async () => {
    await rm(path.join(from, 'worker.js'));
    await assert.rejects(installProgram(from, into), { code: 'ENOENT' });
    await assert.rejects(readdir(into), { code: 'ENOENT' });
  });
});
