import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type {
  FleetDocument,
  JoinStatus,
  SpeedupDocument,
  TaskDocument,
} from '../../engine/contract/documents.ts';
import { BIN, scenario, soon, type Scenario } from '../harness/fleet.ts';
import { processesNaming } from '../harness/processes.ts';
import { startInTerminal } from '../harness/terminal.ts';

/** The lines of one subtask in an output, without its name. */
const linesOf = (out: string, name: string): readonly string[] =>
  out
    .split('\n')
    .flatMap(line => (line.startsWith(`${name} `) && line.includes('│') ? [line.split('│ ')[1]!] : []));

/** Starts `spl run`, and waits until its subtasks have written this file. */
async function startRun(fleet: Scenario, file: string, words: readonly string[]) {
  const run = fleet.start(['run', ...words]);
  let out = '';
  run.stdout!.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const closed = once(run, 'close') as Promise<[number | null]>;
  await fleet.text(fleet.at(file));
  return { run, ended: closed.then(([code]) => ({ code, out })) };
}

describe('spl run', function () {
  this.timeout(120_000);

  it(
    'works on an empty machine, and the next run finds the fleet',
    scenario({}, async fleet => {
      const first = await fleet.spl('run', 'printf "a\\nb"', 'echo "$HERE"; exit 3', '--keep-going');
      assert.equal(first.code, 1, first.err);
      assert.deepEqual(linesOf(first.out, 'printf'), ['a', 'b']);
      assert.match(first.out, /^✗ echo "\$HERE"; exit 3 failed after .*: exit 3$/m);
      assert.match(first.out, /^1 of 2 passed in /m);
      assert.match(first.err, /started a fleet with/);
      const second = await fleet.splWith({ HERE: 'from the second' }, 'run', 'echo "$HERE"');
      assert.equal(second.code, 0, second.err);
      assert.match(second.out, /│ from the second$/m);
      assert.equal(second.err, '');
    }),
  );

  it(
    'hands lines over as data, at most as many at a time as -j says',
    scenario({ fleet: ['slots = 4'] }, async fleet => {
      await fleet.startFleet(1);
      await fleet.write('items', 'a b\n$(touch pwned)\n${{ env.HOME }}\n"\'\n');
      // Two at a time would both make the folder.
      const command = 'mkdir lock && printf %s {} && rmdir lock';
      const { code, out, err } = await fleet.spl('run', '-j', '1', '--each', 'items', command);
      assert.equal(code, 0, out + err);
      assert.deepEqual(
        out
          .split('\n')
          .flatMap(line => (line.includes('│') ? [line.split('│ ')[1]!] : []))
          .sort(),
        ['"\'', '$(touch pwned)', '${{ env.HOME }}', 'a b'],
      );
      assert.equal(existsSync(fleet.at('pwned')), false);
    }),
  );

  it(
    'measures a run against the same subtasks one after another, and reuses nothing for it',
    scenario({ fleet: ['slots = 2'] }, async fleet => {
      await fleet.startFleet(1);
      await fleet.write(
        'a.fanout.yaml',
        'goal: g\npriority: high\nsubtasks:\n  - {goal: a, run: echo ran >> ran; sleep 0.3, inputs: [a.fanout.yaml]}\n  - {goal: b, run: sleep 0.3}\n',
      );
      assert.equal((await fleet.spl('run')).code, 0);
      const { code, out, err } = await fleet.spl('run', '--measure');
      assert.equal(code, 0, out + err);
      assert.match(
        out,
        /^measured: \d\.\d\d?× as fast as one after another, .* against .*\(one run of each\)$/m,
      );
      assert.equal(await fleet.text(fleet.at('ran')), 'ran\n'.repeat(3));
      const measured = await fleet.json<JoinStatus & { speedup: SpeedupDocument }>(
        'run',
        '--measure',
        '--priority',
        'low',
      );
      assert.ok((measured.speedup.measured?.speedup ?? 0) > 0);
      const priorityOf = async (task: string): Promise<string> =>
        (await fleet.json<TaskDocument>('task', 'show', task)).priority;
      assert.deepEqual([await priorityOf('a#1'), await priorityOf('a#3')], ['high', 'low']);
      const failed = await fleet.spl('run', '--measure', 'false');
      assert.equal(failed.code, 1);
      assert.doesNotMatch(failed.out + failed.err, /one after another, to compare|measured/);
      assert.equal((await fleet.spl('run', '--measure', '--detach', 'true')).code, 2);
    }),
  );

  it(
    'adds slots for its duration',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      // Each waits until all have begun.
      await fleet.write('items', '1\n2\n3\n');
      const command = 'touch begun-{}; until [ -e begun-1 -a -e begun-2 -a -e begun-3 ]; do sleep 0.02; done';
      const { code, out, err } = await fleet.spl('run', '-j3', '--each', 'items', command);
      assert.equal(code, 0, out + err);
      await soon('one worker is live', async () => {
        const { instances } = await fleet.json<FleetDocument>('fleet', 'status');
        return instances.filter(({ role, status }) => role === 'worker' && status === 'live').length === 1;
      });
    }),
  );

  it(
    'leaves no added slots behind, also when its command is killed or leaves the run to the fleet',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      const oneIsLive = () =>
        soon('one worker is live', async () => {
          const { instances } = await fleet.json<FleetDocument>('fleet', 'status');
          return instances.filter(({ role, status }) => role === 'worker' && status === 'live').length === 1;
        });
      const { run, ended } = await startRun(fleet, 'begun', [
        '-j3',
        'echo begun > begun; until [ -e on ]; do sleep 0.02; done',
      ]);
      run.kill('SIGKILL');
      await ended;
      assert.equal(
        (await fleet.spl('run', '-j3', '--detach', 'until [ -e on ]; do sleep 0.02; done')).code,
        0,
      );
      await fleet.write('on', '');
      await oneIsLive();
    }),
  );

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    it(
      `cancels its subtasks on ${signal}`,
      scenario({}, async fleet => {
        await fleet.startFleet(1);
        const { run, ended } = await startRun(fleet, 'begun', [
          'echo begun > begun; sleep 600',
          '--alias',
          'LONG',
        ]);
        run.kill(signal);
        const { code: exit, out } = await ended;
        assert.equal(exit, code);
        assert.match(out, /was cancelled after/);
        const { outcome, counts } = await fleet.join('LONG');
        assert.deepEqual([outcome, counts.cancelled], ['cancelled', 1]);
      }),
    );

  it(
    'goes on without a reader, and exits by its outcome',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      const words = ['yes | head -c 3000000; echo > begun; until [ -e go ]; do sleep 0.02; done; exit 1'];
      const run = fleet.start(['run', '--output', 'stream', ...words]);
      const closed = once(run, 'exit') as Promise<[number | null]>;
      await once(run.stdout!, 'data');
      run.stdout!.destroy();
      await fleet.text(fleet.at('begun'));
      await fleet.write('go', '');
      assert.deepEqual((await closed)[0], 1);
    }),
  );

  it(
    'never prints two halves of lines on one',
    scenario({ fleet: ['slots = 4'] }, async fleet => {
      await fleet.startFleet(1);
      const command = 'for i in $(seq 500); do printf "%s-" {}; printf "é%s\\n" {}; done';
      await fleet.write('items', 'one\ntwo\nthree\nfour\n');
      const { code, out } = await fleet.spl('run', '--output', 'stream', '--each', 'items', command);
      assert.equal(code, 0);
      for (const name of ['one', 'two', 'three', 'four'])
        assert.deepEqual(
          linesOf(out, name),
          Array.from({ length: 500 }, () => `${name}-é${name}`),
        );
    }),
  );

  it(
    'leaves a run that is detached to the fleet',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      const { code, out } = await fleet.spl(
        'run',
        '--detach',
        '--alias',
        'LATER',
        'until [ -e go ]; do sleep 0.02; done',
      );
      assert.equal(code, 0);
      assert.match(out, /LATER runs\. To follow it: spl task join-status LATER --watch/);
      await fleet.write('go', '');
      await fleet.joinWhen('LATER', 'it has ended', ({ complete }: JoinStatus) => complete);
    }),
  );

  it(
    'draws its progress on a terminal, and removes it',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      const line = `${process.execPath} ${join(BIN, 'spl')} run 'echo one; until [ -e go ]; do sleep 0.02; done'`;
      const terminal = startInTerminal(line, fleet);
      let out = '';
      terminal.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      const closed = once(terminal, 'close') as Promise<[number | null]>;
      await soon('it is drawn', () => out.includes('1 running') && out.includes('one\r\n'));
      await fleet.write('go', '');
      assert.equal((await closed)[0], 0);
      assert.match(out, /\u001b\[36m.*\u001b\[39m.*│.* one\r\n/);
      // The last lines replace the progress.
      assert.match(out, /\u001b\[0J[^→]*passed after .*\r\n.*1 of 1 passed.*\r\n$/);
    }),
  );

  it(
    'ends a fleet that was started for it once there is nothing to do, unless it was started by hand since',
    scenario({}, async fleet => {
      const serving = fleet.start(['serve', '--linger', '5']);
      const closed = once(serving, 'exit') as Promise<[number | null]>;
      await soon('it serves', async () => (await fleet.spl('serve', '--status')).code === 0);
      assert.equal((await fleet.spl('run', 'true')).code, 0);
      assert.equal((await closed)[0], 0);
      await soon('its workers are gone', () => processesNaming(fleet.root).length === 0);
      const kept = fleet.start(['serve', '--linger', '1']);
      await soon('it serves', async () => (await fleet.spl('serve', '--status')).code === 0);
      await fleet.startFleet(1);
      // It would have ended a second after the run.
      await once(fleet.start(['run', 'sleep 2']), 'exit');
      assert.equal(kept.exitCode, null);
    }),
  );
});
