import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { celCompiler } from '../domain/join/cel.ts';
import { parsePredicate } from '../domain/model/predicate.ts';
import { completeSubtasks } from '../domain/commands/subtask-validation.ts';
import { likeness } from '../domain/model/did-you-mean.ts';
import { PlanMemory } from './plan-memory.ts';
import { readPlan, type Plan, type PlanContext } from './plan.ts';

const SAMPLES = fileURLToPath(new URL('./samples/', import.meta.url));
const CONTEXT: PlanContext = {
  cel: celCompiler,
  executors: null,
  workers: null,
  namespaces: null,
  defaultExecutor: 'echo',
};

interface Wanted {
  readonly line: number;
  readonly column: number;
  readonly length: number;
  readonly text: string;
}

/** Returns the expected diagnostics of a sample: `# ~~~ code: message` below a line, with tildes under the range. */
function wantedIn(text: string): Wanted[] {
  let line = -1;
  return text.split('\n').flatMap((written, index) => {
    const marked = /^(# *)(~+) (.+)$/.exec(written);
    if (marked === null) {
      line = index;
      return [];
    }
    // At the start of a line, the # covers the first column, so the tildes include it.
    const column = marked[1] === '#' ? 0 : marked[1]!.length;
    const length = marked[1]!.length + marked[2]!.length - column;
    return [{ line, column, length, text: marked[3]! }];
  });
}

function toldBy({ diagnostics }: Plan, text: string): Wanted[] {
  return diagnostics.map(({ code, message, range }) => {
    const before = text.slice(0, range.start).split('\n');
    return {
      line: before.length - 1,
      column: before.at(-1)!.length,
      length: range.end - range.start,
      text: `${code}: ${message}`,
    };
  });
}

describe('a plan', () => {
  for (const file of readdirSync(SAMPLES)) {
    it(`has exactly the faults in ${file}`, () => {
      const text = readFileSync(join(SAMPLES, file), 'utf8');
      const plan = readPlan(text, CONTEXT);
      const [wanted, told] = [wantedIn(text), toldBy(plan, text)].map(list =>
        list.sort((a, b) => a.line - b.line || a.column - b.column),
      ) as [Wanted[], Wanted[]];
      const shortened = told.map((each, index) => ({
        ...each,
        text: each.text.slice(0, wanted[index]?.text.length),
      }));
      assert.deepEqual(shortened, wanted);
      assert.equal(
        plan.request === null,
        plan.diagnostics.some(({ severity }) => severity === 'error'),
      );
    });
  }

  it('leaves a matrix over a result to the fleet, and combines it with the values that are known', () => {
    const text = [
      'goal: g',
      'subtasks:',
      '  - name: list',
      '    run: make list',
      '  - name: test-${{ matrix.os }}-${{ matrix.pkg }}',
      '    depends: list',
      '    matrix: { os: [a, b], pkg: "${{subtasks.list.results.packages}}" }',
      '    target: worker-${{ matrix.os }}',
      '    run: test ${{ matrix.os }} ${{ matrix.pkg }}',
      '  - name: short-${{ matrix.packages }}',
      '    depends: [list, test-*]',
      '    matrix: ${{ subtasks.list.results.packages }}',
      '  - name: last',
      '    depends: [short-*]',
      'join: k_of_n:20',
    ].join('\n');
    const { diagnostics, request } = readPlan(text, { ...CONTEXT, workers: null });
    assert.deepEqual(diagnostics, []);
    const source = '${{ subtasks.list.results.packages }}';
    assert.deepEqual(
      request!.subtasks.map(({ name, depends_on: on, matrix, target }) => [name, on, matrix, target]),
      [
        ['list', undefined, undefined, undefined],
        ['test-a-${{ matrix.pkg }}', [0], { pkg: source }, 'worker-a'],
        ['test-b-${{ matrix.pkg }}', [0], { pkg: source }, 'worker-b'],
        ['short-${{ matrix.packages }}', [0, 1, 2], { packages: source }, undefined],
        ['last', [3], undefined, undefined],
      ],
    );
    assert.equal(request!.subtasks[1]!.run, 'test "$SPL_MATRIX_os" "$SPL_MATRIX_pkg"');
  });

  it('becomes a request: a subtask for each value of a matrix, and names turned into indices', () => {
    const text = readFileSync(join(SAMPLES, 'release.fanout.yaml'), 'utf8');
    assert.deepEqual(readPlan(text, CONTEXT).request, {
      goal: 'Check the release',
      namespace: 'web/ci',
      dir: null,
      subtasks: [
        { goal: 'types', name: 'types', run: 'npm run typecheck' },
        ...[1, 2, 3].map(n => ({
          goal: `test-${n}`,
          name: `test-${n}`,
          run: 'npm test -- --shard "$SPL_MATRIX_shard"/3',
          env: { SPL_MATRIX_shard: String(n) },
          timeout_secs: 600,
        })),
        {
          goal: 'Summarise the failures.',
          name: 'report',
          executor: 'agent:claude',
          depends_on: [0, 1, 2, 3],
        },
      ],
      join: 'children.all(c, c.verdict == "accept") && cost_usd < 5.0',
      losers: 'cancel',
      priority: 'high',
      timeout_secs: null,
      budget_usd: null,
      budget_tokens: null,
      budget_secs: null,
      env: null,
    });
  });

  it('gives commands the named variables, and records no value of the environment', () => {
    const text = [
      'goal: g',
      'env: { CI: 1, TOKEN: "${{ env.DEPLOY }}" }',
      'subtasks:',
      '  - name: a-${{ matrix.n }}',
      '    matrix: { n: [1, 2] }',
      '    env: { PART: "p${{ matrix.n }}" }',
      '    run: deploy ${{ env.STAGE }} ${{ matrix.n }}',
    ].join('\n');
    const { diagnostics, request } = readPlan(text, CONTEXT);
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(request?.env, { CI: '1', TOKEN: '${{ env.DEPLOY }}' });
    assert.deepEqual(
      request.subtasks.map(({ run, env }) => [run, env]),
      ['1', '2'].map(n => ['deploy "$STAGE" "$SPL_MATRIX_n"', { PART: `p${n}`, SPL_MATRIX_n: n }]),
    );
  });

  describe('with params', () => {
    const text = [
      'goal: Deploy ${{ params.version }}',
      'params:',
      '  version:',
      '    description: The tag',
      '  region: 3.10',
      'env: { REGION: "${{ params.region }}" }',
      'subtasks:',
      '  - name: to-${{ params.region }}-${{ matrix.n }}',
      '    matrix: { n: [1] }',
      '    env: { TAG: "v${{ params.version }}" }',
      '    run: deploy ${{ params.version }} ${{ matrix.n }}',
      '  - name: report',
      '    depends: [to-3.10-1]',
    ].join('\n');
    const given = (params: Readonly<Record<string, string>>): Plan => readPlan(text, { ...CONTEXT, params });

    it('takes the given values and the defaults, and gives them to commands as variables', () => {
      const { diagnostics, request } = given({ version: "1'; $(x)" });
      assert.deepEqual(diagnostics, []);
      assert.deepEqual([request?.goal, request?.env], ["Deploy 1'; $(x)", { REGION: '3.10' }]);
      assert.deepEqual(request?.subtasks[0], {
        goal: 'to-3.10-1',
        name: 'to-3.10-1',
        run: 'deploy "$SPL_PARAM_version" "$SPL_MATRIX_n"',
        env: { TAG: "v1'; $(x)", SPL_PARAM_version: "1'; $(x)", SPL_MATRIX_n: '1' },
      });
    });

    it('refuses an unknown name and a missing value, each at its place', () => {
      const plan = given({ regoin: 'eu' });
      assert.equal(plan.request, null);
      assert.deepEqual(
        toldBy(plan, text).map(({ line, text: said }) => [line, said]),
        [
          [1, "params: no param 'regoin' (did you mean 'region'?): this plan has version, region"],
          [2, "params: the param 'version' has no default, and needs a value: --param version=…"],
        ],
      );
      assert.match(given({ version: 'a\nb' }).diagnostics[0]!.message, /must have no line break/);
    });

    it('is checked without values, and read again by an editor once a default changes', () => {
      assert.deepEqual(readPlan(text, CONTEXT).diagnostics, []);
      const memory = new PlanMemory();
      const names = (written: string) =>
        readPlan(written, CONTEXT, memory).request?.subtasks.map(({ name }) => name);
      assert.deepEqual(names(text), ['to-3.10-1', 'report']);
      assert.deepEqual(names(text.replaceAll('3.10', 'eu')), ['to-eu-1', 'report']);
      assert.deepEqual(names(text.replace('region: 3.10', 'region: us').replace('to-3.10-1', 'to-us-1')), [
        'to-us-1',
        'report',
      ]);
    });
  });

  it('gives commands the results of other subtasks as variables, each its own', () => {
    const text = [
      'goal: g',
      'subtasks:',
      '  - name: build-1',
      '  - name: build_1',
      '  - name: use',
      '    depends: [build*]',
      '    env: { TAG: "v${{ subtasks.build-1.results.tag }}" }',
      '    run: x ${{ subtasks.build-1.results.tag }} ${{ subtasks.build_1.results.tag }} ${{ subtasks.build-1.results.tag }}',
    ].join('\n');
    const { diagnostics, request } = readPlan(text, CONTEXT);
    assert.deepEqual(diagnostics, []);
    const { run, env } = request!.subtasks[2]!;
    const [first, second] = ['SPL_RESULT_build_1_tag', 'SPL_RESULT_build_1_tag_2'];
    assert.equal(run, `x "$${first}" "$${second}" "$${first}"`);
    assert.deepEqual(env, {
      TAG: 'v${{ subtasks.build-1.results.tag }}',
      [first]: '${{ subtasks.build-1.results.tag }}',
      [second]: '${{ subtasks.build_1.results.tag }}',
    });
  });

  it('moves a placeholder out of quotes with a fix', () => {
    const lines = [
      'goal: g',
      'subtasks:',
      '  - name: a',
      '    matrix: { n: [1] }',
      '    run: echo "x ${{ matrix.n }}"',
    ];
    const text = lines.join('\n');
    const [fault] = readPlan(text, CONTEXT).diagnostics;
    const { range, text: instead } = fault!.fixes[0]!;
    const mended = text.slice(0, range.start) + instead + text.slice(range.end);
    assert.equal(readPlan(mended, CONTEXT).request?.subtasks[0]?.run, 'echo "x ""$SPL_MATRIX_n"""');
  });

  it('warns once of an agent that is not installed, at its name', () => {
    const known = {
      ...CONTEXT,
      executors: ['echo', 'shell', 'agent:none'],
      missing: { 'agent:none': 'none' },
    };
    const subtask = '{ name: "a-${{ matrix.n }}", matrix: { n: [1, 2] }, executor: agent:none, prompt: p }';
    const text = `goal: g\nsubtasks: [${subtask}, { name: b, run: "true" }]\n`;
    const { diagnostics, request } = readPlan(text, known);
    assert.equal(request?.subtasks.length, 3);
    assert.deepEqual(
      diagnostics.map(({ severity, message, range }) => [
        severity,
        message,
        text.slice(range.start, range.end),
      ]),
      [['warning', "agent:none: 'none' is not installed, or not on the PATH", 'agent:none']],
    );
    for (const fine of [
      text.replace('goal: g', 'goal: g\nenv: { PATH: /opt/agents }'),
      text.replaceAll('agent:none', 'echo'),
    ])
      assert.deepEqual(readPlan(fine, known).diagnostics, []);
    const byDefault = { ...known, defaultExecutor: 'agent:none' };
    const [warning] = readPlan('goal: g\nsubtasks: [{ name: b, prompt: p }]\n', byDefault).diagnostics;
    assert.match(warning?.message ?? '', /^agent:none: /);
  });

  it('refuses what no record or command can contain, as the engine does', () => {
    for (const text of ['"a\\ud800"', '"a\\0"'])
      for (const key of ['goal', 'run', 'name', 'prompt']) {
        const { diagnostics, request } = readPlan(
          `goal: g\nsubtasks: [{ ${key}: ${text}, dir: . }]\n`,
          CONTEXT,
        );
        assert.equal(request, null, `${key}: ${text}`);
        assert.match(diagnostics[0]?.message ?? '', /neither a NUL nor half of a surrogate pair|is missing/);
      }
  });

  it('keeps values that look like numbers or YAML words as written', () => {
    const text = 'goal: 3.10\nsubtasks: [{ name: on, goal: 0x10 }, { name: ~ }]\n';
    const { request } = readPlan(text, CONTEXT);
    assert.deepEqual(
      request?.subtasks.map(({ name, goal }) => [name, goal]),
      [
        ['on', '0x10'],
        ['~', '~'],
      ],
    );
    assert.equal(request?.goal, '3.10');
  });

  it('has no fixable fault after its fixes', () => {
    const text = [
      'goal: g',
      'lozers: cancel',
      'subtasks:',
      '  - name: first',
      '    isolation: foldr',
      '  - name: s-${{ matrix.nmu }}',
      '    matrix: { num: [1, 2] }',
      '    depends: frist',
      'join: acepted > 1',
      '',
    ].join('\n');
    const { diagnostics } = readPlan(text, CONTEXT);
    assert.deepEqual(
      diagnostics.map(({ code, fixes }) => [code, fixes.length]),
      [
        ['unknown-key', 1],
        ['invalid-value', 1],
        ['matrix', 1],
        ['unknown-dependency', 2],
        ['join', 1],
      ],
    );
    let mended = text;
    for (const { fixes } of diagnostics.toReversed())
      for (const { range, text: written } of fixes.slice(0, 1))
        mended = mended.slice(0, range.start) + written + mended.slice(range.end);
    assert.deepEqual(readPlan(mended, CONTEXT).diagnostics, []);
  });

  describe('is corrected by the first fix of', () => {
    const faults: Readonly<Record<string, readonly [subtasks: string, rest?: string]>> = {
      'a cycle': [
        '  - name: a\n    depends: [c, b]\n  - name: b\n    depends:\n      - a\n      - c\n  - name: c\n',
      ],
      'a cycle of lines': [
        '  - name: a\n    depends:\n      - c\n      - b\n  - name: b\n    depends: [a]\n  - name: c\n',
      ],
      'a subtask that waits for itself': ['  - name: a\n    depends: a\n'],
      'a dependency like nothing': ['  - name: a\n  - name: b\n    depends: [xyzxyz, a]\n'],
      'a pattern like nothing': ['  - name: a\n  - name: b\n    depends: [a, q-*]\n'],
      'the only dependency': ['  - name: b\n    depends:\n      - q-*\n    run: x\n'],
      'a name that is there': ['  - name: a\n  - name: a\n  - name: a-2\n'],
      'a name without its matrix': ['  - name: t\n    matrix: { x: [1, 2], y: [3, 4] }\n'],
      'a share beyond the limit': ['  - name: a\n    budget: 9\n', 'budget: 5\n'],
      'a command for echo': ['  - name: a\n    run: x\n    executor: echo\n'],
      'an unknown worker': ['  - name: a\n    target: worker-x\n'],
      'an unknown executor': ['  - name: a\n    executor: agent:cloude\n'],
      'a namespace that is frozen': ['  - name: a\n', 'namespace: acme/web\n'],
      'a namespace that is not there': ['  - name: a\n', 'namespace: acme/ap\n'],
    };
    const namespace = (id: string, frozenBy: string | null) =>
      ({ id, status: 'active', archived_by: null, frozenBy, policy: null }) as const;
    const fleet = {
      ...CONTEXT,
      executors: ['echo', 'shell', 'agent:claude'],
      workers: [{ did: 'did:sync:instance:0000000000000001', alias: 'worker-a' }],
      namespaces: [namespace('acme', null), namespace('acme/web', 'acme/web'), namespace('acme/api', null)],
    };
    for (const [what, [subtasks, rest = '']] of Object.entries(faults)) {
      it(what, () => {
        const text = `goal: g\n${rest}subtasks:\n${subtasks}`;
        const { diagnostics } = readPlan(text, fleet);
        const [fix] = diagnostics[0]!.fixes;
        assert.ok(fix !== undefined, JSON.stringify(diagnostics));
        const mended = text.slice(0, fix.range.start) + fix.text + text.slice(fix.range.end);
        assert.deepEqual(readPlan(mended, fleet).diagnostics, [], mended);
      });
    }
  });

  it('uses the workers and executors of a fleet, if there is one', () => {
    const fleet = {
      ...CONTEXT,
      executors: ['echo', 'shell', 'agent:claude'],
      workers: [{ did: 'did:sync:instance:0000000000000001', alias: 'worker-a' }],
    };
    const told = (subtask: string): string[] =>
      readPlan(`goal: g\nsubtasks: [{ name: a, ${subtask} }]\n`, fleet).diagnostics.map(
        ({ message }) => message,
      );
    assert.deepEqual(told('target: worker-a, executor: agent:claude'), []);
    assert.match(
      told('target: worker-b')[0]!,
      /^target 'worker-b' matches no worker \(did you mean 'worker-a'\?\)/,
    );
    assert.match(
      told('executor: agent:cluade')[0]!,
      /^executor 'agent:cluade' is unknown \(did you mean 'agent:claude'\?\)/,
    );
  });

  it('matches a pattern like an equivalent regular expression', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), maxLength: 8 });
    const pattern = fc
      .string({ unit: fc.constantFrom('a', 'b', '.', '-', '*', '*'), maxLength: 8 })
      .filter(text => text.includes('*'));
    fc.assert(
      fc.property(pattern, word, (text, name) => {
        const expected = new RegExp(`^${text.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(name);
        assert.equal(likeness(text)(name), expected);
      }),
      { numRuns: runs(2_000) },
    );
  });

  describe('of any text', () => {
    /** Lines of plans, and lines that break them. */
    const line = fc.constantFrom(
      'goal: g',
      'subtasks:',
      '  - name: a',
      '  - name: b-${{ matrix.x }}',
      '    matrix: { x: [1, "a b", it\'s] }',
      '    depends: [a, b-*]',
      '    depends: *r',
      '    run: &r echo "${{ matrix.x }}" ${{ matrix.x }}',
      '    run: |',
      '      echo ${{ matrix.x }}',
      '    timeout: .inf',
      '    budget: -1',
      'budget: 2',
      'join: >-',
      '  children.all(c, c.verdct == "accept")',
      'join: k_of_n:99999999999999999999',
      '? [a]',
      ': b',
      '- - - x',
      '"unclosed',
      '\t\u0000\ufeff',
      '--- !!binary x',
      '<<: *a',
    );
    const text = fc.oneof(
      fc.array(line, { maxLength: 14 }).map(lines => lines.join('\n')),
      fc.string({ maxLength: 80 }),
    );

    it('never throws, reports only existing places, and has a request exactly if it has no error', () => {
      fc.assert(
        fc.property(text, written => {
          const { diagnostics, request } = readPlan(written, CONTEXT);
          for (const { range } of diagnostics) {
            assert.ok(
              range.start >= 0 && range.end >= range.start && range.end <= Math.max(written.length, 1),
            );
          }
          assert.equal(request !== null, !diagnostics.some(({ severity }) => severity === 'error'));
        }),
        { numRuns: runs(500) },
      );
    });

    it('is accepted by the rules of the engine if it has no error', () => {
      fc.assert(
        fc.property(text, written => {
          const { request } = readPlan(`goal: g\n${written.replaceAll(/^goal:.*$/gm, '#')}`, CONTEXT);
          if (request === null) return;
          const subtasks = completeSubtasks([...request.subtasks], {
            dir: null,
            defaultExecutor: 'echo',
            executors: ['echo', 'shell'],
            instances: [],
            defaultTimeoutSecs: null,
          });
          assert.equal(subtasks.length, request.subtasks.length);
          parsePredicate(request.join, subtasks.length, celCompiler);
        }),
        { numRuns: runs(500) },
      );
    });

    const large: Readonly<Record<string, string>> = {
      'nested lists': '['.repeat(1_000_000),
      'nested maps': 'a: {'.repeat(250_000),
      'dashes on one line': '- '.repeat(500_000),
      'ever deeper lines': Array.from({ length: 1_400 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
      'one long word': `goal: ${'x'.repeat(1_000_000)}`,
      'a long predicate': `goal: g\nsubtasks: [{ name: a }]\njoin: ${'a && '.repeat(200_000)}b`,
      'a square of a matrix': `goal: g\nsubtasks:\n  - name: a\n    matrix: { ${'abcdefgh'.replace(/./g, '$&: [1, 2, 3, 4, 5, 6, 7, 8], ')} }\n`,
    };
    for (const [what, written] of Object.entries(large)) {
      it(`is refused if it is too large: ${what}`, () => {
        const { request, diagnostics } = readPlan(written, CONTEXT);
        assert.equal(request, null);
        assert.ok(diagnostics.length > 0 && diagnostics.length <= 200);
      });
    }

    it('may have a block of text with lines longer than the limit of indentation', () => {
      const line = 'npm run lint -- --max-warnings 0\n';
      const { request, diagnostics } = readPlan(
        `goal: g\nsubtasks:\n  - name: a\n    run: |\n${`      ${line}`.repeat(20)}`,
        CONTEXT,
      );
      assert.deepEqual(diagnostics, []);
      assert.equal(request?.subtasks[0]?.run, line.repeat(20));
    });

    it('may have a chain of 10,000 subtasks', () => {
      const subtasks = Array.from(
        { length: 10_000 },
        (_, i) => `  - name: s-${i}\n    run: make s${i}\n${i === 0 ? '' : `    depends: [s-${i - 1}]\n`}`,
      );
      const { request, diagnostics } = readPlan(`goal: g\nsubtasks:\n${subtasks.join('')}`, CONTEXT);
      assert.deepEqual(diagnostics, []);
      assert.deepEqual(request?.subtasks.at(-1)?.depends_on, [9_998]);
    });
  });
});
