import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type { TaskDocument } from '../../engine/contract/documents.ts';
import { scenario, type Scenario } from '../harness/fleet.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

/** Fan-outs that are written in a file, checked and run. */

const onFleet = sharedFleet({ echoMs: 0 });

const PLAN = `goal: Check the release
subtasks:
  - name: types
    run: echo checked > types.txt
  - name: test-\${{ matrix.word }}
    matrix: { word: [it's, two words, $(date)] }
    run: cat types.txt && printf '<%s>' \${{ matrix.word }}
    depends: types
  - name: report
    run: ls "$PWD" > ../listed.txt
    dir: sub
    depends: [test-*]
join: children.all(c, c.verdict == "accept")
losers: cancel
`;

interface Checked {
  readonly plans: readonly {
    readonly file: string;
    readonly valid: boolean;
    readonly subtasks: number | null;
    readonly diagnostics: readonly {
      readonly code: string;
      readonly line: number;
      readonly column: number;
    }[];
  }[];
}

async function folderWith(fleet: Scenario, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(fleet.cwd, name), text);
}

describe('a plan file', function () {
  this.timeout(120_000);

  it(
    'is run as written: matrix, dependencies by pattern, folders relative to the file, and the join',
    onFleet(async fleet => {
      await mkdir(join(fleet.cwd, 'plans', 'sub'), { recursive: true });
      await folderWith(fleet, { 'plans/release.fanout.yaml': PLAN });
      await fleet.json('task', 'add', 'Release', '--alias', 'REL-1', '--dir', join(fleet.cwd, 'plans'));
      const plan = ['--plan', 'plans/release.fanout.yaml'];
      const { code, out } = await fleet.spl('task', 'fan-out', 'REL-1', ...plan, '--wait');
      assert.equal(code, 0, out);
      const report = await fleet.joined('REL-1');
      assert.deepEqual(
        report.children.map(({ name, summary }) => [name, summary]),
        [
          ['types', ''],
          ["test-it's", "checked\n<it's>"],
          ['test-two words', 'checked\n<two words>'],
          ['test-$(date)', 'checked\n<$(date)>'],
          ['report', ''],
        ],
      );
      assert.deepEqual(
        [report.outcome, report.predicate],
        ['satisfied', 'children.all(c, c.verdict == "accept")'],
      );
      assert.equal(await readFile(join(fleet.cwd, 'plans', 'listed.txt'), 'utf8'), '');
    }),
  );

  it(
    'takes params, and gives results to dependants as literal values',
    onFleet(async fleet => {
      const text = [
        'goal: Build ${{ params.tag }}',
        'params: { tag: }',
        'subtasks:',
        '  - name: build',
        '    run: printf "tag=%s\\nlist=[1, 2]\\n" ${{ params.tag }} > "$SPL_RESULTS"',
        '  - name: publish',
        '    depends: build',
        '    env: { LIST: "<${{ subtasks.build.results.list }}>" }',
        '    run: printf "%s %s" ${{ subtasks.build.results.tag }} "$LIST"',
        '  - name: lacks',
        '    depends: build',
        '    run: printf ${{ subtasks.build.results.gat }}',
        'join: k_of_n:2',
      ].join('\n');
      await folderWith(fleet, { 'build.fanout.yaml': text });
      await fleet.json('task', 'add', 'Build', '--alias', 'BLD-1', '--dir', fleet.cwd);
      const tag = "v1'; $(date) ${{ env.HOME }}";
      const plan = ['--plan', 'build.fanout.yaml', '--param', `tag=${tag}`];
      const { code, out, err } = await fleet.spl('task', 'fan-out', 'BLD-1', ...plan, '--wait');
      assert.equal(code, 0, out + err);
      const { children } = await fleet.joined('BLD-1');
      assert.deepEqual(
        children.map(({ verdict, reason, summary, results }) => [verdict, reason, summary, results]),
        [
          ['accept', null, '', { tag, list: [1, 2] }],
          ['accept', null, `${tag} <[1,2]>`, undefined],
          ['failed', "'build' gave no result 'gat'", '', undefined],
        ],
      );
    }),
  );

  it(
    'with a fault is refused with the place, and writes nothing',
    onFleet(async fleet => {
      await folderWith(fleet, {
        'bad.fanout.yaml': 'goal: g\nsubtasks:\n  - name: a\n    target: worker-q\n    depnds: b\n',
        'lost.fanout.yaml': 'goal: g\nsubtasks:\n  - name: a\n    target: worker-q\n',
      });
      await fleet.json('task', 'add', 'Refused', '--alias', 'BAD-1');
      const bad = await fleet.spl('task', 'fan-out', 'BAD-1', '--plan', 'bad.fanout.yaml');
      assert.equal(bad.code, 4);
      assert.match(bad.err, /^error: the plan 'bad.fanout.yaml' has a fault$/m);
      assert.match(bad.err, /bad\.fanout\.yaml:5:5: error unknown key 'depnds' \(did you mean 'depends'\?\)/);
      // Only the fleet knows that the worker does not exist.
      const lost = await fleet.spl('task', 'fan-out', 'BAD-1', '--plan', 'lost.fanout.yaml');
      assert.equal(lost.code, 4);
      assert.match(lost.err, /lost\.fanout\.yaml:4:13: error target 'worker-q' matches no worker/);
      const beside = await fleet.spl('task', 'fan-out', 'BAD-1', '--plan', 'x.yaml', '--subtask', 'goal=x');
      assert.equal(beside.code, 2);
      const missing = await fleet.spl('task', 'fan-out', 'BAD-1', '--plan', 'x.yaml');
      assert.equal(missing.code, 3);
      const { fan_out: fanOut } = await fleet.json<TaskDocument>('task', 'show', 'BAD-1');
      assert.equal(fanOut, null);
    }),
  );

  it(
    'is overridden by options',
    onFleet(async fleet => {
      await folderWith(fleet, {
        'p.fanout.yaml': 'goal: g\nsubtasks: [{ name: a }, { name: b }]\njoin: all\n',
      });
      await fleet.json('task', 'add', 'Options', '--alias', 'OPT-1');
      await fleet.json('task', 'fan-out', 'OPT-1', '--plan', 'p.fanout.yaml', '--join', 'k_of_n:1');
      assert.equal((await fleet.joined('OPT-1')).predicate, 'k_of_n:1');
    }),
  );

  it(
    'is checked without a fleet, and a generated one has no fault',
    scenario({}, async fleet => {
      await folderWith(fleet, {
        'package.json': '{"scripts":{"lint":"true","test":"true","start":"sleep 99"}}',
        Makefile: 'build: a.o\n\tcc -o x\nlint:\n\ttrue\nCC := gcc\n',
        'bad.yaml': 'goal: g\nsubtasks: [{ name: a, depends: [b] }]\n',
      });
      assert.equal((await fleet.spl('plan', 'init')).code, 0);
      const written = await readFile(join(fleet.cwd, 'check.fanout.yaml'), 'utf8');
      for (const run of ['npm run lint', 'npm test', 'make build'])
        assert.ok(written.includes(`run: ${run}\n`));
      assert.ok(!/run: (npm run start|make lint|make CC)/.test(written));
      const again = await fleet.spl('plan', 'init');
      assert.deepEqual([again.code, /exists already/.test(again.err)], [4, true]);

      assert.equal((await fleet.spl('plan', 'check', 'check.fanout.yaml')).code, 0);
      const both = await fleet.spl('plan', 'check', 'check.fanout.yaml', 'bad.yaml', '--json');
      const { plans } = JSON.parse(both.out) as Checked;
      assert.equal(both.code, 4);
      assert.deepEqual(
        plans.map(({ file, valid, subtasks }) => [file, valid, subtasks]),
        [
          ['check.fanout.yaml', true, 3],
          ['bad.yaml', false, null],
        ],
      );
      const [fault] = plans[1]!.diagnostics;
      assert.deepEqual([fault?.code, fault?.line, fault?.column], ['unknown-dependency', 2, 33]);
      assert.equal((await fleet.spl('plan', 'check')).code, 2);
    }),
  );

  it(
    'is written from the newest fan-out, and makes the same one',
    onFleet(async fleet => {
      await folderWith(fleet, { 'from.fanout.yaml': PLAN.replace('dir: sub', 'dir: .') });
      const fanOut = async (alias: string, file: string): Promise<unknown> => {
        await fleet.json('task', 'add', 'Check the release', '--alias', alias);
        const { code, out } = await fleet.spl('task', 'fan-out', alias, '--plan', file, '--wait');
        assert.equal(code, 0, out);
        const { children, predicate } = await fleet.joined(alias);
        return { predicate, children: children.map(({ name, summary }) => [name, summary]) };
      };
      const made = await fanOut('FROM-1', 'from.fanout.yaml');
      await fleet.json('task', 'add', 'Never fanned out', '--alias', 'FROM-2');
      const written = await fleet.spl('plan', 'init', 'last.fanout.yaml', '--from-last');
      assert.equal(written.code, 0, written.err);
      assert.match(
        written.out,
        /last\.fanout\.yaml written: 5 subtasks from the fan-out of FROM-1\n {2}check it:/,
      );
      const text = await readFile(join(fleet.cwd, 'last.fanout.yaml'), 'utf8');
      assert.match(text, /matrix: \{ word: \["it's", "two words", "\$\(date\)"\] \}/);
      assert.deepEqual(await fanOut('FROM-3', 'last.fanout.yaml'), made);
    }),
  );

  it(
    'is written without subtasks where nothing to run is found',
    scenario({}, async fleet => {
      await folderWith(fleet, { 'README.md': '# Notes\n', Makefile: '\0' });
      const { code, out } = await fleet.spl('plan', 'init');
      assert.equal(code, 0);
      assert.match(out, /written, without subtasks: nothing to run was found in this folder/);
      assert.equal((await fleet.spl('plan', 'check', 'check.fanout.yaml')).code, 4);
    }),
  );
});
