import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { FleetError } from '../errors.ts';
import { socketName } from './lease-socket.ts';
import type { Lease } from './held-lease.ts';
import { acquireLease, isLeaseHeld, waitForLease } from './lease.ts';
import { homePaths } from './paths.ts';
import { writePidFile } from './pid-file.ts';
import { processStart } from '../system/process-table.ts';
import { startChild, type Child } from './testing/children.ts';

const NEVER = new AbortController().signal;

describe('the lease', () => {
  let home: string;
  const leases: Lease[] = [];
  const children: Child[] = [];
  const keep = (lease: Lease): Lease => {
    leases.push(lease);
    return lease;
  };
  const child = async (): Promise<Child> => {
    const started = await startChild();
    children.push(started);
    return started;
  };

  beforeEach(async () => {
    home = await fs.mkdtemp(path.join(os.tmpdir(), 'spl-lease-'));
    await fs.mkdir(homePaths(home).runDir);
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map(child => child.end()));
    await Promise.all(leases.splice(0).map(lease => lease.release()));
    await fs.rm(home, { recursive: true });
  });

  it('is one per home, also by another path to it', async () => {
    keep(await acquireLease(home));
    const link = `${home}-link`;
    await fs.symlink(home, link);
    try {
      for (const way of [home, link, `${home}/run/..`]) {
        await assert.rejects(
          () => acquireLease(way),
          (e: unknown) => FleetError.is(e, 'LEASE_HELD'),
        );
      }
    } finally {
      await fs.rm(link);
    }
    const other = await fs.mkdtemp(path.join(os.tmpdir(), 'spl-lease-'));
    await (await acquireLease(other)).release();
    await fs.rm(other, { recursive: true });
  });

  it('names its holder when that has written its pid and lives', async () => {
    keep(await acquireLease(home));
    const { pidFile } = homePaths(home);
    const refused = (pid: number | null) => (error: unknown) =>
      FleetError.is(error, 'LEASE_HELD') && error.details['pid'] === pid;
    await assert.rejects(() => acquireLease(home), refused(null));
    const start = processStart(process.pid)!;
    await writePidFile(pidFile, { pid: process.pid, start, endpoint: null, version: '0.1.0' });
    await assert.rejects(() => acquireLease(home), refused(process.pid));
    await writePidFile(pidFile, { pid: process.pid, start: 'before', endpoint: null, version: '0.1.0' });
    await assert.rejects(() => acquireLease(home), refused(null));
  });

  it('needs a home', async () => {
    await assert.rejects(
      () => acquireLease(path.join(home, 'none')),
      (error: unknown) => FleetError.is(error, 'NOT_FOUND'),
    );
  });

  it('can be taken again after its release, which may be called twice', async () => {
    const lease = await acquireLease(home);
    await Promise.all([lease.release(), lease.release()]);
    keep(await acquireLease(home));
    await lease.release();
    await assert.rejects(
      () => acquireLease(home),
      (error: unknown) => FleetError.is(error, 'LEASE_HELD'),
    );
  });

  it('goes to whoever waits when it is released', async () => {
    const lease = await acquireLease(home);
    const next = waitForLease(home, NEVER);
    await lease.release();
    keep(await next);
  });

  it('is seen to be held without being taken', async () => {
    assert.equal(await isLeaseHeld(home), false);
    const lease = keep(await acquireLease(home));
    assert.equal(await isLeaseHeld(home), process.platform === 'linux');
    await lease.release();
    assert.equal(await isLeaseHeld(home), false);
    keep(await acquireLease(home));
  });

  it('goes to exactly one of many who wait', async () => {
    const lease = await acquireLease(home);
    const aborted = new AbortController();
    let winners = 0;
    const waiting = Array.from({ length: 10 }, () =>
      waitForLease(home, aborted.signal).then(won => {
        winners++;
        return keep(won);
      }),
    );
    await lease.release();
    await Promise.race(waiting);
    aborted.abort();
    const results = await Promise.allSettled(waiting);
    assert.equal(winners, 1);
    assert.equal(results.filter(result => result.status === 'rejected').length, 9);
  });

  it('is not waited for any more when the signal aborts', async () => {
    keep(await acquireLease(home));
    const stop = new AbortController();
    const waiting = waitForLease(home, stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(() => waitForLease(home, AbortSignal.abort(new Error('at once'))), /at once/);
  });

  it('is taken over at once from a process that is killed', async () => {
    const holder = await child();
    assert.equal(await holder.ask(`take ${home}`), 'taken');
    const next = waitForLease(home, NEVER);
    holder.kill('SIGKILL');
    keep(await next);
  });

  it('is kept by a process that is stopped', async () => {
    const holder = await child();
    assert.equal(await holder.ask(`take ${home}`), 'taken');
    holder.kill('SIGSTOP');
    const next = waitForLease(home, NEVER);
    await assert.rejects(
      () => acquireLease(home),
      (error: unknown) => FleetError.is(error, 'LEASE_HELD'),
    );
    holder.kill('SIGKILL');
    keep(await next);
  });

  it('is won by exactly one of two processes, fifty times (I32)', async () => {
    const racers = await Promise.all([child(), child()]);
    for (let round = 0; round < 50; round++) {
      const answers = await Promise.all(racers.map(racer => racer.ask(`take ${home}`)));
      assert.deepEqual(answers.toSorted(), ['held', 'taken'], `round ${round}`);
      await racers[answers.indexOf('taken')]!.ask('release');
    }
  });

  it('has a name of the full length, which every version of Node.js binds alike', async function () {
    // Elsewhere the lease is a file, which has no such name.
    if (process.platform !== 'linux') this.skip();
    const name = await socketName(home);
    assert.equal(Buffer.byteLength(name), 108);
    keep(await acquireLease(home));
    const bound = (await fs.readFile('/proc/net/unix', 'latin1')).split('\n');
    assert.ok(bound.some(line => line.endsWith(` @${name.slice(1)}`)));
  });
});
