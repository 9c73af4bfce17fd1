import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, before, describe, it } from 'mocha';
import { attemptSigns } from './attempt-signs.ts';

/** Says `woken` at each SIGCONT, and ends at SIGTERM. */
const SCRIPT = `
process.on('SIGCONT', () => console.log('woken'));
process.on('SIGTERM', () => process.exit());
setInterval(() => {}, 1000);
console.log('up');`;

describe('the signs of life of an attempt', function () {
  const started: ChildProcess[] = [];
  before(function () {
    // Processes are looked at through /proc alone; elsewhere the folder is.
    if (process.platform !== 'linux') this.skip();
  });
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });

  it('are those of its own processes, and not of an attempt that has the same name in another fleet', async () => {
    const id = randomUUID();
    const own = await running(id);
    const others = await running(randomUUID());
    const signs = attemptSigns({ id, dir: null });

    await signs.wake();
    await own.said('woken');
    // It takes its signals in the order in which they were sent.
    others.child.kill('SIGTERM');
    await once(others.child, 'close');
    assert.deepEqual(others.words, ['up']);
  });

  async function running(id: string) {
    const env = { SPL_TASK: 'T', SPL_SUBTASK: '0', SPL_ATTEMPT: '1', SPL_ATTEMPT_ID: id };
    const child = spawn(process.execPath, ['-e', SCRIPT], { env, detached: true });
    started.push(child);
    const words: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => words.push(...String(chunk).trim().split('\n')));
    const said = async (word: string): Promise<void> => {
      while (!words.includes(word)) await once(child.stdout, 'data');
    };
    await said('up');
    return { child, words, said };
  }
});
