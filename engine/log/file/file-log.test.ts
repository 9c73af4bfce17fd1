import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeLog } from '../../../test/conformance/log.ts';
import { openFileLog } from './file-log.ts';
import { FaultyFiles, systemError } from './testing/faulty-files.ts';

for (const segmentBytes of [64 * 1024 * 1024, 1000]) {
  describeLog(`the file log with segments of ${segmentBytes} bytes`, async () => {
    const home = await mkdtemp(join(tmpdir(), 'spl-log-'));
    let files = new FaultyFiles();
    return {
      open: options => {
        files = new FaultyFiles();
        const [dir, checkpointDir] = [join(home, 'log'), join(home, 'index')];
        return openFileLog({ ...options, dir, checkpointDir, segmentBytes, files });
      },
      failNextWrite: () => {
        files.fault = operation => {
          if (operation === 'write') throw systemError('ENOSPC');
        };
      },
      dispose: () => rm(home, { recursive: true }),
    };
  });
}
