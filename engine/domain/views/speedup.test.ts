import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import * as v from 'valibot';
import { runs } from '../../../test/runs.ts';
import { OUTCOMES, speedupSchema, VERDICTS } from '../../contract/documents.ts';
import { speedupReport, type ExtraAttempt, type RunChild, type RunFacts } from './speedup.ts';

const child = (index: number, changed: Partial<RunChild> = {}): RunChild => ({
  index,
  goal: `goal ${index}`,
  name: null,
  run: null,
  executor: 'echo',
  dir: null,
  dependsOn: [],
  verdict: 'accept',
  afterJoin: false,
  attempt: 1,
  wallMs: 1000,
  costUsd: 0,
  ...changed,
});

const facts = (children: readonly RunChild[], changed: Partial<RunFacts> = {}): RunFacts => ({
  thread: 'th_parallel',
  alias: 'FIRST-001',
  echo: null,
  outcome: 'satisfied',
  round: 1,
  serial: false,
  measuredWallMs: 1100,
  slotsUsed: 2,
  children,
  extraAttempts: [],
  ...changed,
});

const baseline = (children: readonly RunChild[], changed: Partial<RunFacts> = {}): RunFacts =>
  facts(children, {
    thread: 'th_serial',
    alias: 'FIRST-001-serial',
    serial: true,
    measuredWallMs: 2200,
    slotsUsed: 1,
    ...changed,
  });

const extra = (index: number, changed: Partial<ExtraAttempt> = {}): ExtraAttempt => ({
  index,
  attempt: 1,
  verdict: 'failed',
  wallMs: 500,
  costUsd: 0.25,
  ...changed,
});

const two = [child(0), child(1)];

describe('speedupReport of one run', () => {
  it('matches the tutorial for two subtasks of a second each', () => {
    const report = speedupReport(facts(two), null);
    assert.deepEqual(report.walls_secs, [1, 1]);
    assert.equal(report.parallel_wall_secs, 1);
    assert.equal(report.critical_path_secs, 1);
    assert.deepEqual(report.critical_path, []);
    assert.equal(report.measured_wall_secs, 1.1);
    assert.equal(report.total_cost_usd, 0);
    assert.equal(report.weak.serial_estimate_secs, 2);
    assert.equal(report.weak.speedup, 2);
    assert.equal(report.measured, null);
    assert.deepEqual(report.notes, []);
  });

  it('explains why the estimate is not a measurement, and how to make one', () => {
    const { caveat } = speedupReport(facts(two), null).weak;
    assert.match(caveat, /shared the machine/);
    assert.match(caveat, /run-serial FIRST-001/);
    assert.match(caveat, /--vs-serial/);
  });

  it('finds the critical path through the dependencies, and names it', () => {
    const children = [
      child(0, { wallMs: 1000 }),
      child(1, { wallMs: 4000 }),
      child(2, { wallMs: 2000, dependsOn: [0] }),
      child(3, { wallMs: 2500, dependsOn: [0, 2] }),
      child(4, { wallMs: 100, dependsOn: [1] }),
    ];
    const report = speedupReport(facts(children), null);
    assert.deepEqual(report.critical_path, [0, 2, 3]);
    assert.equal(report.critical_path_secs, 5.5);
    assert.equal(report.weak.serial_estimate_secs, 9.6);
    assert.equal(speedupReport(facts(children, { slotsUsed: 5 }), null).parallel_wall_secs, 5.5);
  });

  it('finds the same critical path as an exhaustive search', () => {
    const graph = fc
      .array(fc.tuple(fc.nat(9), fc.array(fc.nat(7), { maxLength: 3 })), { minLength: 1, maxLength: 8 })
      .map(nodes =>
        nodes.map(([wall, list], i) =>
          child(i, { wallMs: wall * 1000, dependsOn: [...new Set(list)].filter(d => d < i).sort() }),
        ),
      );
    fc.assert(
      fc.property(graph, children => {
        const longestTo = (i: number): number =>
          children[i]!.wallMs + Math.max(0, ...children[i]!.dependsOn.map(longestTo));
        const report = speedupReport(facts(children), null);
        assert.equal(report.critical_path_secs, Math.max(...children.map(c => longestTo(c.index))) / 1000);
        const path = report.critical_path;
        if (path.length > 0) {
          assert.equal(
            path.reduce((sum, i) => sum + children[i]!.wallMs / 1000, 0),
            report.critical_path_secs,
          );
        }
        path.slice(1).forEach((i, at) => assert.ok(children[i]!.dependsOn.includes(path[at]!)));
      }),
      { numRuns: runs(100) },
    );
  });

  it('handles a chain of 100,000', () => {
    const children = Array.from({ length: 100_000 }, (_, i) =>
      child(i, { wallMs: 1, dependsOn: i < 99_999 ? [i + 1] : [] }),
    );
    const report = speedupReport(facts(children), null);
    assert.equal(report.critical_path_secs, 100);
    assert.equal(report.critical_path.length, 100_000);
  });

  it('includes the cost of failed, retried and cancelled attempts, and names them', () => {
    const run = facts([child(0, { costUsd: 0.1, attempt: 2 }), child(1, { costUsd: 0.2 })], {
      extraAttempts: [extra(0), extra(1, { verdict: 'cancelled', costUsd: 0.05, wallMs: 10 })],
    });
    const report = speedupReport(run, null);
    assert.equal(report.total_cost_usd, 0.6);
    assert.equal(report.extra_cost_usd, 0.3);
    assert.deepEqual(report.extra_attempts, [
      { index: 0, attempt: 1, verdict: 'failed', wall_time_secs: 0.5, cost_usd: 0.25 },
      { index: 1, attempt: 1, verdict: 'cancelled', wall_time_secs: 0.01, cost_usd: 0.05 },
    ]);
  });

  it('counts attempts without a known cost, and computes no cost ratio from the rest', () => {
    const run = facts(two, { extraAttempts: [extra(0, { costUsd: 0, costUnknown: true })] });
    const report = speedupReport(run, baseline([child(0, { costUsd: 1 }), child(1, { costUsd: 1 })]));
    assert.equal(report.unknown_costs, 1);
    assert.equal(report.extra_attempts[0]?.cost_unknown, true);
    assert.equal(report.measured?.cost_ratio, null);
    assert.ok(report.notes.includes('no cost ratio: the cost of 1 attempt is unknown'));
  });

  it('estimates no more than the slots allow', () => {
    const eight = Array.from({ length: 8 }, (_, index) => child(index));
    const report = speedupReport(facts(eight, { slotsUsed: 2 }), null);
    assert.equal(report.parallel_wall_secs, 4);
    assert.equal(report.weak.speedup, 2);
    fc.assert(
      fc.property(
        fc.array(fc.nat(100_000), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 8 }),
        (walls, slotsUsed) => {
          const children = walls.map((wallMs, index) => child(index, { wallMs }));
          const { weak } = speedupReport(facts(children, { slotsUsed }), null);
          assert.ok((weak.speedup ?? 0) <= slotsUsed + 1e-9);
        },
      ),
      { numRuns: runs(100) },
    );
  });

  it('estimates nothing for a run that did not accept or that retried, and says why', () => {
    const estimate = (changed: Partial<RunChild>): unknown => {
      const { speedup, caveat } = speedupReport(facts([child(0), child(1, changed)]), null).weak;
      return [speedup, caveat];
    };
    for (const verdict of ['failed', 'reject', 'timeout', 'cancelled', null] as const)
      assert.deepEqual(estimate({ verdict }), [
        null,
        'no estimate: subtask 1 did not run to acceptance before the join',
      ]);
    assert.deepEqual(estimate({ attempt: 2 }), [null, 'no estimate: subtask 1 ran more than once']);
  });

  it('estimates no speedup for a run with a missing member, and says which', () => {
    for (const gone of [
      { verdict: null },
      { verdict: 'cancelled' },
      { verdict: 'timeout' },
      { afterJoin: true },
    ] as const) {
      const report = speedupReport(facts([child(0), child(1, gone)]), null);
      assert.equal(report.weak.speedup, null);
      assert.match(report.notes.join(), /^subtask 1 did not run to the end before the join/);
    }
  });

  it('says which walls are of failed subtasks', () => {
    const report = speedupReport(facts([child(0), child(1, { verdict: 'failed' })]), null);
    assert.match(report.notes.join(), /^subtask 1 did not accept/);
  });

  it('has no measured wall before the join', () => {
    const run = facts([child(0), child(1, { verdict: null })], { outcome: null, measuredWallMs: null });
    assert.equal(speedupReport(run, null).measured_wall_secs, null);
  });
});

describe('speedupReport against a serial run', () => {
  it('measures speedup, ceiling, efficiency, cost and overhead', () => {
    const run = facts([child(0, { costUsd: 0.3 }), child(1, { costUsd: 0.3 })]);
    const serial = baseline([child(0, { costUsd: 0.2 }), child(1, { costUsd: 0.2 })]);
    assert.deepEqual(speedupReport(run, serial).measured, {
      serial_thread: 'th_serial',
      serial_wall_secs: 2.2,
      speedup: 2,
      efficiency: 1,
      ceiling: 2.2,
      cost_ratio: 0.6 / 0.4,
      overhead_secs: 0.1,
    });
  });

  it('claims a slowdown as plainly as a speedup', () => {
    const { measured } = speedupReport(facts(two, { measuredWallMs: 4400 }), baseline(two));
    assert.equal(measured?.speedup, 0.5);
    assert.equal(measured.efficiency, 0.25);
  });

  it('counts the cost of extra attempts on both sides', () => {
    const paid = [child(0, { costUsd: 1 }), child(1, { costUsd: 1 })];
    const run = facts(paid, { extraAttempts: [extra(0, { costUsd: 2 })] });
    assert.equal(speedupReport(run, baseline(paid)).measured?.cost_ratio, 2);
  });

  it('has no cost ratio without costs', () => {
    assert.equal(speedupReport(facts(two), baseline(two)).measured?.cost_ratio, null);
  });

  it('says when extra attempts lengthened the serial wall', () => {
    const report = speedupReport(facts(two), baseline(two, { extraAttempts: [extra(1)] }));
    assert.equal(report.measured?.speedup, 2);
    assert.deepEqual(report.notes, [
      'the serial wall holds 1 attempt of 0.5s more than it needed, which inflates the speedup',
    ]);
  });

  const changed = (index: number, what: Partial<RunChild>): RunChild[] =>
    two.map(c => (c.index === index ? { ...c, ...what } : c));
  const refusals: readonly [why: string, run: RunFacts, serial: RunFacts, note: RegExp][] = [
    [
      'the baseline is not serial',
      facts(two),
      baseline(two, { serial: false }),
      /th_serial is not a serial run/,
    ],
    [
      'the run is itself serial',
      facts(two, { serial: true }),
      baseline(two),
      /th_parallel is itself a serial run/,
    ],
    [
      'the run has not joined',
      facts(two, { outcome: null, measuredWallMs: null }),
      baseline(two),
      /this run has not joined/,
    ],
    [
      'the baseline has not joined',
      facts(two),
      baseline(two, { outcome: null, measuredWallMs: null }),
      /the serial run has not joined/,
    ],
    [
      'the baseline was not satisfied',
      facts(two),
      baseline(two, { outcome: 'unsatisfiable' }),
      /the serial run's join was unsatisfiable/,
    ],
    [
      'the baseline was cancelled',
      facts(two),
      baseline(two, { outcome: 'cancelled' }),
      /the serial run's join was cancelled/,
    ],
    [
      'a member of the run is missing',
      facts(changed(1, { verdict: null })),
      baseline(two),
      /this run joined without subtask 1 having run to the end/,
    ],
    [
      'a member of the run was cancelled',
      facts(changed(0, { verdict: 'cancelled' })),
      baseline(two),
      /this run joined without subtask 0/,
    ],
    [
      'a member of the run ended after the join',
      facts(changed(0, { afterJoin: true })),
      baseline(two),
      /this run joined without subtask 0/,
    ],
    [
      'a member of the baseline is missing',
      facts(two),
      baseline(changed(1, { verdict: 'timeout' })),
      /the serial run joined without subtask 1/,
    ],
    ['the run was retried', facts(two, { round: 2 }), baseline(two), /this run is retry 1/],
    ['the baseline was retried', facts(two), baseline(two, { round: 3 }), /the serial run is retry 2/],
    ['the baseline is shorter', facts(two), baseline([child(0)]), /the serial run has 1 subtask, this one 2/],
    [
      'a goal differs',
      facts(two),
      baseline(changed(1, { goal: 'another' })),
      /the serial run did other work as subtask 1/,
    ],
    ['a command differs', facts(two), baseline(changed(0, { run: 'true' })), /other work as subtask 0/],
    [
      'an executor differs',
      facts(two),
      baseline(changed(0, { executor: 'shell' })),
      /other work as subtask 0/,
    ],
    ['a folder differs', facts(two), baseline(changed(0, { dir: '/x' })), /other work as subtask 0/],
    [
      'a verdict differs',
      facts(changed(1, { verdict: 'failed' })),
      baseline(two),
      /differ in the verdict of subtask 1/,
    ],
  ];
  for (const [why, run, serial, note] of refusals) {
    it(`claims nothing when ${why}`, () => {
      const report = speedupReport(run, serial);
      assert.equal(report.measured, null);
      const notes = report.notes.filter(n => n.startsWith('no measured speedup: '));
      assert.equal(notes.length, 1);
      assert.match(notes[0]!, note);
    });
  }

  it('names at most ten of many', () => {
    const many = Array.from({ length: 30 }, (_, i) => child(i));
    const serial = baseline(many.map(c => ({ ...c, goal: 'other' })));
    const { notes } = speedupReport(facts(many), serial);
    assert.deepEqual(notes, [
      'no measured speedup: the serial run did other work as subtasks 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more',
    ]);
  });
});

describe('speedupReport of any facts', () => {
  const odd = fc.constantFrom(0, 0.001, 1, 1234.5678, -5, 1e15, NaN, Infinity);
  const money = fc.constantFrom(0, 0.1, 0.2, 12.5);
  const anyRun = fc.record({
    thread: fc.constantFrom('th_a', 'th_b'),
    alias: fc.constant('A'),
    echo: fc.constantFrom(null, 'echo: nothing was run'),
    outcome: fc.constantFrom(null, ...OUTCOMES),
    round: fc.constantFrom(1, 1, 1, 2),
    serial: fc.boolean(),
    measuredWallMs: fc.option(odd),
    slotsUsed: fc.nat(3),
    children: fc
      .array(
        fc.record({
          verdict: fc.constantFrom(null, ...VERDICTS, 'accept' as const),
          wallMs: odd,
          costUsd: money,
          afterJoin: fc.boolean(),
        }),
        { maxLength: 3 },
      )
      .map(list => list.map((c, i) => child(i, { ...c, dependsOn: i > 0 ? [i - 1] : [] }))),
    extraAttempts: fc.array(
      fc.record({
        index: fc.nat(2),
        attempt: fc.nat(3),
        verdict: fc.constant('failed'),
        wallMs: odd,
        costUsd: money,
      }),
      { maxLength: 2 },
    ),
  });

  it('is a document of the contract in which every number is finite', () => {
    const finite = (value: unknown): void => {
      if (typeof value === 'number') assert.ok(Number.isFinite(value));
      else if (typeof value === 'object' && value !== null) Object.values(value).forEach(finite);
    };
    fc.assert(
      fc.property(anyRun, fc.option(anyRun), (run, serial) => {
        const report = speedupReport(run, serial);
        assert.deepEqual(v.parse(speedupSchema, report), report);
        finite(report);
        if (serial === null) assert.equal(report.measured, null);
        else assert.ok(report.measured !== null || report.notes.length > 0);
      }),
      { numRuns: runs(1_000) },
    );
  });
});
