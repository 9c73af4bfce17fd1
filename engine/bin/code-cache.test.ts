import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { builtPrograms } from '../../test/bundled.ts';

describe('the cache of compiled code', () => {
  let folder: string;
  let caches: string;
  let program: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-code-'));
    caches = join(folder, '.code-cache');
    program = join(folder, 'spl-main.js');
    for (const name of ['spl', 'spl-main.js'])
      await copyFile(join(await builtPrograms(), name), join(folder, name));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function version(): Promise<string> {
    const words = [join(folder, 'spl'), '--version'];
    const { stdout } = await promisify(execFile)(process.execPath, words, { env: { HOME: folder } });
    return stdout;
  }

  async function onlyCache(): Promise<string> {
    const names = await readdir(caches);
    assert.equal(names.length, 1, names.join(' '));
    return join(caches, names[0]!);
  }

  it('is left by the first process and kept by the next', async () => {
    const said = await version();
    const first = await readFile(await onlyCache());
    assert.ok(first.length > 50_000, `${first.length} bytes`);
    assert.equal(await version(), said);
    assert.deepEqual(await readFile(await onlyCache()), first);
  });

  it('is not taken up where it is damaged, and is written anew', async () => {
    const said = await version();
    const file = await onlyCache();
    const first = await readFile(file);
    const damaged = Buffer.from(first);
    damaged[first.length - 1]! ^= 0xff;
    for (const bytes of [damaged, first.subarray(0, 40)]) {
      await writeFile(file, bytes);
      assert.equal(await version(), said);
      assert.notDeepEqual(await readFile(await onlyCache()), bytes);
    }
  });

  it('is not taken up by another program of the same length', async () => {
    const said = (await version()).trim();
    const other = said.replace(/\d+\.\d+\.\d+/, number => number.replace(/\d/g, '9'));
    const [is, was] = [other, said].map(text => /\d+\.\d+\.\d+/.exec(text)![0]);
    const text = await readFile(program, 'utf8');
    assert.notEqual(was, is);
    await writeFile(program, text.replaceAll(was!, is!));
    assert.equal((await version()).trim(), other);
  });

  it('is done without where it can not be written', async () => {
    await writeFile(caches, 'a file in its place');
    assert.match(await version(), /\d/);
    assert.deepEqual((await readdir(folder)).sort(), ['.code-cache', 'spl', 'spl-main.js']);
    assert.equal(await readFile(caches, 'utf8'), 'a file in its place');
  });

  it('stays bounded, however many versions of Node.js come by', async () => {
    await mkdir(caches);
    for (let i = 0; i < 32; i++) await writeFile(join(caches, `old-${i}`), '');
    assert.match(await version(), /\d/);
    assert.equal((await readdir(caches)).length, 32);
  });
});
