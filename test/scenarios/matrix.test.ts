import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { describe, it } from 'mocha';
import type { JoinStatus } from '../../engine/contract/documents.ts';
import { scenario } from '../harness/fleet.ts';
import { joinsOf } from '../harness/laws.ts';

const PLAN = `goal: Test the packages that changed
subtasks:
  - name: list
    run: cat packages > "$SPL_RESULTS"
  - name: test-\${{ matrix.package }}
    depends: list
    matrix:
      package: \${{ subtasks.list.results.packages }}
      level: [unit, system]
    goal: test \${{ matrix.package }} at \${{ matrix.level }}
    run: printf "%s %s\\n" \${{ matrix.level }} \${{ matrix.package }}
  - name: after
    depends: test-*
    run: echo after
`.replace('test-${{ matrix.package }}', 'test-${{ matrix.package }}-${{ matrix.level }}');

const BY_COMMAND = [
  JSON.stringify({ goal: 'list', name: 'list', run: `echo 'packages=["web","api"]' > "$SPL_RESULTS"` }),
  'goal=test ${{ matrix.packages }},run="echo $SPL_MATRIX_packages",depends=list,matrix=${{ subtasks.list.results.packages }}',
];

describe('a matrix over a result', function () {
  this.timeout(180_000);

  it(
    'makes a subtask of each value in `spl run`, and anew in the next run',
    scenario({ fleet: ['slots = 4'] }, async fleet => {
      await fleet.startFleet(1);
      await fleet.write('changed.fanout.yaml', PLAN);
      await fleet.write('packages', 'packages=["web", "$(touch pwned)"]\n');
      const first = await fleet.spl('run', 'changed.fanout.yaml');
      assert.equal(first.code, 0, first.out + first.err);
      assert.match(first.out, /^6 of 6 passed in /m);
      const lines = first.out.split('\n').flatMap(line => line.split('│ ')[1] ?? []);
      assert.deepEqual(lines.sort(), [
        ...['after', 'system $(touch pwned)', 'system web', 'unit $(touch pwned)', 'unit web'],
      ]);
      await fleet.write('packages', 'packages=["cli"]\n');
      const again = await fleet.spl('rerun', 'changed#1');
      assert.equal(again.code, 0, again.out + again.err);
      const { children, outcome } = await fleet.joined('changed#2');
      assert.equal(outcome, 'satisfied');
      assert.deepEqual(
        children.map(({ name }) => name),
        ['list', 'test-cli-unit', 'test-cli-system', 'after'],
      );
      await fleet.write('packages', 'packages=web\n');
      const refused = await fleet.spl('run', 'changed.fanout.yaml');
      assert.equal(refused.code, 1);
      assert.match(refused.out, /the result 'packages' of 'list' is no list for its matrix: 'web'/);
    }),
  );

  it(
    'is followed to the end by `--wait`, with subtasks on the command line',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      await fleet.json('task', 'add', 'Test', '--alias', 'T', '--dir', fleet.cwd);
      const subtasks = BY_COMMAND.flatMap(each => ['--subtask', each]);
      const { code, out, err } = await fleet.spl('task', 'fan-out', 'T', ...subtasks, '--wait');
      assert.equal(code, 0, out + err);
      assert.match(out, /^3 of 3 passed in /m);
      const { children } = await fleet.json<JoinStatus>('task', 'join-status', 'T');
      assert.deepEqual(
        children.map(({ goal, summary }) => [goal, summary]),
        [
          ['list', ''],
          ['test web', 'web'],
          ['test api', 'api'],
        ],
      );
    }),
  );

  it(
    'is expanded once, at whatever write of the expansion the coordinator dies',
    scenario({}, async fleet => {
      const env = fleet.preload('faults.mjs', { SPL_FAULT_FILE: fleet.at('fault') });
      await fleet.startFleet(1, env);
      const subtasks = BY_COMMAND.flatMap(each => ['--subtask', each]);
      for (const [n, moment] of ['before-write', 'half-write', 'before-sync', 'after-sync'].entries()) {
        const alias = `DIES-${n}`;
        const doomed = await fleet.pidOf('coordinator');
        await fleet.write('coming', `${moment}:fanout_expanded:1`);
        await rename(fleet.at('coming'), fleet.at('fault'));
        await fleet.json('task', 'add', 'Test', '--alias', alias, '--dir', fleet.cwd);
        await fleet.spl('task', 'fan-out', alias, ...subtasks);
        await fleet.gone(doomed);
        await rm(fleet.at('fault'));
        await fleet.startFleet(1, env);
        const { counts, outcome } = await fleet.joined(alias);
        assert.deepEqual([outcome, counts.accepted], ['satisfied', 3], moment);
        const records = await fleet.records(alias);
        assert.equal(records.filter(({ body }) => body['topic'] === 'fanout_expanded').length, 1, moment);
        assert.equal(joinsOf(records).length, 1, moment);
      }
    }),
  );
});
