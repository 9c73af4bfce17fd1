import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { completeSubtasks } from '../../domain/commands/subtask-validation.ts';
import { celCompiler } from '../../domain/join/cel.ts';
import { writeSubtasks } from '../../subtask/encoding.ts';
import { readPlan, type PlanContext, type PlanRequest } from '../plan.ts';
import { planOfFanOut } from './from-fan-out.ts';

const CONTEXT: PlanContext = {
  cel: celCompiler,
  executors: null,
  workers: null,
  namespaces: null,
  defaultExecutor: 'echo',
};

const requestOf = (text: string): PlanRequest => {
  const { request, diagnostics } = readPlan(text, CONTEXT);
  assert.deepEqual(diagnostics, [], text);
  return request!;
};

/** Returns the subtasks of a plan with every default, as in the record of its fan-out. */
const completed = ({ subtasks, dir }: PlanRequest): ReturnType<typeof completeSubtasks> => {
  const place = (own: string | null | undefined): string => `/src/app/${own ?? ''}`.replace(/\/\.?$/, '');
  return completeSubtasks(
    subtasks.map(each => ({ ...each, dir: place(each.dir ?? dir) })),
    {
      dir: '/src/app',
      defaultExecutor: 'echo',
      instances: [{ did: 'did:sync:instance:a', alias: 'worker-a' }],
      executors: ['echo', 'shell', 'agent:claude'],
      refusal: () => null,
      defaultTimeoutSecs: null,
    },
  );
};

/** Returns the plan of the fan-out that a plan makes. */
const again = (text: string): string => {
  const { subtasks: _, dir: __, namespace, goal, ...request } = requestOf(text);
  const body = { topic: 'fanout', goal, ...request, ...writeSubtasks(completed(requestOf(text))) };
  return planOfFanOut({ alias: 'REL-1', goal, namespace: namespace ?? 'default', body }, '/src/app');
};

const PLAN = `# The fan-out of REL-1.
goal: Check the release
dir: .
timeout: 900
env: { CI: "1", TOKEN: "\${{ env.TOKEN }}" }

subtasks:
  - name: types
    run: |-
      npm ci
      npm run typecheck
    timeout: 60
    attempts: 3
  - name: test-\${{ matrix.suite }}-\${{ matrix.node }}
    matrix: { suite: [unit, api tests], node: ["18", "20"] }
    run: npm test -- --suite \${{ matrix.suite }} --node \${{ matrix.node }}
    depends: [types]
    isolation: worktree
    env: { PART: one }
  - name: report
    goal: Summarise the failures.
    target: worker-a
    executor: agent:claude
    depends: [test-unit-18, test-unit-20, "test-api tests-18", "test-api tests-20"]
    when: failed

join: failed == 0
losers: cancel
`.replace('[unit, api tests]', '[unit, "api tests"]');

describe('the plan of a fan-out', () => {
  it('has its matrix over a result', () => {
    const text = `goal: g
subtasks:
  - name: list
    run: make list
  - name: test-\${{ matrix.package }}
    depends: list
    matrix: { package: "\${{ subtasks.list.results.packages }}" }
    run: test \${{ matrix.package }}
  - name: last
    depends: test-*
`;
    const made = again(text);
    assert.deepEqual(completed(requestOf(made)), completed(requestOf(text)));
    assert.match(made, /matrix: \{ package: "\$\{\{ subtasks.list.results.packages \}\}" \}/);
  });

  it('makes the same fan-out, with its matrix', () => {
    const text = again(PLAN);
    assert.deepEqual(completed(requestOf(text)), completed(requestOf(PLAN)));
    assert.match(text, /matrix: \{ suite: \[unit, "api tests"\], node: \["18", "20"\] \}/);
    assert.equal(again(text), text);
  });

  it('keeps folders that differ, relative to the file where they lie below it', () => {
    const text = again('goal: a\nsubtasks:\n  - { name: a, run: x, dir: api }\n  - { name: b, run: x }\n');
    assert.match(text, /name: a\n {4}run: x\n {4}dir: api\n/);
    assert.match(text, /name: b\n {4}run: x\n {4}dir: \.\n/);
  });

  it('names a subtask that another waits for', () => {
    const made = completed(
      requestOf('goal: a\nsubtasks:\n  - goal: first\n    run: x\n  - { name: b, run: y }\n'),
    );
    const subtasks = [made[0]!, { ...made[1]!, depends_on: [0] }];
    const body = { topic: 'fanout', join: 'all', losers: 'drain', ...writeSubtasks(subtasks) };
    const text = planOfFanOut({ alias: 'A', goal: 'a', namespace: 'web/ci', body }, '/other');
    assert.deepEqual(
      requestOf(text).subtasks.map(({ name, goal, depends_on: on }) => [name, goal, on]),
      [
        ['subtask-0', 'first', undefined],
        ['b', 'b', [0]],
      ],
    );
    assert.match(text, /^namespace: web\/ci\ndir: \/src\/app$/m);
  });

  it('keeps neighbours apart that are no matrix', () => {
    const env = (value: string): Record<string, string> => ({ SPL_MATRIX_n: value });
    const made = completed(
      requestOf(
        'goal: a\nsubtasks:\n  - { name: p1, run: x }\n  - { name: p2, run: x }\n  - { name: q3, run: x }\n',
      ),
    );
    const subtasks = made.map((each, index) => ({
      ...each,
      run: 'x "$SPL_MATRIX_n"',
      env: env(`${index + 1}`),
    }));
    const body = { topic: 'fanout', join: 'all', losers: 'drain', ...writeSubtasks(subtasks) };
    const text = planOfFanOut({ alias: 'A', goal: 'a', namespace: 'default', body }, '/src/app');
    assert.match(text, /name: p\$\{\{ matrix\.n \}\}\n {4}matrix: \{ n: \["1", "2"\] \}/);
    assert.match(text, /name: q3\n {4}run: .*\n {4}env: \{ SPL_MATRIX_n: "3" \}/);
    assert.deepEqual(completed(requestOf(text)), subtasks);
  });

  it('makes a matrix of the lines of spl run --each', () => {
    const made = completed(
      requestOf('goal: a\nsubtasks: [{ name: go.mod, run: x }, { name: b c, run: x }]\n'),
    );
    const run = 'printf "%s\\n" "$SPL_ITEM"';
    const subtasks = made.map(each => ({
      ...each,
      goal: `lint ${each.name}`,
      run,
      env: { SPL_ITEM: each.name! },
    }));
    const body = { topic: 'fanout', join: 'all', losers: 'keep', ...writeSubtasks(subtasks) };
    const text = planOfFanOut({ alias: 'A', goal: 'a', namespace: 'default', body }, '/src/app');
    assert.match(text, /name: \$\{\{ matrix\.item \}\}\n {4}matrix: \{ item: \[go\.mod, "b c"\] \}/);
    assert.match(text, /run: 'printf "%s\\n" \$\{\{ matrix\.item \}\}'\n/);
    assert.deepEqual(
      completed(requestOf(text)).map(({ name, goal, env }) => [name, goal, env]),
      [
        ['go.mod', 'lint go.mod', { SPL_MATRIX_item: 'go.mod' }],
        ['b c', 'lint b c', { SPL_MATRIX_item: 'b c' }],
      ],
    );
  });

  it('refuses a body of another kind', () => {
    assert.throws(
      () => planOfFanOut({ alias: 'A', goal: 'a', namespace: 'default', body: { topic: 'task' } }, '/'),
      { code: 'INVALID_RECORD' },
    );
  });
});
