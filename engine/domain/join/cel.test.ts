import assert from 'node:assert/strict';
import { isCelError, run, type CelInput } from '@bufbuild/cel';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { VERDICTS } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { celCompiler } from './cel.ts';
import type { ChildFacts, JoinFacts } from '../model/predicate.ts';

const child = (index: number, changed: Partial<ChildFacts> = {}): ChildFacts => ({
  index,
  name: null,
  goal: `goal ${index}`,
  thread: `th_${index}`,
  worker: 'worker-a',
  verdict: 'accept',
  costUsd: 0,
  wallTimeSecs: 1,
  exitCode: 0,
  summary: null,
  attempt: 1,
  ...changed,
});

function factsOf(children: readonly ChildFacts[], changed: Partial<JoinFacts> = {}): JoinFacts {
  const count = (verdict: string): number => children.filter(c => c.verdict === verdict).length;
  return {
    counts: {
      accepted: count('accept'),
      rejected: count('reject'),
      failed: count('failed'),
      timed_out: count('timeout'),
      cancelled: count('cancelled'),
      running: 0,
      pending: 0,
    },
    costUsd: children.reduce((sum, c) => sum + c.costUsd, 0),
    wallTimeSecs: Math.max(0, ...children.map(c => c.wallTimeSecs)),
    children,
    parent: { thread: 'th_parent', alias: 'FIRST-001', goal: 'try it', record: 'ab'.repeat(32) },
    nowMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    ...changed,
  };
}

/** Returns the same facts in the types of the other implementation. */
function oracleBindings(facts: JoinFacts): Record<string, CelInput> {
  const { counts } = facts;
  const integers = { total: facts.children.length, ...counts };
  return {
    ...Object.fromEntries(Object.entries(integers).map(([name, n]) => [name, BigInt(n)])),
    cost_usd: facts.costUsd,
    wall_time_secs: facts.wallTimeSecs,
    parent: new Map(Object.entries(facts.parent)),
    now: run(`timestamp("${new Date(facts.nowMs).toISOString()}")`) as CelInput,
    children: facts.children.map(
      c =>
        new Map<string, CelInput>([
          ['index', BigInt(c.index)],
          ['name', c.name ?? ''],
          ['goal', c.goal],
          ['thread', c.thread],
          ['worker', c.worker ?? ''],
          ['verdict', c.verdict ?? ''],
          ['cost_usd', c.costUsd],
          ['wall_time_secs', c.wallTimeSecs],
          ['exit_code', BigInt(c.exitCode ?? -1)],
          ['summary', c.summary ?? ''],
          ['attempt', BigInt(c.attempt)],
        ]),
    ),
  };
}

function ours(source: string, facts: JoinFacts): unknown {
  const program = celCompiler.compile(source, facts.children.length);
  try {
    return program.evaluate(facts);
  } catch (error) {
    assert.ok(FleetError.is(error, 'INVALID_RECORD'), String(error));
    return 'error';
  }
}

function theirs(source: string, facts: JoinFacts): unknown {
  const value = run(source, oracleBindings(facts));
  return isCelError(value) ? 'error' : value;
}

function refusal(source: string, total = 3): FleetError {
  try {
    celCompiler.compile(source, total);
  } catch (error) {
    assert.ok(FleetError.is(error, 'INVALID_RECORD'), String(error));
    return error;
  }
  assert.fail(`not refused: ${source.slice(0, 100)}`);
}

const EXPRESSIONS = [
  'true',
  'accepted == total',
  'accepted >= 2',
  'accepted > 1 && failed == 0',
  'accepted >= 1 || timed_out > 0',
  'accepted + rejected + failed + timed_out + cancelled == total',
  'running + pending == 0',
  'total - accepted <= 1',
  'accepted * 2 > total',
  'accepted * 100 / total >= 66',
  'accepted / total == 1',
  'total % 2 == 0',
  'double(accepted) / double(total) > 0.5',
  '!(failed > 1)',
  'failed in [0, 2]',
  '-failed <= -1',
  'accepted > failed ? cost_usd < 1.0 : cancelled > 0',
  'cost_usd < 5.0',
  'cost_usd < 5',
  'cost_usd * 2.0 <= 1.5',
  'wall_time_secs < 10.0 && cost_usd <= 0.5',
  'int(wall_time_secs) >= 2',
  'children.all(c, c.verdict == "accept")',
  'children.all(c, c.verdict in ["accept", "reject"])',
  'children.exists(c, c.verdict == "failed")',
  'children.exists_one(c, c.verdict == "accept")',
  'children.filter(c, c.verdict == "accept").size() >= 2',
  'size(children.filter(c, c.verdict == "accept")) >= 2 && cost_usd < 5.0',
  'size(children) == total',
  'children.size() > 3',
  'children.map(c, c.cost_usd).all(x, x < 0.5)',
  'children.map(c, c.verdict == "accept", c.index).exists(i, i == 0)',
  'children.map(c, c.name).exists(n, n == "lint")',
  '"lint" in children.map(c, c.name)',
  'children.filter(c, c.name == "lint").all(c, c.verdict == "accept")',
  'children.exists(c, c.name == "lint" && c.verdict == "accept") && accepted >= 2',
  'children[0].verdict == "accept"',
  'children[1].verdict == "accept" || children[0].exit_code == 0',
  'children[9].verdict == "accept"',
  'accepted > 0 || children[9].verdict == "accept"',
  'children[9].verdict == "accept" || total > 0',
  'children[9].verdict == "accept" && total < 0',
  'children[total - 1].index == total - 1',
  'accepted / (failed - failed) > 1',
  'failed / failed == 1',
  'failed == 0 || accepted / failed >= 1',
  'children.exists(c, 1 / c.index > 0)',
  'children.all(c, 1 / c.index > 0)',
  'children.all(c, c.exit_code == 0)',
  'children.exists(c, c.exit_code == -1)',
  'children.all(c, c.exit_code in [0, 1, 2])',
  'children.all(c, c.attempt <= 1)',
  'children.exists(c, c.attempt > 1 && c.verdict == "accept")',
  'children.all(c, c.cost_usd * double(c.attempt) < 2.0)',
  'children.all(c, c.wall_time_secs < 60.0)',
  'children.filter(c, c.wall_time_secs > 2.0).size() * 2 < total',
  'children.exists(c, c.summary.contains("passed"))',
  'children.exists(c, c.summary.startsWith("3 "))',
  'children.exists(c, c.summary.endsWith("passed"))',
  'children.all(c, c.summary == "" || c.summary.size() > 5)',
  'children.exists(c, size(c.summary) == 8)',
  'children.all(c, c.worker != "")',
  'children.exists(c, c.worker == "worker-b")',
  'children.filter(c, c.verdict == "accept").map(c, c.worker).exists(w, w == "worker-b")',
  'children.all(a, children.exists(b, b.index == a.index))',
  'children.exists(a, children.exists(b, a.index < b.index && a.worker == b.worker))',
  'children.all(c, c.thread.startsWith("th_"))',
  'children.all(c, c.goal == "goal " + string(c.index))',
  'children.exists(c, has(c.name) && c.name != "")',
  'parent.alias == "FIRST-001"',
  'parent["alias"].startsWith("FIRST") && parent.goal != ""',
  'parent.record.size() == 64',
  'now > timestamp("2026-01-01T00:00:00Z")',
  'now - timestamp("2026-01-01T00:00:00Z") < duration("48h")',
  'now.getHours() >= 3 && now.getFullYear() == 2026',
  'now + duration("1h") > now',
  '{"a": accepted, "b": failed}["a"] > 1',
  '[accepted, failed, timed_out].exists(n, n > 2)',
  '[accepted, failed] == [total, 0]',
  '"a" < "b" && accepted >= 0',
  'string(accepted) == "2"',
  '// a comment\n accepted >= 1',
];

const childFacts = (index: number): fc.Arbitrary<ChildFacts> =>
  fc
    .record({
      name: fc.constantFrom(null, 'lint', 'test'),
      verdict: fc.constantFrom(...VERDICTS),
      costUsd: fc.constantFrom(0, 0.25, 0.5, 4.75),
      wallTimeSecs: fc.constantFrom(0.125, 1, 2.5, 90),
      exitCode: fc.constantFrom(null, 0, 1, 2, 137),
      summary: fc.constantFrom(null, '3 passed', '2 passed, 1 failed', 'bad', 'ä𝄞 done'),
      worker: fc.constantFrom(null, 'worker-a', 'worker-b'),
      attempt: fc.integer({ min: 1, max: 3 }),
    })
    .map(changed => child(index, changed));

const someFacts = fc
  .integer({ min: 1, max: 5 })
  .chain(n => fc.tuple(...Array.from({ length: n }, (_, i) => childFacts(i))))
  .map(children => factsOf(children));

describe('celCompiler', () => {
  describe('agrees with another implementation of CEL on', () => {
    for (const source of EXPRESSIONS) {
      it(source, () => {
        fc.assert(
          fc.property(someFacts, facts => assert.equal(ours(source, facts), theirs(source, facts))),
          { numRuns: runs(25) },
        );
      });
    }
  });

  it('computes money in decimals', () => {
    const costs = [0.1, 0.2, 0.3, 1000000.1];
    const paid = factsOf(costs.map((costUsd, index) => child(index, { costUsd })));
    const is = (source: string): boolean => {
      const program = celCompiler.compile(source, costs.length);
      const first = program.evaluate(paid);
      assert.equal(program.evaluate(paid), first, 'each time that it is asked');
      return first;
    };
    for (const source of [
      'children[0].cost_usd + children[1].cost_usd == 0.30',
      'children[0].cost_usd * 3.0 == 0.3',
      'children[2].cost_usd - children[0].cost_usd - children[1].cost_usd == 0.0',
      'children[3].cost_usd - 1000000.0 == 0.1',
      'children[2].cost_usd / 3.0 == 0.1',
      'children.exists(c, c.cost_usd + 0.2 == 0.3)',
      'children.map(c, c.cost_usd + c.cost_usd)[2] == 0.6',
      '(accepted > 0 ? children[0].cost_usd + 0.2 : 0.0) <= 0.3',
    ])
      assert.ok(is(source), source);
    assert.ok(!is('children[0].cost_usd + children[1].cost_usd > 0.30'));
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2_000_000 }), { minLength: 2, maxLength: 6 }), cents => {
        const facts = factsOf(cents.map((each, index) => child(index, { costUsd: each / 100 })));
        const sum = cents.map((_, i) => `children[${i}].cost_usd`).join(' + ');
        const total = cents.reduce((a, b) => a + b) / 100;
        const program = celCompiler.compile(`${sum} == ${total.toFixed(2)}`, cents.length);
        assert.ok(program.evaluate(facts));
      }),
      { numRuns: runs(200) },
    );
  });

  it('represents unset fields as an empty text, 0 and -1', () => {
    const unset = child(0, { name: null, worker: null, summary: null, exitCode: null, verdict: null });
    const source = '["name", "worker"].size() == 2 && children[0].name == "" && children[0].worker == ""';
    const rest = ' && children[0].summary == "" && children[0].verdict == "" && children[0].exit_code == -1';
    assert.equal(ours(source + rest, factsOf([unset])), true);
  });

  it('explains where and why an expression has no value', () => {
    const program = celCompiler.compile('total > 0 && children[5].index == 5', 1);
    assert.throws(() => program.evaluate(factsOf([child(0)])), {
      message: /^join: .*index out of bounds, index 5 >= size 1 at position 13$/,
      details: { position: 13, length: 11 },
    });
  });

  const refusals: readonly [source: string, message: string, position: number, length: number][] = [
    ['1 + 1', 'the result is int and must be bool', 0, 5],
    ['"yes"', 'the result is string and must be bool', 0, 5],
    ['children.filter(c, c.verdict == "accept")', 'the result is list<Child> and must be bool', 0, 41],
    ['children', 'the result is list<Child> and must be bool', 0, 8],
    ['dyn(true)', 'the result is dyn and must be bool', 0, 9],
    ['cost_usd', 'the result is double and must be bool', 0, 8],
    ['acepted > 1', "unknown name 'acepted' (did you mean 'accepted'?)", 0, 7],
    ['ALL', "unknown name 'ALL' (did you mean 'all'?)", 0, 3],
    ['total > 0 && colour', "unknown name 'colour'", 13, 6],
    ['children.all(c, c.nam == "x")', "no such field 'nam' (did you mean 'name'?)", 18, 3],
    ['has(parent.nope)', "no such field 'nope'", 4, 11],
    ['accepted >= ', 'it ends too early', 12, 0],
    ['(accepted > 1', 'expected RPAREN, but it ends', 13, 0],
    ['accepted = 1', 'unexpected character: =', 9, 1],
    ['"abc', 'unterminated string', 0, 4],
    ['cost_usd == 5', 'no such overload: double == int', 0, 13],
    ['accepted > "1"', 'no such overload: int > string', 0, 14],
    ['children.all(c, c.index)', "all(var, predicate) predicate must return bool, got 'int'", 18, 5],
    ['foo(1)', "found no matching overload for 'foo(int)'", 0, 6],
    ['parent.goal.matches("(a+)+$")', 'matches() is not available', 0, 29],
    ['b"{}".json().size() == 0', 'json() is not available', 0, 12],
  ];
  for (const [source, what, position, length] of refusals) {
    it(`refuses ${source}`, () => {
      const { message, details } = refusal(source);
      assert.equal(message, `join: ${what} at position ${position}`);
      assert.deepEqual(details, { position, length });
    });
  }

  it('gives a hint for mixed whole numbers and fractions', () => {
    assert.match(refusal('cost_usd == 5').hint ?? '', /write 5\.0/);
  });
});

describe('the work of an expression', () => {
  const binds = (n: number, first: string, last: string): string =>
    `cel.bind(a, ${first}, `.concat('cel.bind(a, a + a, '.repeat(n), 'a', ')'.repeat(n + 1), last);

  const costly: readonly [what: string, source: string, total: number][] = [
    ['two loops over 10,000', 'children.all(a, children.all(b, a.index == b.index))', 10_000],
    [
      'three loops over 1,000',
      'children.all(a, children.all(b, children.all(c, a.index == c.index)))',
      1_000,
    ],
    [
      'a loop hidden in a variable',
      'cel.bind(x, children, children.all(a, x.exists(b, a.index == b.index)))',
      10_000,
    ],
    [
      'loops over lists that loops made',
      'children.map(a, children).map(b, b.filter(c, c.index > 0)).size() > 0',
      10_000,
    ],
    [
      'comparing lists of lists',
      'children.map(a, children.map(b, b.index)) == children.map(a, children.map(b, b.index))',
      2_500,
    ],
    ['looking a list up for each', 'children.all(c, c.index in children.map(d, d.index))', 10_000],
    ['a list doubled 30 times', binds(30, '[1]', '.size() > 0'), 1],
    ['a text doubled 30 times', binds(30, '"xxxx"', '.size() > 0'), 1],
    ['joining many long texts', 'children.map(c, children.map(d, d.goal).join(c.goal)).size() > 0', 10_000],
    ['a time zone for each of many', 'children.all(c, now.getHours("Asia/Tokyo") < c.index)', 100_000],
  ];
  for (const [what, source, total] of costly) {
    it(`is refused for ${what}`, () => {
      assert.match(
        refusal(source, total).message,
        /it could take too long with this many subtasks at position \d+$/,
      );
    });
  }

  it('is limited by the number of children', () => {
    const source = 'children.all(a, children.exists(b, a.index == b.index))';
    assert.doesNotThrow(() => celCompiler.compile(source, 300));
    assert.throws(() => celCompiler.compile(source, 5_000));
  });

  const plain = [
    'children.all(c, c.verdict == "accept" && c.cost_usd < 1.0 && c.attempt <= 2)',
    'children.filter(c, c.verdict == "accept").size() >= 99000 && cost_usd < 5.0',
    'children.exists(c, c.goal.contains("lint") && c.verdict == "accept")',
    'children.all(c, c.name == "" || c.name.startsWith("part-"))',
    'children.map(c, c.wall_time_secs).exists(w, w > 60.0)',
  ];
  for (const source of plain) {
    it(`is admitted at 100,000 children for ${source}`, () => {
      assert.doesNotThrow(() => celCompiler.compile(source, 100_000));
    });
  }

  it('ends soon even in the largest fan-out for which it is admitted', () => {
    const source = 'children.all(a, children.all(b, a.index <= b.index || a.index >= b.index))';
    const admitted = (total: number): boolean => {
      try {
        return Boolean(celCompiler.compile(source, total));
      } catch {
        return false;
      }
    };
    let total = 100;
    while (admitted(total + 10)) total += 10;
    assert.ok(total >= 300 && total < 3_000, `admitted up to ${total}`);
    const facts = factsOf(Array.from({ length: total }, (_, i) => child(i)));
    const before = process.cpuUsage();
    assert.equal(ours(source, facts), true);
    // It takes about 0.05 s; the margin is for machines that are slow and busy.
    assert.ok(process.cpuUsage(before).user < 1_000_000);
  });

  const oversized: readonly [what: string, source: string, message: RegExp][] = [
    [
      'parentheses',
      '('.repeat(4_000) + 'true' + ')'.repeat(4_000),
      /nested more than 100 deep at position 100$/,
    ],
    ['negations', '!'.repeat(2_000) + 'true', /nested more than 500 deep at position \d+$/],
    ['more negations', '!'.repeat(8_000) + 'true', /more than 4000 parts at position \d+$/],
    ['alternatives', 'true' + ' || true'.repeat(900), /nested more than 500 deep at position \d+$/],
    ['conditions', 'true' + ' ? true : true'.repeat(500), /nested more than 100 deep at position \d+$/],
    [
      'loops',
      'children.all(c, '.repeat(400) + 'true' + ')'.repeat(400),
      /nested more than 100 deep at position \d+$/,
    ],
    ['elements', `[1${', 1'.repeat(2_000)}].size() > 0`, /lists more than 1000 items at position \d+$/],
  ];
  for (const [what, source, message] of oversized) {
    it(`is refused before evaluation for too many ${what}`, () =>
      assert.match(refusal(source).message, message));
  }

  it('may be a chain of 250 alternatives', () => {
    const source = 'children[0].index == 1' + ' || children[0].index == 0'.repeat(250);
    assert.equal(ours(source, factsOf([child(0)])), true);
  });

  it('never exceeds the limit: random expressions end, or are refused', () => {
    const leaf = fc.constantFrom('c.index', 'accepted', 'size(children)', 'c.name.size()');
    const { expression } = fc.letrec<{ expression: string }>(tie => ({
      expression: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a} + ${b})`),
        tie('expression').map(e => `children.filter(c, ${e} > 1).size()`),
        tie('expression').map(e => `children.map(c, ${e}).map(x, x + 1).size()`),
        tie('expression').map(e => `cel.bind(y, ${e}, y * 2)`),
      ),
    }));
    const facts = factsOf(Array.from({ length: 40 }, (_, i) => child(i)));
    fc.assert(
      fc.property(expression, text => {
        const source = `children.all(c, ${text} >= 0)`;
        let program;
        try {
          program = celCompiler.compile(source, 40);
        } catch (error) {
          assert.match(String(error), /could take too long/);
          return;
        }
        const before = process.cpuUsage();
        assert.equal(typeof program.evaluate(facts), 'boolean');
        assert.ok(process.cpuUsage(before).user < 5_000_000, source);
      }),
      { numRuns: runs(100) },
    );
  });
});
