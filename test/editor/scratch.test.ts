import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, it } from 'mocha';
import { processesNaming } from '../harness/processes.ts';
import { ROOT } from './scratch.ts';
import { until } from '../harness/until.ts';

/** The script of an aborted test: it has folders, and a process that it no longer controls. */
const RUN = `
  import { spawn } from 'node:child_process';
  import { Scratch } from './test/editor/scratch.ts';
  const scratch = await Scratch.make();
  const child = spawn('sleep', ['600'], { env: { ...process.env, ...scratch.env }, detached: true, stdio: 'ignore' });
  child.once('spawn', () => console.log(scratch.root));
  setInterval(() => {}, 1000);
`;

describe('the folders of an editor under test', function () {
  this.timeout(60_000);

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    it(`are gone, with all their processes, when the run is ended by ${signal}`, async () => {
      const words = ['--import', import.meta.resolve('tsx/esm'), '--input-type=module', '--eval', RUN];
      const child = spawn(process.execPath, words, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
      const [root] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      assert.ok(existsSync(root));
      assert.notEqual(processesNaming(root).length, 0);
      child.kill(signal);
      await until(
        'nothing is left',
        async () => (processesNaming(root).length === 0 && !existsSync(root) ? true : undefined),
        async () => processesNaming(root),
      );
    });
  }
});
