import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { celCompiler } from '../../domain/join/cel.ts';
import { PRESETS } from '../../runtime/executors/agent/templates.ts';
import { readPlan, type Plan, type PlanContext } from '../plan.ts';
import { AGENTS, planDraft, type PlanDraft } from './plan-draft.ts';
import { isRead } from './readers.ts';

const CONTEXT: PlanContext = {
  cel: celCompiler,
  executors: null,
  workers: null,
  namespaces: null,
  defaultExecutor: 'echo',
};

type Files = Readonly<Record<string, unknown>>;

/** Drafts a plan for a repository with these files. A value that is no text is written as JSON. */
function draftOf(files: Files): PlanDraft {
  const texts = Object.entries(files).map(
    ([path, content]) => [path, typeof content === 'string' ? content : JSON.stringify(content)] as const,
  );
  return planDraft(
    {
      name: 'repo',
      paths: new Set(Object.keys(files)),
      texts: new Map(texts.filter(([path]) => isRead(path))),
      notes: [],
    },
    null,
  );
}

const check = (text: string): Plan => readPlan(text, CONTEXT);

/** Returns the subtasks of the draft, one line each: `name: command (folder) < dependencies`. */
function subtasksOf(files: Files): readonly string[] {
  const { text } = draftOf(files);
  const { diagnostics, request } = check(text);
  assert.deepEqual(diagnostics, [], text);
  const all = request!.subtasks;
  return all.map(({ name, run, dir, depends_on: on = [] }) => {
    const depends = on.map(each => all[each as number]!.name).join(', ');
    return `${name}: ${run}${dir == null ? '' : ` (${dir})`}${depends === '' ? '' : ` < ${depends}`}`;
  });
}

const drafts = (files: Files, expected: readonly string[]): void =>
  assert.deepEqual(subtasksOf(files), expected);

const SCRIPTS = { lint: 'eslint .', test: 'vitest run', build: 'tsc' };

describe('the draft of a plan', () => {
  describe('for package.json', () => {
    it('proposes the scripts that check, and no server, watcher or hook', () => {
      const scripts = {
        ...SCRIPTS,
        ...{ dev: 'vite', start: 'node .', typecheck: 'tsc --watch', prebuild: 'rm -rf dist', deploy: 'x' },
      };
      drafts({ 'package.json': { scripts } }, [
        'lint: npm run lint',
        'test: npm test',
        'build: npm run build',
      ]);
    });

    it('proposes no test that is none', () => {
      const scripts = { test: 'echo "Error: no test specified" && exit 1', lint: 'eslint .' };
      drafts({ 'package.json': { scripts } }, ['lint: npm run lint']);
    });

    for (const [manager, files, test, lint] of [
      ['pnpm', { 'pnpm-lock.yaml': '' }, 'pnpm test', 'pnpm run lint'],
      ['yarn', { 'yarn.lock': '' }, 'yarn test', 'yarn run lint'],
      ['bun', { 'bun.lock': '' }, 'bun run test', 'bun run lint'],
      ['bun with a binary lock file', { 'bun.lockb': '' }, 'bun run test', 'bun run lint'],
      ['npm', { 'package-lock.json': '{}' }, 'npm test', 'npm run lint'],
    ] as const)
      it(`runs scripts with ${manager}`, () => {
        const scripts = { lint: 'x', test: 'y' };
        drafts({ 'package.json': { scripts }, ...files }, [`lint: ${lint}`, `test: ${test}`]);
      });

    it('takes the package manager that packageManager names before that of a lock file', () => {
      const scripts = { lint: 'x', test: 'y' };
      drafts({ 'package.json': { packageManager: 'pnpm@9.1.0', scripts }, 'yarn.lock': '' }, [
        'lint: pnpm run lint',
        'test: pnpm test',
      ]);
    });

    it('lets a test wait for the build that it or its hook runs', () => {
      const build = { build: 'tsc', lint: 'x' };
      const expected = ['build: npm run build', 'lint: npm run lint', 'test: npm test < build'];
      drafts(
        { 'package.json': { scripts: { ...build, pretest: 'npm run build', test: 'mocha' } } },
        expected,
      );
      drafts({ 'package.json': { scripts: { ...build, test: 'npm run build && mocha' } } }, expected);
    });

    it('replaces a script that only runs others', () => {
      const scripts = {
        lint: 'run-p lint:*',
        'lint:js': 'eslint .',
        'lint:css': 'stylelint .',
        test: 'npm run build && npm run test:unit',
        'test:unit': 'mocha',
        build: 'tsc',
        check: 'npm run lint && npm test',
      };
      drafts({ 'package.json': { scripts } }, [
        'lint:js: npm run lint:js',
        'lint:css: npm run lint:css',
        'test:unit: npm run test:unit < build',
        'build: npm run build',
      ]);
    });
  });

  describe('for a workspace', () => {
    const workspace = (root: object, files: Files = {}): Files => ({
      'package.json': { scripts: {}, ...root },
      'packages/core/package.json': { name: '@x/core', scripts: SCRIPTS },
      'packages/web/package.json': { name: '@x/web', scripts: SCRIPTS, dependencies: { '@x/core': '*' } },
      'packages/docs/package.json': { name: '@x/docs', scripts: { lint: 'x' } },
      'examples/a/package.json': { name: 'a', scripts: SCRIPTS },
      ...files,
    });
    const expected = (run: string, test = `${run} test`): readonly string[] => [
      `lint-core: ${run} lint (packages/core)`,
      `lint-docs: ${run} lint (packages/docs)`,
      `lint-web: ${run} lint (packages/web)`,
      `test-core: ${test} (packages/core)`,
      `build-core: ${run} build (packages/core)`,
      `test-web: ${test} (packages/web) < build-core`,
      `build-web: ${run} build (packages/web) < build-core`,
    ];

    it('makes a matrix over the packages of npm that have a script', () => {
      const files = workspace({ workspaces: ['packages/*'] });
      drafts(files, expected('npm run', 'npm test'));
      assert.match(
        draftOf(files).text,
        /matrix: \{ package: \[core, docs, web\] \}\n {4}dir: packages\/\$\{\{ matrix/,
      );
    });

    it('knows the packages of yarn, bun, pnpm and lerna', () => {
      drafts(
        workspace({ workspaces: { packages: ['./packages/*/'] } }, { 'yarn.lock': '' }),
        expected('yarn run', 'yarn test'),
      );
      drafts(
        workspace({ workspaces: ['packages/**', '!examples/**'] }, { 'bun.lock': '' }),
        expected('bun run'),
      );
      drafts(
        workspace({}, { 'pnpm-workspace.yaml': "packages:\n  - 'packages/{core,web}'\n  - packages/docs\n" }),
        expected('pnpm run', 'pnpm test'),
      );
      drafts(workspace({}, { 'lerna.json': { packages: ['packages/*'] } }), expected('npm run', 'npm test'));
    });

    it('leaves out scripts of the root that run those of the packages', () => {
      const scripts = { test: 'pnpm -r test', lint: 'eslint .', typecheck: 'tsc -b' };
      const files = { 'pnpm-workspace.yaml': 'packages: [packages/*]' };
      assert.deepEqual(
        subtasksOf(workspace({ scripts }, files)).filter(line => !/^\w+-/.test(line)),
        ['typecheck: pnpm run typecheck'],
      );
    });

    it('names packages of several folders by their paths', () => {
      const scripts = { test: 'x' };
      drafts(
        {
          'package.json': { workspaces: ['apps/*', 'libs/*'] },
          'apps/a/package.json': { scripts },
          'libs/a/package.json': { scripts },
        },
        ['test-apps/a: npm test (apps/a)', 'test-libs/a: npm test (libs/a)'],
      );
    });

    it('orders by the task graph of turbo', () => {
      const turbo = {
        tasks: {
          build: { dependsOn: ['^build', 'codegen'] },
          test: { dependsOn: ['build'] },
          codegen: {},
          lint: {},
          dev: { persistent: true },
        },
      };
      const files = workspace(
        { workspaces: ['packages/*'], scripts: { test: 'turbo run test' } },
        {
          'turbo.json': `// tasks\n${JSON.stringify(turbo).replace(/\}$/, ',}')}`,
          'packages/core/package.json': {
            name: '@x/core',
            scripts: { build: 'tsc', test: 'x', codegen: 'gen', dev: 'x' },
          },
        },
      );
      drafts(files, [
        'build-core: npm run build (packages/core) < codegen-core',
        'codegen-core: npm run codegen (packages/core)',
        'test-core: npm test (packages/core) < build-core',
        'test-web: npm test (packages/web) < build-web',
        'lint-docs: npm run lint (packages/docs)',
        'lint-web: npm run lint (packages/web)',
        'build-web: npm run build (packages/web) < build-core',
      ]);
    });

    it('orders by turbo through packages without the task', () => {
      const files = {
        'package.json': { workspaces: ['p/*'] },
        'turbo.json': { pipeline: { build: { dependsOn: ['^build'] } } },
        'p/a/package.json': { name: 'a', scripts: { build: 'x' }, dependencies: { b: '1' } },
        'p/b/package.json': { name: 'b', dependencies: { c: '1' } },
        'p/c/package.json': { name: 'c', scripts: { build: 'x' }, devDependencies: { a: '1' } },
      };
      drafts(files, ['build-a: npm run build (p/a) < build-c', 'build-c: npm run build (p/c)']);
    });

    it('orders by the task graph of nx, and runs targets with it', () => {
      const files = {
        'package.json': { scripts: { test: 'nx run-many -t test' } },
        'pnpm-lock.yaml': '',
        'nx.json': { targetDefaults: { build: { dependsOn: ['^build'] }, test: { dependsOn: ['build'] } } },
        'apps/shop/project.json': {
          name: 'shop',
          targets: { build: {}, test: {}, serve: {} },
          implicitDependencies: ['ui'],
        },
        'libs/ui/project.json': {
          name: 'ui',
          targets: { build: {}, lint: { dependsOn: [{ target: 'build', projects: 'self' }] } },
        },
      };
      drafts(files, [
        'build-apps/shop: pnpm exec nx run shop:build < build-libs/ui',
        'build-libs/ui: pnpm exec nx run ui:build',
        'test-apps/shop: pnpm exec nx run shop:test < build-apps/shop',
        'lint-libs/ui: pnpm exec nx run ui:lint < build-libs/ui',
      ]);
    });

    it('runs the targets that plugins of nx add, for all projects', () => {
      const files = {
        'package.json': { scripts: {} },
        'nx.json': {
          targetDefaults: { test: { dependsOn: ['^build', 'build'] }, e2e: {} },
          plugins: [
            '@nx/js',
            { plugin: '@nx/vite/plugin', options: { buildTargetName: 'build', serveTargetName: 'dev' } },
          ],
        },
      };
      drafts(files, ['test: npx nx run-many -t test < build', 'build: npx nx run-many -t build']);
    });

    it('leaves out the packages of examples, and says so', () => {
      const scripts = { test: 'x' };
      const files = {
        'package.json': { workspaces: ['packages/*', 'examples/*'] },
        'packages/a/package.json': { scripts },
        'examples/b/package.json': { scripts },
      };
      drafts(files, ['test-a: npm test (packages/a)']);
      assert.deepEqual(draftOf(files).notes, ['packages of examples and playgrounds are not in the plan: 1']);
    });
  });

  describe('for other tools', () => {
    it('vets and tests a module of Go', () => {
      drafts({ 'go.mod': 'module x', 'main.go': '' }, ['vet: go vet ./...', 'test: go test ./...']);
    });

    it('vets, lints and tests each module of a go.work', () => {
      const files = {
        'go.work': 'go 1.22\n\nuse (\n\t./api\n\t./cli // x\n)\n',
        'api/go.mod': '',
        'cli/go.mod': '',
      };
      drafts({ ...files, '.golangci.yml': '' }, [
        'vet-api: go vet ./... (api)',
        'vet-cli: go vet ./... (cli)',
        'lint-api: golangci-lint run (api)',
        'lint-cli: golangci-lint run (cli)',
        'test-api: go test ./... (api)',
        'test-cli: go test ./... (cli)',
      ]);
    });

    it('checks and tests a crate, and lints a workspace that is set up for it', () => {
      drafts({ 'Cargo.toml': '[package]\nname = "x"' }, [
        'check: cargo check --all-targets',
        'test: cargo test',
      ]);
      const files = { 'Cargo.toml': '[workspace]\nmembers = ["a"]\n[workspace.lints.clippy]\nall = "warn"' };
      drafts({ ...files, 'rustfmt.toml': '' }, [
        'fmt: cargo fmt --all --check',
        'clippy: cargo clippy --workspace --all-targets',
        'test: cargo test --workspace',
      ]);
    });

    it('runs pytest and the checks that pyproject.toml configures', () => {
      const pyproject =
        '[tool.ruff]\nline-length = 100\n[tool.mypy]\nfiles = "src"\n[tool.pytest.ini_options]\n';
      drafts({ 'pyproject.toml': pyproject, 'uv.lock': '', 'tests/test_a.py': '' }, [
        'ruff: uv run ruff check .',
        'mypy: uv run mypy',
        'test: uv run pytest',
      ]);
    });

    it('runs pytest for each folder of tests', () => {
      drafts(
        { 'pytest.ini': '', 'tests/unit/test_a.py': '', 'tests/api/test_b.py': '', 'tests/conftest.py': '' },
        [
          'test-api: python3 -m pytest tests/"$SPL_MATRIX_folder"',
          'test-unit: python3 -m pytest tests/"$SPL_MATRIX_folder"',
        ],
      );
    });

    it('runs unittest where nothing names pytest, and the tests of Django', () => {
      const method = 'import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n';
      drafts({ 'tests/test_a.py': method }, ['test: python3 -m unittest discover']);
      drafts({ 'tests/test_a.py': 'def test_a(): pass\n' }, ['test: python3 -m pytest']);
      drafts({ 'manage.py': '', 'shop/tests.py': '' }, ['test: python3 manage.py test']);
    });

    it('runs the targets of a Makefile that check, in their order', () => {
      const makefile = [
        'VERSION := 1',
        '.PHONY: test lint \\\n  check',
        'check: lint test',
        'build:\n\tcc x.c',
        'objects: build',
        'test: objects | build\n\t./test',
        'lint:\n\tlint x.c',
        'deploy:\n\tscp x',
        '%.o: %.c\n\tcc',
        'define X\ntypecheck:\nendef',
      ].join('\n');
      drafts({ Makefile: makefile, 'test/a.c': '' }, [
        'build: make build',
        'test: make test < build',
        'lint: make lint',
      ]);
    });

    it('leaves out a target that make would hold to be up to date', () => {
      drafts({ Makefile: 'test:\n\t./x\nlint:\n\t./y\n', 'test/a.c': '' }, ['lint: make lint']);
    });

    it('runs the recipes of a justfile that need no arguments', () => {
      const justfile = [
        "set shell := ['sh']",
        'alias t := test',
        'default: lint test',
        '@build:',
        '  cc x',
        "test filter='' *rest: build",
        '  ./test {{filter}}',
        'typecheck target:',
        '  tsc {{target}}',
        '[private]',
        'check:',
        '  x',
        'lint: # all',
        '  lint',
      ].join('\n');
      drafts({ justfile }, ['build: just build', 'test: just test < build', 'lint: just lint']);
    });

    it('lets targets of a Makefile stand for the commands of a language', () => {
      drafts({ Makefile: 'test:\n\tgo test -race ./...\n', 'go.mod': '' }, [
        'test: make test',
        'vet: go vet ./...',
      ]);
    });

    it('makes a matrix of a job of GitHub Actions whose commands name one', () => {
      const workflow = `
on: push
jobs:
  shards:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        python: [3.9, 3.10]
        suite: [unit, "api tests"]
        os: [ubuntu-latest]
    steps:
      - uses: actions/checkout@v4
      - run: pip install tox==\${{ matrix.python }}
      - run: tox -e "py\${{ matrix.python }}-\${{ matrix.suite }}"
        env: { SUITE: "\${{ matrix.suite }}" }
      - run: echo \${{ secrets.TOKEN }} \${{ matrix.suite }}
  versions:
    strategy: { matrix: { node: [18, 20] } }
    steps:
      - uses: actions/setup-node@v4
        with: { node-version: "\${{ matrix.node }}" }
      - run: npm test
  dynamic:
    strategy: { matrix: "\${{ fromJSON(needs.a.outputs.b) }}" }
    steps: [{ run: "x \${{ matrix.a }}" }]
`;
      const run = 'tox -e "py""$SPL_MATRIX_python""-""$SPL_MATRIX_suite"""';
      drafts({ '.github/workflows/ci.yml': workflow }, [
        `shards-3.9-unit: ${run}`,
        `shards-3.9-api tests: ${run}`,
        `shards-3.10-unit: ${run}`,
        `shards-3.10-api tests: ${run}`,
      ]);
    });

    it('looks below for the projects of a tool that the root does not use', () => {
      drafts(
        {
          'README.md': '',
          'backend/go.mod': '',
          'frontend/package.json': { scripts: { build: 'x', test: 'npm run build && y' } },
          'frontend/yarn.lock': '',
          'examples/x/go.mod': '',
        },
        [
          'frontend-build: yarn run build (frontend)',
          'frontend-test: yarn test (frontend) < frontend-build',
          'backend-vet: go vet ./... (backend)',
          'backend-test: go test ./... (backend)',
        ],
      );
    });

    for (const [file, name, run] of [
      ['gradlew', 'check', './gradlew check'],
      ['pom.xml', 'test', 'mvn -q test'],
      ['app.sln', 'test', 'dotnet test'],
      ['mix.exs', 'test', 'mix test'],
    ] as const)
      it(`tests a project with ${file}`, () => drafts({ [file]: '' }, [`${name}: ${run}`]));

    it('runs the tasks of Deno and the scripts of Composer', () => {
      drafts({ 'deno.json': { tasks: { test: 'deno test', dev: 'x' } } }, ['test: deno task test']);
      drafts({ 'composer.json': { scripts: { test: ['@a', '@b'], lint: 'phpcs' } } }, [
        'test: composer run test',
        'lint: composer run lint',
      ]);
    });
  });

  describe('where nothing is found', () => {
    it('has no subtask, and says how to add one', () => {
      const { text, subtasks, sources } = draftOf({ 'README.md': '# x', 'docs/a.md': '' });
      assert.deepEqual({ subtasks, sources }, { subtasks: 0, sources: [] });
      assert.deepEqual(
        check(text).diagnostics.map(({ code, message }) => [code, message]),
        [['missing-key', 'there are no subtasks yet: add one here, such as - run: npm test']],
      );
      assert.match(text, /^# Nothing to run was found in this folder\./);
      assert.doesNotMatch(text, /\becho\b/);
      const lines = text.replace('subtasks: []', '').split('\n');
      const uncommented = lines.map(line => line.replace(/^# (?=subtasks:| {2})/, '')).join('\n');
      assert.equal(check(uncommented).request?.subtasks.length, 3);
    });
  });

  it('names an installed agent, or notes that there is none', () => {
    const snapshot = { name: 'x', paths: new Set<string>(), texts: new Map<string, string>(), notes: [] };
    assert.match(planDraft(snapshot, 'codex').text, /^# Who .* executor: agent:codex,.*\n$/m);
    assert.match(planDraft(snapshot, null).text, /^# None of these agents is installed here: claude, .*\.$/m);
    assert.deepEqual([...AGENTS], Object.keys(PRESETS));
  });

  it('names folders relative to the plan', () => {
    const snapshot = {
      name: 'x',
      paths: new Set(['go.work', 'a/go.mod']),
      texts: new Map([['go.work', 'use ./a']]),
      notes: [],
    };
    const { request } = check(planDraft(snapshot, null, '..').text);
    assert.deepEqual([request?.dir, request?.subtasks.map(({ dir }) => dir)], ['..', ['../a', '../a']]);
  });

  it('names the defaults of a plan', () => {
    const { text } = draftOf({ 'go.mod': '' });
    const silent = text.replace(/^(join|losers): .*\n/gm, '');
    assert.notEqual(silent, text);
    assert.deepEqual(check(text).request, check(silent).request);
  });

  describe('for files that are damaged', () => {
    it('says which could not be read, and uses the others', () => {
      const files = {
        'package.json': '{"scripts": ',
        'turbo.json': '[]',
        'Cargo.toml': '= =',
        'pyproject.toml': '[[[',
        '.github/workflows/ci.yml': 'jobs: [',
        'go.mod': '',
      };
      drafts(files, ['vet: go vet ./...', 'test: go test ./...']);
      const { notes, text } = draftOf(files);
      assert.deepEqual(
        notes.map(note => note.split(':')[0]),
        ['package.json', 'Cargo.toml', 'pyproject.toml', '.github/workflows/ci.yml'].map(
          file => `could not read ${file}`,
        ),
      );
      assert.match(text, /^# could not read package\.json: /m);
    });

    const NAMES = [
      ...[
        'package.json',
        'pnpm-workspace.yaml',
        'turbo.json',
        'nx.json',
        'lerna.json',
        'project.json',
        'a/project.json',
      ],
      ...[
        'a/package.json',
        'packages/${{ x }}/package.json',
        'packages/b c/package.json',
        'packages/d/turbo.json',
      ],
      ...[
        'Makefile',
        'justfile',
        'Cargo.toml',
        'go.mod',
        'go.work',
        'a/go.mod',
        'pyproject.toml',
        'tox.ini',
        'tests/test_a.py',
      ],
      ...[
        'tests/x/test_a.py',
        'composer.json',
        'deno.json',
        'gradlew',
        '.github/workflows/ci.yml',
        'setup.cfg',
      ],
    ];
    const word = fc.constantFrom(
      ...[
        'build',
        'test',
        'lint',
        'check',
        'constructor',
        '__proto__',
        '*',
        '${{ matrix.a }}',
        '${{ secrets.a }}',
      ],
      ...[
        'a',
        'b',
        '^build',
        '//#test',
        'npm run build',
        'x && y',
        '"',
        '\n',
        '\u2028',
        ' ',
        '- a: [',
        '3.10',
        'true',
      ],
      ...['packages/*', '**', '{a,b}', '!a', '..', '/', 'echo "${{ matrix.a }}"', "x '${{ matrix.b }}'\n  y"],
    );
    const text = fc
      .array(fc.oneof(word, fc.string({ maxLength: 5 })), { maxLength: 4 })
      .map(words => words.join(''));
    const value = fc.letrec(tie => ({
      any: fc.oneof({ maxDepth: 3 }, text, fc.integer(), fc.constant(null), tie('list'), tie('map')),
      list: fc.array(tie('any'), { maxLength: 3 }),
      map: fc.dictionary(
        fc.oneof(
          word,
          fc.constantFrom(
            ...[
              'scripts',
              'workspaces',
              'packages',
              'tasks',
              'pipeline',
              'dependsOn',
              'targets',
              'targetDefaults',
            ],
            ...[
              'dependencies',
              'name',
              'jobs',
              'strategy',
              'matrix',
              'steps',
              'run',
              'env',
              'working-directory',
              'tool',
            ],
          ),
        ),
        tie('any'),
        { maxKeys: 5 },
      ),
    })).any;
    const scripts = fc.dictionary(word, text, { maxKeys: 6 });
    const content = fc.oneof(
      text,
      value,
      fc.record({
        name: fc.constantFrom('a', 'b', 'c'),
        scripts,
        tasks: fc.dictionary(word, fc.record({ dependsOn: fc.array(word, { maxLength: 3 }) }), {
          maxKeys: 4,
        }),
        targets: fc.dictionary(word, fc.record({ dependsOn: fc.array(word, { maxLength: 3 }) }), {
          maxKeys: 4,
        }),
        targetDefaults: fc.dictionary(word, fc.record({ dependsOn: fc.array(word, { maxLength: 3 }) })),
        workspaces: fc.array(fc.constantFrom('packages/*', '*', '**'), { maxLength: 2 }),
        dependencies: fc.dictionary(fc.constantFrom('a', 'b', 'c'), text),
      }),
      fc.record({
        jobs: fc.dictionary(
          word,
          fc.record({
            strategy: fc.record({
              matrix: fc.dictionary(word, fc.array(text, { maxLength: 3 }), { maxKeys: 3 }),
            }),
            env: fc.dictionary(word, text, { maxKeys: 2 }),
            steps: fc.array(fc.record({ run: text, env: fc.dictionary(word, text, { maxKeys: 2 }) }), {
              maxLength: 3,
            }),
          }),
          { maxKeys: 3 },
        ),
      }),
      scripts.map(all =>
        Object.entries(all)
          .map(([name, run]) => `${name}: ${run}\n\t${run}`)
          .join('\n'),
      ),
    );

    /** Returns a workspace whose packages depend on each other at random, with a task graph and a workflow. */
    const repository = fc
      .record({
        packages: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e f'), { minLength: 1 }),
        scripts: fc.array(
          fc.subarray(['build', 'test', 'lint', 'codegen', 'pretest', 'typecheck', 'test:unit', 'check']),
          { minLength: 5, maxLength: 5 },
        ),
        bodies: fc.array(
          fc.constantFrom('x', 'npm run build && x', 'npm run build && npm test', 'run-p test:*'),
          {
            minLength: 1,
          },
        ),
        needs: fc.array(fc.subarray(['a', 'b', 'c', 'd', 'e f']), { minLength: 5, maxLength: 5 }),
        graph: fc.dictionary(
          fc.constantFrom('build', 'test', 'lint', 'codegen', 'a#build'),
          fc.record({
            dependsOn: fc.array(
              fc.constantFrom('^build', 'build', 'codegen', '^test', 'test', 'a#lint', '//#lint'),
            ),
          }),
        ),
        tool: fc.constantFrom('turbo.json', 'nx.json', 'none.json'),
        folders: fc.constantFrom('packages', 'packages/x', 'apps'),
        axes: fc.dictionary(fc.constantFrom('a', 'b-c', 'b_c', 'os'), fc.array(text, { maxLength: 3 })),
        steps: fc.array(
          fc.record({
            run: fc.constantFrom(
              't ${{ matrix.a }}',
              't "x ${{ matrix.b-c }}"',
              "t '${{ matrix.a }}'\ny",
              '`${{ matrix.a }}`',
            ),
            env: fc.dictionary(
              fc.constantFrom('A', 'B'),
              fc.constantFrom('1', '${{ matrix.os }}', '${{ github.sha }}'),
            ),
          }),
        ),
      })
      .map(({ packages, scripts, bodies, needs, graph, tool, folders, axes, steps }): Files => {
        const manifest = (name: string, at: number): object => ({
          name,
          scripts: Object.fromEntries(scripts[at]!.map((script, i) => [script, bodies[i % bodies.length]])),
          dependencies: Object.fromEntries(needs[at]!.map(need => [need, '*'])),
        });
        return {
          'package.json': { ...manifest('root', 0), workspaces: ['packages/**', 'apps/*'] },
          [tool]: { tasks: graph, targetDefaults: graph },
          '.github/workflows/ci.yml': { jobs: { j: { strategy: { matrix: axes }, steps } } },
          ...Object.fromEntries(
            packages.map((name, at) => [
              `${at === 1 ? 'packages' : folders}/${name}/package.json`,
              manifest(name, at),
            ]),
          ),
        };
      });

    it('writes a plan that passes its check, whatever the files hold', () => {
      const damaged = fc.dictionary(fc.constantFrom(...NAMES), content, { maxKeys: 12 });
      fc.assert(
        fc.property(fc.oneof(damaged, repository), files => {
          const draft = draftOf(files);
          const { diagnostics, request } = check(draft.text);
          const codes = diagnostics.map(({ code }) => code);
          if (draft.subtasks === 0) return assert.deepEqual(codes, ['missing-key']);
          assert.deepEqual(diagnostics, [], draft.text);
          assert.equal(request?.subtasks.length, draft.subtasks);
        }),
        { numRuns: runs(400) },
      );
    });
  });
});
