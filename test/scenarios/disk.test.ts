import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { FleetError } from '../../engine/errors.ts';
import { homePaths } from '../../engine/home/paths.ts';
import { ACTOR, BIN, echoes, ended, scenario, soon, type Ran, type Scenario } from '../harness/fleet.ts';

describe('the disk', function () {
  this.timeout(120_000);

  it(
    'is full (ENOSPC) or fails to sync: the coordinator stops with the reason, acknowledges nothing falsely, and a start recovers',
    scenario({}, async fleet => {
      const faults = [
        ['disk-full:full:20', /the log can't be written, and this coordinator stops: .*ENOSPC/],
        ['sync-fails:flush:20', /the log can't be written, and this coordinator stops: .*EIO/],
      ] as const;
      for (const [fault, words] of faults) {
        const goal = fault.split(':')[1]!;
        const serving = fleet.start(['serve'], fleet.preload('faults.mjs', { SPL_FAULT: fault }));
        const ran = ended(serving);
        const acknowledged = await addUntilRefused(fleet, goal);
        assert.ok(acknowledged.length >= 19, `${acknowledged.length} were acknowledged`);
        const { code, out } = await ran;
        assert.equal(code, 1);
        assert.match(out, words);
        await keptAll(fleet, acknowledged);
      }
    }),
  );

  it(
    'has no room for the log, by a limit of the system: the coordinator stops, its workers live and are adopted',
    scenario({ echoMs: 0 }, async fleet => {
      await fleet.startFleet(2);
      const workers = await Promise.all(['worker-a', 'worker-b'].map(name => fleet.pidOf(name)));
      await fleet.kill(await fleet.pidOf('coordinator'));
      const limited = runLimited(fleet, 64);
      await answers(fleet);
      const acknowledged = await addUntilRefused(fleet, 'limit');
      const { code, out } = await limited;
      assert.equal(code, 1, out);
      assert.match(out, /the log can't be written, and this coordinator stops: .*EFBIG/);
      await fleet.startFleet(2);
      assert.deepEqual(await Promise.all(['worker-a', 'worker-b'].map(name => fleet.pidOf(name))), workers);
      await keepsAll(fleet, acknowledged);
      await fleet.fanOut('AFTER', echoes(4));
      assert.equal((await fleet.joined('AFTER')).outcome, 'satisfied');
    }),
  );

  it(
    'tore the last record: wherever it ends, the log opens with all records before it',
    scenario({}, async fleet => {
      await tutorialRun(fleet);
      const { logDir } = homePaths(fleet.home);
      const name = (await readdir(logDir)).sort().at(-1)!;
      const whole = await readFile(join(logDir, name));
      const last = lastFrame(whole);
      await rm(homePaths(fleet.home).indexDir, { recursive: true });
      const before = await recordsIn(fleet);
      // The tests of the log cover every byte; this one covers a few through the whole program.
      for (const end of [last + 1, last + 20, whole.length - 1]) {
        await rm(homePaths(fleet.home).indexDir, { recursive: true, force: true });
        await cp(join(logDir, name), join(fleet.cwd, 'kept'));
        await truncate(join(logDir, name), end);
        const doctor = await fleet.spl('doctor', '--json');
        const check = checkOf(doctor, 'log');
        assert.equal(check.level, 'PASS');
        assert.match(check.detail, /unfinished bytes at the end/);
        const serving = fleet.start(['serve']);
        await answers(fleet);
        const kept = Number(/^(\d+) records/.exec(check.detail)![1]);
        assert.ok(kept < before && kept > before - 10, `${kept} of ${before}`);
        assert.ok((await fleet.client.report('health', {})).records >= kept);
        // Without its last records, the log shows the workers as running, so the coordinator starts them.
        const ending = ended(serving);
        assert.equal((await fleet.spl('fleet', 'stop', '--all', '--grace', '0')).code, 0);
        const { out } = await ending;
        assert.match(
          out,
          new RegExp(`the log ended in ${end - last} unfinished bytes \\(${name} at ${last}`),
        );
        for (const each of await readdir(logDir)) if (each > name) await rm(join(logDir, each));
        await cp(join(fleet.cwd, 'kept'), join(logDir, name));
      }
      // Removes the checkpoint of the shorter log.
      await rm(homePaths(fleet.home).indexDir, { recursive: true });
    }),
  );

  it(
    'flipped a bit in the middle of a segment: nothing opens it, the error has file and offset, and doctor has a hint',
    scenario({}, async fleet => {
      await tutorialRun(fleet);
      const { logDir, indexDir } = homePaths(fleet.home);
      await rm(indexDir, { recursive: true });
      const name = (await readdir(logDir)).sort()[0]!;
      const whole = await readFile(join(logDir, name));
      const at = whole.length >> 1;
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x10;
      await writeFile(join(logDir, name), damaged);
      const served = await fleet.refused(1, 'serve');
      assert.equal(served.code, 'LOG_DAMAGED');
      assert.match(served.message, new RegExp(name));
      const { file, offset } = served.details as { file: string; offset: number };
      assert.equal(file, name);
      assert.ok(offset <= at && at - offset < 8192, `${offset} stands before ${at}`);
      const started = await fleet.refused(1, 'fleet', 'start');
      assert.match(
        started.message,
        new RegExp(`^the coordinator ended with 1: the log is damaged in ${name} at byte ${offset}`),
      );
      const doctor = await fleet.spl('doctor', '--json');
      assert.equal(doctor.code, 2);
      const check = checkOf(doctor, 'log');
      assert.equal(check.level, 'FAIL');
      assert.match(check.detail, new RegExp(`^${name} at byte ${offset}: `));
      assert.match(check.hint ?? '', /Restore the home’s log\/ folder from a copy/);
      assert.match((await fleet.spl('doctor')).out, new RegExp(`FAIL.*${name}`));
      await writeFile(join(logDir, name), whole);
      assert.equal((await fleet.joinAfterStart('RUN')).outcome, 'satisfied');
    }),
  );

  it(
    'lost the log of a worker with a checkpoint: doctor reports both, and how to continue without the log',
    scenario({}, async fleet => {
      await tutorialRun(fleet);
      const home = `${fleet.home}-worker-a`;
      await rm(homePaths(home).logDir, { recursive: true });
      for (const args of [
        ['doctor', '--json'],
        ['doctor', '--json', '--home', home],
      ]) {
        const doctor = await fleet.spl(...args);
        assert.equal(doctor.code, 2);
        const check = checkOf(doctor, args.length === 2 ? 'worker logs' : 'log');
        assert.equal(check.level, 'FAIL');
        assert.match(check.detail, /the log ends at record 0, but had \d+ records before/);
        assert.ok(check.hint?.endsWith(`spl doctor --accept-loss --home ${home}`), check.hint ?? 'none');
      }
      await fleet.spl('doctor', '--accept-loss', '--home', home);
      assert.equal(checkOf(await fleet.spl('doctor', '--json'), 'worker logs').level, 'PASS');
      await fleet.startFleet(2);
    }),
  );
});

/** Adds tasks until the engine refuses. @returns the acknowledged aliases */
async function addUntilRefused(fleet: Scenario, prefix: string): Promise<readonly string[]> {
  await answers(fleet);
  const acknowledged: string[] = [];
  for (let n = 0; n < 2000; n++) {
    const alias = `${prefix}-${n}`;
    try {
      await fleet.client.submit('task.add', { ...TASK, alias }, { actor: ACTOR });
      acknowledged.push(alias);
    } catch (error) {
      assert.ok(FleetError.is(error, 'LOG_POISONED') || FleetError.is(error, 'UNREACHABLE'), String(error));
      return acknowledged;
    }
  }
  throw new Error('nothing was refused');
}

async function keptAll(fleet: Scenario, acknowledged: readonly string[]): Promise<void> {
  const serving = fleet.start(['serve']);
  await answers(fleet);
  await keepsAll(fleet, acknowledged);
  serving.kill('SIGTERM');
  assert.equal((await ended(serving)).code, 0);
}

/** Asserts that every acknowledged task exists, and at most one refused task: the one of unknown outcome. */
async function keepsAll(fleet: Scenario, acknowledged: readonly string[]): Promise<void> {
  const { tasks } = await fleet.client.report('tasks', { all: true });
  const prefix = acknowledged[0]!.slice(0, -1);
  const kept = tasks.map(({ alias }) => alias).filter(alias => alias.startsWith(prefix));
  assert.deepEqual(kept.slice(0, acknowledged.length), acknowledged);
  assert.ok(kept.length <= acknowledged.length + 1);
}

/** Serves with a limit on the size of files. */
function runLimited(fleet: Scenario, blocks: number): Promise<Ran> {
  const words = [process.execPath, join(BIN, 'spl'), 'serve'];
  const script = `ulimit -f ${blocks} && exec "$@"`;
  const child = spawn('/bin/sh', ['-c', script, 'limited', ...words], {
    env: fleet.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return ended(child);
}

function answers(fleet: Scenario): Promise<void> {
  const asked = (): Promise<boolean> =>
    fleet.client.report('health', {}).then(
      () => true,
      () => false,
    );
  return soon('a coordinator answers', asked, 20_000);
}

async function tutorialRun(fleet: Scenario): Promise<void> {
  await fleet.startFleet(1);
  await fleet.fanOut('RUN', echoes(2));
  await fleet.joined('RUN');
  assert.equal((await fleet.spl('fleet', 'stop', '--all')).code, 0);
}

async function recordsIn(fleet: Scenario): Promise<number> {
  const check = checkOf(await fleet.spl('doctor', '--json'), 'log');
  return Number(/^(\d+) records/.exec(check.detail)![1]);
}

interface Check {
  readonly name: string;
  readonly level: string;
  readonly detail: string;
  readonly hint?: string | null;
}

function checkOf({ out }: Ran, name: string): Check {
  const { checks } = JSON.parse(out) as { checks: Check[] };
  return checks.find(check => check.name === name)!;
}

/** Returns the offset of the last frame in a segment. */
function lastFrame(segment: Buffer): number {
  return segment.lastIndexOf(Buffer.from([0xff, 0x53, 0x50, 0x46]));
}

const TASK = {
  goal: 'a goal',
  priority: 'medium' as const,
  labels: [],
  domain: null,
  hypothesis: null,
  criteria: [],
  namespace: null,
  dir: null,
};
