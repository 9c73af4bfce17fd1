import assert from 'node:assert/strict';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { homePaths } from '../../engine/home/paths.ts';
import { isAlive, processStart } from '../../engine/system/process-table.ts';
import { keptLog, type KeptLog } from '../../test/stubs/vscode.ts';
import { Standby } from './standby.ts';

/** Replaces `spl`. Does nothing until it is ended. */
const PROGRAM = 'setInterval(() => {}, 1e6);';

describe('the standby process', () => {
  let folder: string;
  let home: string;
  let log: KeptLog;
  let standby: Standby;
  let lost: Promise<void>;
  let losses: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spl-standby-'));
    home = join(folder, 'home');
    await writeFile(join(folder, 'spl'), PROGRAM);
    log = keptLog();
    losses = 0;
    lost = new Promise(resolve => {
      standby = new Standby(join(folder, 'spl'), home, log, () => {
        losses += 1;
        resolve();
      });
    });
  });
  afterEach(async () => {
    await standby.end();
    await rm(folder, { recursive: true });
  });

  /** Returns the ids of the processes that were started. */
  const pids = (): readonly number[] =>
    log.lines.flatMap(line => {
      const pid = /standby waits: PID (\d+)/.exec(line)?.[1];
      return pid === undefined ? [] : [Number(pid)];
    });
  const runs = (pid: number): boolean => isAlive(pid, processStart(pid) ?? '');

  it('is started once, however often it is requested, and is gone when it is ended', async () => {
    await Promise.all([standby.begin(), standby.begin()]);
    await standby.begin();
    const [pid, another] = pids();
    assert.ok(pid !== undefined && another === undefined && runs(pid));
    await standby.end();
    assert.ok(!runs(pid));
    await standby.end();
    assert.equal(losses, 0, 'whoever ends it has not lost it');
  });

  it('follows the last request, and skips earlier ones', async () => {
    const asked = [standby.begin(), standby.end(), standby.begin(), standby.end()];
    await Promise.all(asked);
    assert.deepEqual(pids().map(runs), [false], 'the one that was being begun is ended');
    await Promise.all([standby.end(), standby.begin()]);
    assert.deepEqual(pids().map(runs), [false, true]);
  });

  it('is reported when it ends by itself, and can be started again', async () => {
    await standby.begin();
    process.kill(pids()[0]!, 'SIGKILL');
    await lost;
    await standby.begin();
    assert.equal(pids().length, 2);
    assert.ok(runs(pids()[1]!));
  });

  it('waits for the lease of the home, and prints to its log', async () => {
    await standby.begin();
    const words = (await readFile(`/proc/${pids()[0]}/cmdline`, 'utf8')).split('\0').slice(1, -1);
    assert.deepEqual(words, [join(folder, 'spl'), 'serve', '--standby', '--home', home]);
    await access(join(homePaths(home).logsDir, 'standby.log'));
  });

  it('is logged if it cannot be started: the run continues without it', async () => {
    await writeFile(home, 'no folder');
    await standby.begin();
    assert.match(log.lines.at(-1)!, /^error standby: /);
    assert.deepEqual(pids(), []);
  });
});
