import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import type { FanOutRequest } from '../../contract/commands.ts';
import type { Policy } from '../../contract/policy.ts';
import { FleetError } from '../../errors.ts';
import { ACTS, type Act } from '../../record/record.ts';
import { admitRecord } from './admission.ts';
import { celCompiler } from '../join/cel.ts';
import * as commands from '../commands/fan-out.ts';
import { effectivePolicy } from './namespace-policy.ts';
import { restoreState, saveState } from '../fold/snapshot.ts';
import type { FanOut, Task } from '../model/state.ts';
import { states, TestFleet, USER, workerDid } from '../testing/test-fleet.ts';
import { joinDocument } from '../views/views.ts';

type Policies = Readonly<Record<string, Policy>>;

/** A fleet with the namespaces a, a/b and c, some of them with these policies. */
function fleetWith(policies: Policies, workers = 1, slots = 1): TestFleet {
  const fleet = new TestFleet(workers, slots);
  for (const id of ['a', 'a/b', 'c']) fleet.createNamespace(id, null, policies[id]);
  fleet.sent = [];
  return fleet;
}

const fanOutIn = (
  fleet: TestFleet,
  namespace: string | null,
  subtasks: number | readonly object[],
  changed: Partial<FanOutRequest> = {},
): FanOut => fleet.fanOut(subtasks, changed, undefined, fleet.addTask({ namespace }));

function refuses(run: () => unknown, message: RegExp, hint?: RegExp): void {
  assert.throws(run, (error: FleetError) => {
    assert.equal(error.code, 'NAMESPACE_REJECTED', error.stack);
    assert.match(error.message, message);
    assert.match(error.hint ?? '', hint ?? /spl namespace resolve a\/b$/);
    return true;
  });
}

const reasons = (fleet: TestFleet, { task }: FanOut): (string | null)[] =>
  joinDocument(fleet.core, task, false, fleet.now).children.map(({ state, reason }) =>
    state === 'pending' ? reason : null,
  );

const echo = (more: object = {}): object => ({ executor: 'echo', ...more });

describe('a policy', () => {
  for (const [name, policy, subtasks, message, hint] of [
    [
      'with too many subtasks',
      { limits: { max_children: 2 } },
      [echo(), echo(), echo()],
      /^namespace 'a\/b' is rejected: the policy of 'a' lets a fan-out have at most 2 subtasks, and these are 3 \(max_children\)$/,
      /^Split it/,
    ],
    [
      'with an executor that is denied',
      { deny: { executors: ['shell'] } },
      [echo(), { executor: 'shell', run: 'true' }],
      /the policy of 'a' denies executor 'shell' of subtask 1 \(executors\)$/,
      undefined,
    ],
    [
      'with an executor that is not allowed',
      { allow: { executors: ['echo', 'agent:claude'] } },
      [{ run: 'true' }],
      /the policy of 'a' does not allow executor 'shell' of subtask 0 \(executors\)$/,
      /^Allowed are: echo, agent:claude\. /,
    ],
    [
      'with variables where no command may be run, since one can make a program run any',
      { deny: { executors: ['shell'] } },
      [echo(), echo({ env: { GIT_SSH_COMMAND: 'sh -c …' } })],
      /the policy of 'a' denies env of subtask 1, which may run commands as executor 'shell' does \(executors\)$/,
      undefined,
    ],
    [
      'with a target that is not allowed',
      { allow: { targets: ['least-loaded-worker'] } },
      [echo({ target: 'worker-0' })],
      /does not allow target 'worker-0' of subtask 0 \(targets\)$/,
      /least-loaded-worker/,
    ],
    [
      'with a worker that is denied by its other name',
      { deny: { targets: ['worker-0'] } },
      [echo({ target: `specific:${workerDid(0)}` })],
      /the policy of 'a' denies target 'specific:did:sync:instance:\d+' of subtask 0/,
      undefined,
    ],
    [
      'with a time-out that is too long',
      { limits: { timeout_secs: 60 } },
      [echo(), echo({ timeout_secs: 61 })],
      /the policy of 'a' lets a subtask take 60s, and the time-out of subtask 1 is 61s \(timeout_secs\)$/,
      /at most 60/,
    ],
    [
      'without its shares of the budget',
      { limits: { budget_usd: 2 } },
      [echo({ budget_usd: 1 }), echo()],
      /the policy of 'a' lets all work there take \$2\.00, and subtask 1 names no share of it \(budget_usd\)$/,
      /at most 2/,
    ],
    [
      'with a share beyond the budget',
      { limits: { budget_usd: 2 } },
      [echo({ budget_usd: 2.5 })],
      /take \$2\.00, and subtask 0 wants \$2\.50/,
      undefined,
    ],
  ] as const satisfies readonly (readonly [string, Policy, object[], RegExp, RegExp | undefined])[])
    it(`refuses a fan-out ${name}, naming the level, and writes nothing`, () => {
      const fleet = fleetWith({ a: policy, 'a/b': {} });
      const task = fleet.addTask({ namespace: 'a/b' });
      const { length } = fleet.log;
      refuses(() => fleet.fanOut(subtasks, {}, undefined, task), message, hint);
      fleet.do(() => undefined);
      assert.equal(fleet.log.length, length);
      fanOutIn(fleet, 'c', subtasks);
    });

  it('allows no variables in a fan-out where no command may run', () => {
    const fleet = new TestFleet(1);
    fleet.createNamespace('a', null, { deny: { executors: ['shell'] } });
    const given = { namespace: 'a', env: { CI: '1' } };
    assert.throws(
      () => fleet.fanOut([echo()], given, undefined, fleet.addTask({ namespace: 'a' })),
      /the policy of 'a' denies env of the fan-out, which may run commands/,
    );
    fleet.fanOut([echo()], { ...given, namespace: null }, undefined, fleet.addTask());
  });

  it('refuses a fan-out with a larger budget than its own', () => {
    const fleet = fleetWith({ a: { limits: { budget_usd: 2 } } });
    refuses(
      () => fanOutIn(fleet, 'a/b', [echo({ budget_usd: 1 })], { budget_usd: 3 }),
      /policy of 'a' lets all work there take \$2\.00, and the fan-out wants \$3\.00/,
    );
  });

  it('lowers the default time-out', () => {
    const fleet = fleetWith({ a: { limits: { timeout_secs: 60 } }, 'a/b': { limits: { timeout_secs: 90 } } });
    const timeouts = fanOutIn(fleet, 'a/b', [echo(), echo({ timeout_secs: 5 })]).subtasks.map(
      each => each.timeout_secs,
    );
    assert.deepEqual(timeouts, [60, 5]);
    assert.equal(fanOutIn(fleet, 'c', 1).subtasks[0]!.timeout_secs, null);
  });

  it('admits the acts that every level allows, and tasks only with INTEND', () => {
    const fleet = fleetWith({
      a: { allow: { acts: ['KNOW', 'LEARN', 'INTEND'] } },
      'a/b': { allow: { acts: ['KNOW', 'DO'] } },
    });
    const letIn = (namespace: string): Act[] =>
      ACTS.filter(act => {
        const { record } = fleet.sealAs(USER, fleet.log[0]!.record.thread, act, { namespace });
        try {
          admitRecord(fleet.core.state, record, celCompiler, fleet.now);
          return true;
        } catch (error) {
          assert.ok(FleetError.is(error, 'NAMESPACE_REJECTED'));
          return false;
        }
      });
    assert.deepEqual([letIn('a'), letIn('a/b')], [['INTEND', 'KNOW', 'LEARN'], ['KNOW']]);
    assert.deepEqual(letIn('c'), ACTS);
    refuses(
      () => fleet.addTask({ namespace: 'a/b' }),
      /policy of 'a\/b' does not allow act 'INTEND' \(acts\)$/,
    );
    fleet.addTask({ namespace: 'a' });
  });

  it('limits the subtasks that are out at a time at each level, over all fan-outs (I48)', () => {
    const fleet = fleetWith(
      { a: { limits: { max_parallel: 2 } }, 'a/b': { limits: { max_parallel: 1 } } },
      1,
      8,
    );
    const below = fanOutIn(fleet, 'a/b', 2);
    const above = fanOutIn(fleet, 'a', 2);
    fanOutIn(fleet, null, 2);
    assert.deepEqual(states(below), ['assigned', 'pending']);
    assert.deepEqual(states(above), ['assigned', 'pending']);
    const why = (id: string, most: number): string =>
      `waiting for its turn: the policy of namespace '${id}' lets ${most} run at a time`;
    assert.deepEqual(reasons(fleet, below), [null, why('a', 2)]);
    fleet.report(above, 0);
    assert.deepEqual(
      [states(below), states(above)],
      [
        ['assigned', 'pending'],
        ['done', 'assigned'],
      ],
    );
    fleet.report(above, 1);
    assert.deepEqual(reasons(fleet, below), [null, why('a/b', 1)]);
    fleet.report(below, 0);
    fleet.report(below, 1);
    assert.equal(below.joined?.outcome, 'satisfied');
  });

  it('applies to waiting work when it changes, and releases it when it is lifted (I48)', () => {
    const fleet = fleetWith({}, 1, 2);
    const fanOut = fanOutIn(fleet, 'a/b', 4);
    fleet.createNamespace('a', null, { limits: { max_parallel: 1 } });
    fleet.report(fanOut, 0);
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'pending', 'pending']);
    fleet.createNamespace('a', 'a description alone leaves the policy as it is');
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'pending', 'pending']);
    fleet.createNamespace('a', null, {});
    assert.deepEqual(states(fanOut), ['done', 'assigned', 'assigned', 'pending']);
  });

  it('has a budget from which all fan-outs reserve, and in which their spending is booked', () => {
    const fleet = fleetWith({ a: { limits: { budget_usd: 3 } } }, 1, 8);
    const one = fanOutIn(fleet, 'a', [echo({ budget_usd: 1 }), echo({ budget_usd: 1 })]);
    const two = fanOutIn(fleet, 'a/b', [echo({ budget_usd: 1 }), echo({ budget_usd: 1 })]);
    assert.deepEqual(states(two), ['assigned', 'pending']);
    assert.match(
      reasons(fleet, two)[1]!,
      /^waiting for its share of the budget of namespace 'a': it wants \$1\.00, and of \$3\.00 are \$0\.00 booked and \$3\.00 reserved$/,
    );
    fleet.report(one, 0, { cost_usd: 1 });
    assert.deepEqual(states(two), ['assigned', 'pending'], 'what was reserved is booked now');
    fleet.report(one, 1, { cost_usd: 0.5 });
    fleet.report(two, 0, { cost_usd: 0.5 });
    assert.deepEqual(states(two), ['done', 'assigned']);
    fleet.report(two, 1, { cost_usd: 0.9 });
    refuses(
      () => fanOutIn(fleet, 'a/b', [echo({ budget_usd: 0.2 })]),
      /policy of 'a' lets all work there take \$3\.00, of which \$2\.90 are booked, and subtask 0 wants \$0\.20/,
      /at most 0\.1/,
    );
    const { usage } = effectivePolicy(fleet.core.state, 'a/b');
    assert.deepEqual(usage, [{ namespace: 'a', running: 0, booked_usd: 2.9, reserved_usd: 0 }]);
  });

  it('keeps work waiting for a used-up budget until the budget is raised', () => {
    const fleet = fleetWith({ a: { limits: { budget_usd: 2 } } });
    const fanOut = fanOutIn(fleet, 'a/b', [echo({ budget_usd: 1 }), echo({ budget_usd: 1 })]);
    fleet.report(fanOut, 0, { cost_usd: 1.5 });
    assert.deepEqual(states(fanOut), ['done', 'pending']);
    assert.match(reasons(fleet, fanOut)[1]!, /^waiting for its share of the budget of namespace 'a'/);
    fleet.createNamespace('a', null, { limits: { budget_usd: 4 } });
    assert.deepEqual(states(fanOut), ['done', 'assigned']);
  });

  it('books the whole share of an attempt lost with its worker', () => {
    const fleet = fleetWith({ a: { limits: { budget_usd: 3 } } });
    fanOutIn(fleet, 'a/b', [echo({ budget_usd: 2 })]);
    fleet.do(now => fleet.core.abandon(workerDid(0), 'it burned', now));
    const [usage] = effectivePolicy(fleet.core.state, 'a').usage;
    assert.deepEqual([usage!.running, usage!.booked_usd], [0, 2]);
  });

  it('excludes a denied worker from free choices', () => {
    for (const target of ['least-loaded-worker', 'round-robin']) {
      const fleet = fleetWith({ a: { deny: { targets: ['worker-0'] } } }, 2, 4);
      const list = [1, 2, 3, 4].map(() => echo({ target }));
      const workers = new Set(fanOutIn(fleet, 'a/b', list).children.map(({ worker }) => worker));
      assert.deepEqual([...workers], [workerDid(1)], target);
    }
  });

  it('explains that every live worker is denied, and continues when one is allowed', () => {
    for (const target of ['least-loaded-worker', 'round-robin']) {
      const fleet = fleetWith({});
      const before = fanOutIn(
        fleet,
        'a/b',
        [1, 2, 3].map(() => echo({ target })),
      );
      fleet.createNamespace('a/b', null, { deny: { targets: ['worker-0'] } });
      fleet.report(before, 0);
      assert.deepEqual(states(before), ['done', 'pending', 'pending'], target);
      assert.equal(
        reasons(fleet, before)[1],
        "no worker is live that the policy of namespace 'a/b' does not deny",
      );
      fleet.admit(1);
      fleet.beat(1, { slots: 2 });
      fleet.hello(1);
      assert.deepEqual(states(before), ['done', 'assigned', 'assigned'], target);
    }
  });

  it('holds waiting subtasks of a newly denied executor until it is lifted, and no others', () => {
    const fleet = fleetWith({});
    const shell = { executor: 'shell', run: 'true' };
    const fanOut = fanOutIn(fleet, 'a/b', [echo(), shell, echo(), shell]);
    fleet.createNamespace('a', null, { deny: { executors: ['shell'] } });
    fleet.report(fanOut, 0);
    const why = "the policy of namespace 'a' denies executor 'shell'";
    assert.deepEqual(reasons(fleet, fanOut), [null, why, null, why]);
    fleet.report(fanOut, 2);
    assert.deepEqual(states(fanOut), ['done', 'pending', 'done', 'pending']);
    fleet.restart();
    fleet.hello(0);
    const again = fleet.core.state.tasks.get(fanOut.task.thread)!.fanOut!;
    assert.deepEqual(states(again), ['done', 'pending', 'done', 'pending']);
    fleet.createNamespace('a', null, {});
    fleet.report(again, 1);
    fleet.report(again, 3);
    assert.equal(again.joined?.outcome, 'satisfied');
  });

  it('counts a budget exactly', () => {
    const fleet = fleetWith({ a: { limits: { budget_usd: 0.3 } } });
    fleet.report(fanOutIn(fleet, 'a', [echo({ budget_usd: 0.2 })]), 0, { cost_usd: 0.2 });
    assert.deepEqual(states(fanOutIn(fleet, 'a', [echo({ budget_usd: 0.1 })])), ['assigned']);
  });

  it('applies to serial runs and to retries', () => {
    const fleet = fleetWith({}, 2);
    const fanOut = fanOutIn(fleet, 'a/b', [echo({ timeout_secs: 90 })]);
    fleet.report(fanOut, 0, { verdict: 'failed' });
    const serially = (task: Task, worker: string | null): void => {
      const issuer = { actor: USER, key: undefined, now: fleet.now };
      fleet.do(() => commands.runSerial(fleet.core, task.alias, { worker }, 'th_serial' as never, issuer));
    };
    fleet.createNamespace('a', null, { limits: { timeout_secs: 60 } });
    refuses(() => fleet.retry(fanOut.task, 0), /policy of 'a' lets a subtask take 60s/);
    const { length } = fleet.log;
    refuses(() => serially(fanOut.task, null), /policy of 'a' lets a subtask take 60s/);
    fleet.do(() => undefined);
    assert.equal(fleet.log.length, length);
    fleet.createNamespace('a', null, { deny: { targets: ['worker-0'] } });
    refuses(() => serially(fanOut.task, 'worker-0'), /policy of 'a' denies target/);
    serially(fanOut.task, null);
    const [child] = fleet.core.state.tasks.get('th_serial' as never)!.fanOut!.children;
    assert.equal(child!.worker, workerDid(1), 'it picks one that is not denied');
    fleet.retry(fanOut.task, 0);
  });

  it('survives a restart of the coordinator with its spending, from the log and from a checkpoint', () => {
    const policy: Policy = { deny: { acts: ['CALL'] }, limits: { budget_usd: 3, max_parallel: 2 } };
    const fleet = fleetWith({ a: policy });
    const fanOut = fanOutIn(fleet, 'a/b', [echo({ budget_usd: 1 }), echo({ budget_usd: 1 })]);
    fleet.report(fanOut, 0, { cost_usd: 0.5 });
    const before = effectivePolicy(fleet.core.state, 'a/b');
    assert.deepEqual(before.usage, [{ namespace: 'a', running: 1, booked_usd: 0.5, reserved_usd: 1 }]);
    const restored = restoreState(saveState(fleet.core.state, celCompiler), celCompiler)!;
    assert.deepEqual(effectivePolicy(restored, 'a/b'), before);
    fleet.restart();
    assert.deepEqual(effectivePolicy(fleet.core.state, 'a/b'), before);
    fleet.archiveNamespace('a');
    fleet.createNamespace('a');
    assert.deepEqual(effectivePolicy(fleet.core.state, 'a/b'), before, 'an archive keeps it');
  });

  it('is resolved with the level that set each part', () => {
    const fleet = fleetWith({
      a: {
        allow: { executors: ['echo', 'shell'] },
        deny: { targets: ['worker-1'] },
        limits: { max_children: 5, timeout_secs: 60 },
      },
      'a/b': {
        allow: { executors: ['shell', 'agent:codex'], acts: ['INTEND'] },
        deny: { targets: ['worker-1', 'round-robin'] },
        limits: { max_children: 9, max_parallel: 3 },
      },
    });
    const { allow, deny, limits } = effectivePolicy(fleet.core.state, 'a/b');
    assert.deepEqual(allow, {
      acts: { names: ['INTEND'], set_by: ['a/b'] },
      executors: { names: ['shell'], set_by: ['a', 'a/b'] },
      targets: null,
    });
    assert.deepEqual(deny, {
      acts: [],
      executors: [],
      targets: [
        { name: 'worker-1', set_by: 'a' },
        { name: 'round-robin', set_by: 'a/b' },
      ],
    });
    assert.deepEqual(limits, {
      max_children: { value: 5, set_by: 'a' },
      max_parallel: { value: 3, set_by: 'a/b' },
      budget_usd: null,
      timeout_secs: { value: 60, set_by: 'a' },
    });
    assert.equal(effectivePolicy(fleet.core.state, 'default').limits.max_children, null);
  });
});

// --- properties --------------------------------------------------------------------------------------------------

const TREE = ['a', 'a/b', 'a/b/c', 'a/d', 'e', 'e/f'] as const;
const EXECUTORS = ['echo', 'shell'];
const TARGETS = ['worker-0', 'worker-1', 'least-loaded-worker', 'round-robin'];

const namesOf = (kinds: readonly string[]) => fc.subarray([...kinds]);
const listsOf = fc.record(
  { acts: namesOf(['INTEND', 'DO', 'KNOW']), executors: namesOf(EXECUTORS), targets: namesOf(TARGETS) },
  { requiredKeys: [] },
);
const aPolicy = fc.record(
  {
    allow: listsOf,
    deny: listsOf.map(lists =>
      Object.fromEntries(Object.entries(lists).map(([kind, names]) => [kind, names.slice(0, 1)])),
    ),
    limits: fc.record(
      {
        max_children: fc.integer({ min: 1, max: 4 }),
        max_parallel: fc.integer({ min: 1, max: 4 }),
        budget_usd: fc.integer({ min: 0, max: 4 }),
        timeout_secs: fc.integer({ min: 1, max: 4 }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Policy>;

interface Wanted {
  readonly count: number;
  readonly executor: string;
  readonly target: string;
  readonly timeout_secs: number;
  readonly budget_usd: number | null;
}
const aFanOut: fc.Arbitrary<Wanted> = fc.record({
  count: fc.integer({ min: 1, max: 5 }),
  executor: fc.constantFrom(...EXECUTORS),
  target: fc.constantFrom(...TARGETS),
  timeout_secs: fc.integer({ min: 1, max: 5 }),
  budget_usd: fc.option(fc.integer({ min: 0, max: 5 })),
});

type Operation =
  | { readonly kind: 'create'; readonly id: string; readonly policy: Policy | undefined }
  | { readonly kind: 'archive' | 'delete'; readonly id: string };
const anOperation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      id: fc.constantFrom(...TREE),
      policy: fc.option(aPolicy, { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('archive', 'delete'), id: fc.constantFrom(...TREE) }),
  },
);

/** A slow and simple reference implementation of namespaces. */
class Reference {
  readonly #known = new Map<string, { status: 'active' | 'archived' | 'deleted'; policy: Policy }>();

  /** @returns true when the operation is admitted */
  apply(operation: Operation): boolean {
    const { id } = operation;
    const known = this.#known.get(id);
    if (operation.kind === 'create') {
      if (
        !this.#above(id)
          .slice(1)
          .every(link => this.#known.get(link)?.status === 'active')
      )
        return false;
      const policy = operation.policy ?? known?.policy ?? {};
      this.#known.set(id, { status: 'active', policy });
      return true;
    }
    if (known === undefined || known.status === 'deleted') return false;
    if (operation.kind === 'archive') known.status = 'archived';
    else {
      const below = [...this.#known].filter(([each]) => each.startsWith(`${id}/`));
      if (below.some(([, { status }]) => status === 'active')) return false;
      Object.assign(known, { status: 'deleted', policy: {} });
    }
    return true;
  }

  admits(id: string, wanted: Wanted): boolean {
    return this.#above(id).every(link => {
      const level = this.#known.get(link);
      return level?.status === 'active' && admitsAlone(level.policy, wanted);
    });
  }

  /** Returns a namespace and its ancestors. */
  #above(id: string): string[] {
    const segments = id.split('/');
    return segments.map((_, i) => segments.slice(0, segments.length - i).join('/'));
  }
}

function admitsAlone({ allow = {}, deny = {}, limits = {} }: Policy, wanted: Wanted): boolean {
  const { executor, target } = wanted;
  const isAllowed = (list: readonly string[] | undefined, name: string): boolean =>
    list?.includes(name) !== false;
  return (
    isAllowed(allow.acts, 'INTEND') &&
    isAllowed(allow.executors, executor) &&
    isAllowed(allow.targets, target) &&
    deny.acts?.includes('INTEND') !== true &&
    deny.executors?.includes(executor) !== true &&
    deny.targets?.includes(target) !== true &&
    wanted.count <= (limits.max_children ?? Infinity) &&
    wanted.timeout_secs <= (limits.timeout_secs ?? Infinity) &&
    (limits.budget_usd === undefined || (wanted.budget_usd ?? Infinity) <= limits.budget_usd)
  );
}

/**
 * Returns true when the rules admit a fan-out, as `task add` and `task fan-out` check it. An admitted fan-out is
 * cancelled.
 */
function isAdmitted(fleet: TestFleet, namespace: string, wanted: Wanted): boolean {
  const { count, executor, target, timeout_secs, budget_usd } = wanted;
  const run = executor === 'shell' ? 'true' : null;
  const subtask = { executor, target, timeout_secs, budget_usd, run };
  try {
    const task = fleet.addTask({ namespace });
    try {
      fleet.fanOut(Array<object>(count).fill(subtask), {}, undefined, task);
    } finally {
      fleet.cancel(task);
    }
    return true;
  } catch (error) {
    assert.ok(FleetError.is(error, 'NAMESPACE_REJECTED'), String(error));
    return false;
  }
}

describe('namespaces, after any commands', () => {
  it('never allow a child what its parent does not allow', () => {
    const somePolicies = fc.array(aPolicy, { minLength: TREE.length, maxLength: TREE.length });
    fc.assert(
      fc.property(somePolicies, aFanOut, (policies, wanted) => {
        const fleet = new TestFleet(2);
        // Without workers nothing is assigned, so that admitted fan-outs do not affect the budgets.
        for (const n of [0, 1]) fleet.do(now => fleet.core.gone(workerDid(n), 'for the test', now));
        TREE.forEach((id, i) => fleet.createNamespace(id, null, policies[i]));
        for (const id of TREE) {
          const parent = id.includes('/') ? id.slice(0, id.lastIndexOf('/')) : 'default';
          if (isAdmitted(fleet, id, wanted))
            assert.ok(isAdmitted(fleet, parent, wanted), `${id}, not ${parent}`);
          const [below, above] = [id, parent].map(each => effectivePolicy(fleet.core.state, each)) as [
            ReturnType<typeof effectivePolicy>,
            ReturnType<typeof effectivePolicy>,
          ];
          for (const key of ['max_children', 'max_parallel', 'budget_usd', 'timeout_secs'] as const)
            assert.ok((below.limits[key]?.value ?? Infinity) <= (above.limits[key]?.value ?? Infinity), key);
          for (const kind of ['acts', 'executors', 'targets'] as const) {
            const wider = above.allow[kind]?.names;
            if (wider !== undefined)
              assert.ok(
                below.allow[kind]?.names.every(name => wider.includes(name)),
                kind,
              );
            for (const { name } of above.deny[kind])
              assert.ok(
                below.deny[kind].some(each => each.name === name),
                kind,
              );
          }
        }
      }),
      { numRuns: runs(60) },
    );
  });

  it('admit what a simple implementation of the contract admits', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anOperation, aFanOut), { maxLength: 12 }), steps => {
        const fleet = new TestFleet(2);
        for (const n of [0, 1]) fleet.do(now => fleet.core.gone(workerDid(n), 'for the test', now));
        const reference = new Reference();
        for (const [operation, wanted] of steps) {
          assert.equal(isDone(fleet, operation), reference.apply(operation), JSON.stringify(operation));
          for (const id of TREE)
            assert.equal(isAdmitted(fleet, id, wanted), reference.admits(id, wanted), id);
        }
      }),
      { numRuns: runs(60) },
    );
  });
});

function isDone(fleet: TestFleet, operation: Operation): boolean {
  const { id } = operation;
  try {
    if (operation.kind === 'create') fleet.createNamespace(id, null, operation.policy);
    else if (operation.kind === 'archive') fleet.archiveNamespace(id);
    else fleet.deleteNamespace(id);
    return true;
  } catch (error) {
    assert.ok(FleetError.is(error), String(error));
    return false;
  }
}
