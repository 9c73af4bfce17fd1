import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { liveWorkers } from './live-workers.ts';
import { homePaths } from './paths.ts';
import { writePidFile } from './pid-file.ts';
import { processStart } from '../system/process-table.ts';

describe('the live workers of a home', () => {
  let folder: string;
  let home: string;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'spl-live-workers-'));
    home = path.join(folder, 'home');
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  it('are those beside it whose process runs, by alias', async () => {
    await servedBy(`${home}-worker-b`, ownStart());
    await servedBy(`${home}-worker-a`, ownStart());
    await servedBy(`${home}-worker-c`, 'another process that had this pid');
    await fs.mkdir(`${home}-worker-d`);

    const live = await liveWorkers(home);

    assert.deepEqual(
      live.map(worker => [worker.alias, worker.home, worker.pid]),
      [
        ['worker-a', `${home}-worker-a`, process.pid],
        ['worker-b', `${home}-worker-b`, process.pid],
      ],
    );
  });

  it('are not those of a home whose name begins alike', async () => {
    await servedBy(`${home}-worker-a-worker-b`, ownStart());
    await servedBy(`${home}-2-worker-a`, ownStart());
    assert.deepEqual(await liveWorkers(home), []);
  });

  it('are none where the folder of the homes is missing', async () => {
    assert.deepEqual(await liveWorkers(path.join(folder, 'missing', 'home')), []);
  });
});

function ownStart(): string {
  const start = processStart(process.pid);
  assert.ok(start !== null);
  return start;
}

async function servedBy(home: string, start: string): Promise<void> {
  const { pidFile } = homePaths(home);
  await fs.mkdir(path.dirname(pidFile), { recursive: true });
  await writePidFile(pidFile, { pid: process.pid, start, endpoint: null, version: '0' });
}
