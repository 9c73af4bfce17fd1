import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import { homePaths, type HomePaths } from '../../home/paths.ts';
import { environmentReader, Environments, readEnvironment } from './environments.ts';

describe('the environments of submitters', () => {
  let folder: string;
  let paths: HomePaths;
  let runtime: string | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-environments-'));
    paths = homePaths(join(folder, 'home'));
    runtime = process.env['XDG_RUNTIME_DIR'];
    process.env['XDG_RUNTIME_DIR'] = join(folder, 'runtime');
    await mkdir(join(folder, 'runtime'), { mode: 0o700 });
  });
  afterEach(async () => {
    if (runtime === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtime;
    await rm(folder, { recursive: true });
  });

  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

  it('are remembered by a worker that has read them', async () => {
    const environments = new Environments(paths);
    const name = await environments.keep({ A: '1' });
    const read = environmentReader(paths);
    assert.deepEqual(await read(name), { A: '1' });
    await environments.remove(name);
    assert.deepEqual([await read(name), await read('0'.repeat(32))], [{ A: '1' }, undefined]);
  });

  it('are read by name, only by their owner, and outside the home', async () => {
    const environments = new Environments(paths);
    const [a, b] = [await environments.keep({ A: '1', 'B C': 'ü\n' }), await environments.keep({ A: '2' })];
    assert.deepEqual(await readEnvironment(paths, a), { A: '1', 'B C': 'ü\n' });
    assert.deepEqual(await readEnvironment(paths, b), { A: '2' });
    const kept = await readlink(paths.environmentsLink);
    assert.ok(kept.startsWith(join(folder, 'runtime')), kept);
    assert.deepEqual([await modeOf(kept), await modeOf(join(kept, a))], [0o700, 0o600]);
  });

  it('are removed when no work needs them, and the folder with the last', async () => {
    const environments = new Environments(paths);
    const [a, b] = [await environments.keep({}), await environments.keep({})];
    environments.need('th_a', a);
    environments.need('th_b', b);
    await environments.release('th_a');
    assert.deepEqual([await readEnvironment(paths, a), await readEnvironment(paths, b)], [undefined, {}]);
    await environments.close();
    assert.deepEqual(await readEnvironment(paths, b), {}, 'what is needed stays');
    await environments.release('th_b');
    await environments.close();
    assert.deepEqual(await readdir(join(folder, 'runtime')), []);
  });

  it('are cleaned up after a crash, and missing ones are named', async () => {
    const before = new Environments(paths);
    const [needed, left] = [await before.keep({ A: '1' }), await before.keep({})];
    const after = new Environments(paths);
    after.need('th_a', needed);
    after.need('th_b', 'f'.repeat(32));
    assert.deepEqual(await after.tidy(), ['f'.repeat(32)]);
    assert.deepEqual(
      [await readEnvironment(paths, needed), await readEnvironment(paths, left)],
      [{ A: '1' }, undefined],
    );
  });

  it('are stored even after the runtime folder was removed', async () => {
    const environments = new Environments(paths);
    await environments.keep({});
    await rm(join(folder, 'runtime', 'spl'), { recursive: true });
    const name = await environments.keep({ A: '1' });
    assert.deepEqual(await readEnvironment(paths, name), { A: '1' });
  });

  it('are read nowhere else, and not from a folder that others can open', async () => {
    const name = await new Environments(paths).keep({ A: '1' });
    for (const other of ['../home.json', '', 'x', `${name}/`])
      await assert.rejects(readEnvironment(paths, other), /is not the name of an environment/);
    await chmod(await readlink(paths.environmentsLink), 0o755);
    await assert.rejects(readEnvironment(paths, name), (error: unknown) =>
      FleetError.is(error, 'HOME_INVALID'),
    );
  });
});
