import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { snapshotOf } from './folder-snapshot.ts';

describe('the snapshot of a folder', () => {
  let folder: string;
  const write = async (path: string, content: string | Uint8Array = ''): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'snapshot-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('has the files below, and the texts that readers know', async () => {
    await write('package.json', '{}');
    await write('packages/a/package.json', '{ "name": "a" }');
    await write('packages/a/index.js', 'x');
    await write('.github/workflows/ci.yml', 'jobs: {}');
    const { paths, texts, notes } = await snapshotOf(folder);
    assert.deepEqual([...paths].sort(), [
      '.github/workflows/ci.yml',
      'package.json',
      'packages/a/index.js',
      'packages/a/package.json',
    ]);
    assert.deepEqual([...texts].sort(), [
      ['.github/workflows/ci.yml', 'jobs: {}'],
      ['package.json', '{}'],
      ['packages/a/package.json', '{ "name": "a" }'],
    ]);
    assert.deepEqual(notes, []);
  });

  it('leaves out what tools installed or made, and follows no link', async () => {
    for (const path of ['node_modules/a', 'target/a', '.git/a', 'a/__pycache__/b', 'x/y'])
      await write(`${path}/go.mod`);
    await symlink(folder, join(folder, 'loop'));
    await symlink('/dev/zero', join(folder, 'Makefile'));
    assert.deepEqual([...(await snapshotOf(folder)).paths], ['x/y/go.mod']);
  });

  it('says which files it could not read', async () => {
    await write('package.json', new Uint8Array(600 * 1024));
    await write('Makefile', new Uint8Array([0xff, 0xfe]));
    execFileSync('mkfifo', [join(folder, 'go.mod')]);
    const { texts, notes } = await snapshotOf(folder);
    assert.equal(texts.size, 0);
    assert.deepEqual(notes.map(note => note.split(':')[0]).sort(), [
      'could not read Makefile',
      'could not read package.json',
    ]);
  });

  it('says that there is no folder', async () => {
    const { paths, notes } = await snapshotOf(join(folder, 'gone'));
    assert.equal(paths.size, 0);
    assert.match(notes.join(), /^could not read this folder: ENOENT/);
  });
});
