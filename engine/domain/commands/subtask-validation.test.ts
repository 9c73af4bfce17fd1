import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import * as v from 'valibot';
import { runs } from '../../../test/runs.ts';
import { subtaskSchema } from '../../subtask/subtask.ts';
import { FleetError } from '../../errors.ts';
import { completeSubtasks, type SubtaskContext } from './subtask-validation.ts';
import { decodeAhead, isPlainSubtask } from '../../subtask/decode.ts';
import { dependants, topologicalOrder } from '../model/subtask-graph.ts';
import { targetText } from '../../subtask/target.ts';
import type { CompleteSubtask } from '../../subtask/subtask.ts';

const A = 'did:sync:instance:aaaaaaaaaaaaaaaa';
const B = 'did:sync:instance:bbbbbbbbbbbbbbbb';
const COORDINATOR = 'did:sync:instance:cccccccccccccccc';
const context: SubtaskContext = {
  dir: '/srv/here',
  defaultExecutor: 'echo',
  instances: [
    { did: COORDINATOR, alias: 'coordinator' },
    { did: A, alias: 'worker-a' },
    { did: B, alias: 'worker-b' },
  ],
  executors: ['echo', 'shell'],
  defaultTimeoutSecs: null,
};

const one = (input: unknown, changed: Partial<SubtaskContext> = {}): CompleteSubtask =>
  completeSubtasks([input], { ...context, ...changed })[0]!;

function refusal(inputs: readonly unknown[], changed: Partial<SubtaskContext> = {}): FleetError {
  try {
    completeSubtasks(inputs, { ...context, ...changed });
  } catch (error) {
    assert.ok(FleetError.is(error, 'INVALID_RECORD'), `not the error of a refusal: ${String(error)}`);
    return error;
  }
  assert.fail('nothing was refused');
}

describe('completeSubtasks', () => {
  it('fills in the defaults', () => {
    assert.deepEqual(one({ goal: 'say hello' }), {
      goal: 'say hello',
      name: null,
      target: { kind: 'least-loaded' },
      run: null,
      errexit: false,
      executor: 'echo',
      dir: '/srv/here',
      budget_usd: null,
      budget_tokens: null,
      budget_secs: null,
      timeout_secs: null,
      depends_on: [],
      when: 'accepted',
      attempts: null,
      backoff_secs: null,
      isolation: 'folder',
      matrix: null,
      env: null,
      inputs: null,
      outputs: null,
    });
  });

  it('stops a multi-line command at its first failing line', () => {
    for (const run of ['a\nb', 'a\n\n  b', ' a\nb\n', '# why\na'])
      assert.equal(one({ goal: 'x', run, executor: 'shell' }).errexit, true, JSON.stringify(run));
    for (const run of ['a', 'a\n', '\na\n \n', 'a; b'])
      assert.equal(one({ goal: 'x', run, executor: 'shell' }).errexit, false, JSON.stringify(run));
  });

  it('refuses a text that a record or a command can’t contain', () => {
    for (const text of ['a\0', '\ud800', 'a\udc00b'])
      for (const key of ['goal', 'name', 'run'] as const)
        assert.match(refusal([{ goal: 'x', [key]: text }]).message, /neither a NUL nor half of a surrogate/);
  });

  it('keeps given values, and sorts dependencies', () => {
    const given = {
      goal: 'lint "it", =all',
      name: 'lint',
      target: `specific:${B}`,
      run: 'npm run lint',
      executor: 'shell',
      dir: '/elsewhere',
      budget_usd: 1.5,
      budget_tokens: 2_000,
      budget_secs: 30,
      timeout_secs: 0.25,
      depends_on: [2, 0],
      when: 'accepted',
      attempts: 3,
      backoff_secs: 1.5,
      isolation: 'folder',
      matrix: null,
      env: { CI: '1' },
      inputs: null,
      outputs: null,
    };
    const complete = completeSubtasks([{ goal: 'a' }, given, { goal: 'c' }], context)[1];
    assert.deepEqual(complete, {
      ...given,
      errexit: false,
      target: { kind: 'specific', did: B },
      depends_on: [0, 2],
    });
  });

  it('runs agents in worktrees and all others in the folder by default', () => {
    const agents = { ...context, dir: '/work', executors: ['echo', 'shell', 'agent:claude'] };
    const isolationOf = (subtask: object): string =>
      completeSubtasks([{ goal: 'x', ...subtask }], agents)[0]!.isolation;
    assert.equal(isolationOf({}), 'folder');
    assert.equal(isolationOf({ run: 'true' }), 'folder');
    assert.equal(isolationOf({ executor: 'agent:claude' }), 'worktree');
    assert.equal(isolationOf({ executor: 'agent:claude', isolation: 'folder' }), 'folder');
    assert.equal(isolationOf({ run: 'true', isolation: 'worktree' }), 'worktree');
    assert.throws(
      () => completeSubtasks([{ goal: 'x', executor: 'agent:claude' }], { ...agents, dir: null }),
      /subtask 0: dir is missing: executor agent:claude, which runs in a worktree of its own, needs a folder/,
    );
  });

  it('is plain JSON data', () => {
    const complete = one({ goal: 'x', run: 'true' });
    assert.deepEqual(JSON.parse(JSON.stringify(complete)), complete);
  });

  it('uses the shell for a command line, whatever the default executor', () => {
    assert.equal(one({ goal: 'x', run: 'true' }).executor, 'shell');
    assert.equal(one({ goal: 'x', run: 'true', executor: null }).executor, 'shell');
  });

  it('parses and formats every kind of target', () => {
    for (const target of ['least-loaded-worker', 'round-robin', 'worker-b', `specific:${A}`]) {
      assert.equal(targetText(one({ goal: 'x', target }).target), target);
    }
  });

  it('accepts the least loaded worker as a target without any worker', () => {
    assert.equal(one({ goal: 'x' }, { instances: [] }).target.kind, 'least-loaded');
  });

  it('asks the executor whether it can run the subtask', () => {
    const asked: unknown[] = [];
    const refuse = (executor: string, subtask: { readonly run: string | null }) => {
      asked.push([executor, subtask.run]);
      return subtask.run === 'rm' ? 'it is read-only' : null;
    };
    const error = refusal([{ goal: 'a' }, { goal: 'b', run: 'rm' }], { refusal: refuse });
    assert.equal(error.message, "subtask 1: executor shell can't run it: it is read-only");
    assert.deepEqual(asked, [
      ['echo', null],
      ['shell', 'rm'],
    ]);
  });

  it('refuses a subtask without a share under a limit, and a share that can never fit', () => {
    const limits = { budget_usd: 2, budget_secs: null, budget_tokens: 500 };
    const complete = [{ goal: 'a', budget_usd: 2, budget_tokens: 0 }];
    assert.equal(completeSubtasks(complete, { ...context, limits }).length, 1);
    const missing = refusal([...complete, { goal: 'b', name: 'lint', budget_tokens: 1 }], { limits });
    assert.equal(
      missing.message,
      'subtask 1 (lint): budget_usd is missing: the fan-out may take $2.00 in all, and each subtask names its share',
    );
    assert.deepEqual(missing.details, { subtask: 1, name: 'lint', key: 'budget_usd', position: null });
    assert.match(missing.hint ?? '', /budget_usd of at most 2/);
    const large = refusal([{ goal: 'a', budget_usd: 1, budget_tokens: 501 }], { limits });
    assert.equal(
      large.message,
      'subtask 0: budget_tokens = 501 can never fit: the fan-out may take 500 tokens in all',
    );
  });

  const refusals: readonly [what: string, input: unknown, message: string | RegExp][] = [
    [
      'an unknown key',
      { goal: 'x', tiemout_secs: 5 },
      "unknown key 'tiemout_secs' (did you mean 'timeout_secs'?)",
    ],
    [
      "the CLI's short key",
      { goal: 'x', timeout: 5 },
      "unknown key 'timeout' (did you mean 'timeout_secs'?)",
    ],
    ['a key that could be one of several', { goal: 'x', budget: 5 }, "unknown key 'budget'"],
    ['a key like nothing known', { goal: 'x', colour: 'red' }, "unknown key 'colour'"],
    ['a key of the prototype', JSON.parse('{"goal":"x","__proto__":{}}'), "unknown key '__proto__'"],
    ['a misspelt goal before its absence', { gaol: 'x' }, "unknown key 'gaol' (did you mean 'goal'?)"],
    ['a missing goal', {}, 'goal is missing'],
    ['an undefined goal', { goal: undefined }, /^subtask 0: goal /],
    ['an empty goal', { goal: '' }, 'goal must not be empty'],
    ['a blank goal', { goal: ' \n' }, 'goal must not be empty'],
    ['a goal that is no text', { goal: 5 }, 'goal = 5 must be text'],
    ['a goal too long', { goal: 'x'.repeat(65_537) }, 'goal must have at most 65536 characters'],
    ['an empty name', { goal: 'x', name: '' }, 'name must not be empty'],
    ['an empty command line', { goal: 'x', run: '  ' }, 'run must not be empty'],
    ['a relative folder', { goal: 'x', dir: 'src' }, "dir = 'src' must be an absolute path"],
    ['no time', { goal: 'x', timeout_secs: 0 }, 'timeout_secs = 0 must be above 0'],
    ['negative time', { goal: 'x', timeout_secs: -1 }, 'timeout_secs = -1 must be above 0'],
    ['endless time', { goal: 'x', timeout_secs: Infinity }, 'timeout_secs = Infinity must be finite'],
    [
      'time that is no number',
      { goal: 'x', timeout_secs: NaN },
      'timeout_secs = NaN must be a number of seconds',
    ],
    ['time as text', { goal: 'x', timeout_secs: '5' }, "timeout_secs = '5' must be a number of seconds"],
    ['a negative budget', { goal: 'x', budget_usd: -0.01 }, 'budget_usd = -0.01 must not be negative'],
    ['no attempts', { goal: 'x', attempts: 0 }, 'attempts = 0 must be at least 1'],
    [
      'another isolation',
      { goal: 'x', run: 'true', isolation: 'container' },
      "isolation = 'container' must be worktree or folder",
    ],
    [
      'a worktree for an echo',
      { goal: 'x', isolation: 'worktree' },
      'isolation = worktree is for what runs in a folder, and executor echo does not',
    ],
    ['too long a back-off', { goal: 'x', backoff_secs: 3601 }, 'backoff_secs = 3601 must be at most an hour'],
    ['half an attempt', { goal: 'x', attempts: 1.5 }, 'attempts = 1.5 must be a whole number'],
    [
      'dependencies that are no list',
      { goal: 'x', depends_on: '0' },
      "depends_on = '0' must be a list of indices or names",
    ],
    [
      'a dependency that is not there',
      { goal: 'x', depends_on: ['a'] },
      "depends_on[0] = 'a' names no other subtask",
    ],
    [
      'a fraction of an index',
      { goal: 'x', depends_on: [0.5] },
      'depends_on[0] = 0.5 must be a whole number',
    ],
    ['an index below 0', { goal: 'x', depends_on: [-1] }, 'depends_on[0] = -1 must be at least 0'],
    [
      'an index beyond the last',
      { goal: 'x', depends_on: [7] },
      'depends_on[0] = 7 is out of range (0 to 0)',
    ],
    [
      'a subtask that waits for itself',
      { goal: 'x', depends_on: [0] },
      'depends_on[0] = 0 is the subtask itself',
    ],
    [
      'the shell without a command line',
      { goal: 'x', executor: 'shell' },
      'run is missing: executor shell needs a command line',
    ],
    [
      'an unknown executor',
      { goal: 'x', executor: 'shel' },
      "executor 'shel' is unknown (did you mean 'shell'?)",
    ],
    [
      'a worker that is not there',
      { goal: 'x', target: 'worker-z' },
      /^subtask 0: target 'worker-z' matches no worker/,
    ],
    [
      'a DID that is not there',
      { goal: 'x', target: 'specific:did:sync:instance:0123456789abcdef' },
      /matches no worker$/,
    ],
    [
      'a DID without its prefix',
      { goal: 'x', target: A },
      `target '${A}' matches no worker (did you mean 'specific:${A}'?)`,
    ],
    [
      'an alias with the prefix',
      { goal: 'x', target: 'specific:worker-a' },
      "target 'specific:worker-a' matches no worker (did you mean 'worker-a'?)",
    ],
    [
      'a misspelt target',
      { goal: 'x', target: 'roundrobin' },
      "target 'roundrobin' matches no worker (did you mean 'round-robin'?)",
    ],
    [
      'the coordinator by its alias',
      { goal: 'x', target: 'coordinator' },
      "target 'coordinator' is the coordinator, which runs no subtasks",
    ],
    [
      'the coordinator by its DID',
      { goal: 'x', target: `specific:${COORDINATOR}` },
      `target 'specific:${COORDINATOR}' is the coordinator, which runs no subtasks`,
    ],
    ['nothing', null, /^subtask 0: must be an object with the keys goal, name, /],
    ['a list', [], /^subtask 0: must be an object/],
    ['a text', 'goal=x', /^subtask 0: must be an object/],
  ];
  for (const [what, input, message] of refusals) {
    it(`refuses ${what}`, () => {
      const said = refusal([input]).message;
      if (typeof message === 'string') assert.equal(said, `subtask 0: ${message}`);
      else assert.match(said, message);
    });
  }

  it('refuses the shell as a default without a command line', () => {
    const { message } = refusal([{ goal: 'x' }], { defaultExecutor: 'shell' });
    assert.equal(
      message,
      'subtask 0: run is missing: executor shell, the default here, needs a command line',
    );
  });

  it('names the subtask by index and name, the key and the position, in the message and in the details', () => {
    const error = refusal([{ goal: 'a' }, { goal: 'b', name: 'lint', depends_on: [0, 7] }]);
    assert.equal(error.message, 'subtask 1 (lint): depends_on[1] = 7 is out of range (0 to 1)');
    assert.deepEqual(error.details, { subtask: 1, name: 'lint', key: 'depends_on', position: 1 });
  });

  it('names the first faulty subtask of several', () => {
    assert.equal(refusal([{ goal: 'a' }, {}, { nope: 1 }]).details['subtask'], 1);
  });

  it('keeps a message on one line and short, whatever it quotes', () => {
    const { message } = refusal([
      { goal: 'x', name: `a\nb${'c'.repeat(200)}`, target: `\u2028${'t'.repeat(200)}` },
    ]);
    assert.match(message, /^subtask 0 \(a bc+…\): target ' t+…' matches no worker$/);
    assert.ok(message.length < 250, message);
  });

  it('refuses a repeated dependency, with the position of the first', () => {
    const { message } = refusal([{ goal: 'a' }, { goal: 'b' }, { goal: 'c', depends_on: [1, 0, 1] }]);
    assert.equal(message, 'subtask 2: depends_on[2] = 1 repeats depends_on[0]');
  });

  it('refuses a repeated name, with its holder', () => {
    const { message } = refusal([{ goal: 'a', name: 'x' }, { goal: 'b' }, { goal: 'c', name: 'x' }]);
    assert.equal(message, "subtask 2 (x): name 'x' is already that of subtask 0");
  });

  it('refuses a cycle, naming all of it and the position that closes it', () => {
    const error = refusal([
      { goal: 'a', depends_on: [3] },
      { goal: 'b', depends_on: [4, 2] },
      { goal: 'c', depends_on: [3] },
      { goal: 'd', depends_on: [1] },
      { goal: 'e' },
    ]);
    assert.equal(
      error.message,
      'subtask 3: depends_on[0] = 1 closes a cycle: 3 → 1 → 2 → 3 (each depends on the next)',
    );
    assert.deepEqual(error.details, {
      subtask: 3,
      name: null,
      key: 'depends_on',
      position: 0,
      cycle: [3, 1, 2, 3],
    });
  });

  it('gives the position in the given list, not in the sorted one', () => {
    const error = refusal([{ goal: 'a' }, { goal: 'b', depends_on: [2, 0] }, { goal: 'c', depends_on: [1] }]);
    assert.match(error.message, /^subtask 1: depends_on\[0\] = 2 closes a cycle/);
  });

  it('names a very long cycle by its ends, and in full in the details', () => {
    const n = 100_000;
    const error = refusal(Array.from({ length: n }, (_, i) => ({ goal: 'x', depends_on: [(i + 1) % n] })));
    assert.match(
      error.message,
      /^subtask 0: depends_on\[0\] = 1 closes a cycle: 0 → 1 → .* … 99901 more … .* → 0 /,
    );
    assert.ok(error.message.length < 1000);
    assert.equal((error.details['cycle'] as number[]).length, n + 1);
  });

  it('completes a chain of 100,000 subtasks', () => {
    const n = 100_000;
    const chain = Array.from({ length: n }, (_, i) => ({
      goal: `g${i}`,
      depends_on: i === n - 1 ? [] : [i + 1],
    }));
    const subtasks = completeSubtasks(chain, context);
    assert.deepEqual(
      topologicalOrder(subtasks),
      Array.from({ length: n }, (_, i) => n - 1 - i),
    );
  });
});

describe('subtasks decoded ahead', () => {
  const anySubtask = fc.oneof(
    fc.record(
      {
        goal: fc.constantFrom('build it', '', 'test it'),
        name: fc.constantFrom('a', 'b', null),
        target: fc.constantFrom('worker-a', 'worker-x', 'round-robin'),
        depends_on: fc.array(fc.nat(4), { maxLength: 3 }),
        timeout_secs: fc.constantFrom(1, 0, 'soon'),
      },
      { requiredKeys: ['goal'] },
    ),
    fc.constantFrom(null, 7, [], { goals: 'x' }),
  );
  const outcomeOf = (inputs: readonly unknown[]): unknown => {
    try {
      return completeSubtasks(inputs, context);
    } catch (error) {
      assert.ok(FleetError.is(error));
      return { message: error.message, details: error.details, hint: error.hint };
    }
  };

  it('give the same result, accepted or refused', () => {
    fc.assert(
      fc.property(fc.array(anySubtask, { minLength: 1, maxLength: 5 }), inputs => {
        assert.deepEqual(outcomeOf(inputs.map(decodeAhead)), outcomeOf(inputs));
      }),
      { numRuns: runs(500) },
    );
  });
});

describe('a subtask of text alone', () => {
  const anyText = fc.oneof(
    fc.string(),
    fc.constantFrom('', ' ', '\u00a0', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(256), 'x'.repeat(257)),
    fc.constantFrom(64 * 1024, 64 * 1024 + 1).map(length => 'x'.repeat(length)),
    fc.anything(),
  );
  const names = ['goal', 'name', 'target', 'run', 'executor'];
  const anyName = fc.constantFrom(...names, ...names, 'dir', 'attempts', 'extra', '__proto__');

  it('skips the schema only where the schema accepts it, with the same result', () => {
    let taken = 0;
    const numRuns = runs(2_000);
    fc.assert(
      fc.property(fc.array(fc.tuple(anyName, anyText), { maxLength: 4 }), members => {
        const input = Object.fromEntries([['goal', 'build it'], ...members]) as object;
        if (!isPlainSubtask(input)) return;
        taken++;
        const { output, success } = v.safeParse(subtaskSchema, input);
        assert.ok(success);
        const known = { ...context, executors: [...context.executors, output.executor ?? 'echo'] };
        const instances = [{ did: output.target, alias: output.target }];
        const [complete] = completeSubtasks([input], { ...known, instances });
        const { target: _, executor: __, dir: ___, isolation: ____, errexit, ...rest } = complete!;
        const { target: _t, executor: _e, dir: _d, isolation: _i, ...given } = output;
        assert.equal(errexit, output.run !== null && output.run.trim().includes('\n'));
        assert.deepEqual(rest, { ...given, timeout_secs: given.timeout_secs ?? null });
      }),
      { numRuns },
    );
    assert.ok(taken > numRuns / 10, `only ${taken} were taken: the property says little`);
  });

  it('has a goal', () => {
    assert.ok(!isPlainSubtask({}));
    assert.ok(!isPlainSubtask({ name: 'a' }));
  });
});

/** Up to 12 subtasks with up to two dependencies each, not on themselves. Some have cycles and some have none. */
const graph = fc.array(fc.array(fc.nat(11), { maxLength: 2 }), { minLength: 1, maxLength: 12 }).map(lists =>
  lists.map((list, i) => ({
    goal: 'x',
    depends_on: [...new Set(list)].filter(d => d !== i && d < lists.length),
  })),
);

/**
 * Returns true when the dependencies have no cycle, by removing subtasks without open dependencies until none is left.
 */
function isAcyclic(subtasks: readonly { depends_on: number[] }[]): boolean {
  const left = new Set(subtasks.keys());
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const i of left) if (subtasks[i]!.depends_on.every(d => !left.has(d))) left.delete(i);
  }
  return left.size === 0;
}

describe('dependencies between subtasks', () => {
  it('are accepted exactly without a cycle, and a named cycle is one', () => {
    fc.assert(
      fc.property(graph, inputs => {
        if (isAcyclic(inputs)) {
          assert.equal(completeSubtasks(inputs, context).length, inputs.length);
          return;
        }
        const { cycle, subtask } = refusal(inputs).details as { cycle: number[]; subtask: number };
        assert.equal(cycle[0], subtask);
        assert.equal(cycle.at(-1), subtask);
        assert.equal(new Set(cycle).size, cycle.length - 1);
        for (let i = 1; i < cycle.length; i++)
          assert.ok(inputs[cycle[i - 1]!]!.depends_on.includes(cycle[i]!));
      }),
      { numRuns: runs(500) },
    );
  });

  it('order every subtask once, after its dependencies', () => {
    fc.assert(
      fc.property(graph, inputs => {
        fc.pre(isAcyclic(inputs));
        const order = topologicalOrder(inputs);
        assert.deepEqual(
          [...order].sort((a, b) => a - b),
          [...inputs.keys()],
        );
        inputs.forEach(({ depends_on }, i) => {
          for (const d of depends_on) assert.ok(order.indexOf(d) < order.indexOf(i));
        });
      }),
      { numRuns: runs(100) },
    );
  });

  it('keep an order that already respects them', () => {
    const inputs = [[], [0], [], [0, 2], [1]].map(depends_on => ({ depends_on }));
    assert.deepEqual(topologicalOrder(inputs), [0, 1, 2, 3, 4]);
  });

  it('are inverted by dependants', () => {
    const inputs = [[], [0], [], [0, 2], [1]].map(depends_on => ({ depends_on }));
    assert.deepEqual(dependants(inputs), [[1, 3], [4], [3], [], []]);
  });
});
