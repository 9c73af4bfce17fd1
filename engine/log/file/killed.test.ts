import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { bundled } from '../../../test/bundled.ts';
import { KeepingReader } from '../../../test/conformance/log.ts';
import { LogHome } from './testing/log-home.ts';

const APPENDER = new URL('testing/appender.ts', import.meta.url);

describe('a log whose writer is killed', () => {
  let home: LogHome;
  beforeEach(async () => {
    home = await LogHome.make();
  });
  afterEach(() => home.dispose());

  /** Runs the appender until it has acknowledged so many appends, then kills it. @returns the last end it told. */
  async function appendAndKill(acknowledgements: number): Promise<number> {
    const words = [await bundled(APPENDER), home.logDir, home.checkpointDir];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    let acknowledged = 0;
    let left = acknowledgements;
    for await (const line of createInterface(child.stdout)) {
      acknowledged = Math.max(acknowledged, Number(line));
      if (--left === 0) child.kill('SIGKILL');
    }
    assert.deepEqual(await exited, [null, 'SIGKILL']);
    return acknowledged;
  }

  it('has everything that was acknowledged, in order, time after time (I31)', async () => {
    for (const acknowledgements of [1, 150, 37]) {
      const acknowledged = await appendAndKill(acknowledgements);
      const reader = new KeepingReader();
      const log = await home.open({ reader });
      await log.close();
      assert.ok(log.end >= acknowledged, `${acknowledged} were acknowledged, ${log.end} are there`);
      assert.equal(reader.visited.length, log.end);
      for (const { record, position } of reader.visited) assert.equal(record.clock, position);
    }
  });
});
