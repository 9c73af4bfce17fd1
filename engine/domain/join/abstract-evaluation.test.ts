import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { VERDICTS } from '../../contract/documents.ts';
import { sumUsd } from '../../contract/money.ts';
import { FleetError } from '../../errors.ts';
import { celCompiler } from './cel.ts';
import type { CelProgram, ChildFacts, JoinFacts, OpenFacts } from '../model/predicate.ts';

const NAMES = ['lint', 'types', ''] as const;

/** Expressions, many of which can be decided beforehand, and many not. */
const number = fc.oneof(
  fc.constantFrom('total', 'running', 'pending', 'children.size()', 'size(children)'),
  fc.constantFrom('accepted', 'rejected', 'failed', 'timed_out', 'cancelled'),
  fc.constantFrom(
    'children.filter(c, c.verdict == "failed").size()',
    'children.filter(c, c.index > 5).size()',
    'children.filter(c, c.exit_code / c.index >= 0).size()',
  ),
  fc.integer({ min: -1, max: 4 }).map(String),
);
const sum = fc.oneof(
  number,
  fc.tuple(number, fc.constantFrom('+', '-', '*', '/'), number).map(parts => `(${parts.join(' ')})`),
);
const comparison = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
const word = fc.constantFrom('"accept"', '"acept"', '"lint"', '"nobody"', '""');
const test = fc.oneof(
  fc.tuple(sum, comparison, sum).map(parts => parts.join(' ')),
  fc
    .tuple(fc.constantFrom('cost_usd', 'wall_time_secs'), comparison, fc.constantFrom('0.0', '-1.0', '3.5'))
    .map(parts => parts.join(' ')),
  fc
    .tuple(
      fc.constantFrom('cost_usd + 0.2', 'cost_usd - 0.1', '3.0 * cost_usd'),
      comparison,
      fc.constantFrom('0.3', '0.2', '0.6'),
    )
    .map(parts => parts.join(' ')),
  fc
    .tuple(
      fc.constantFrom('0', '1', '2', '3', '-1'),
      fc.constantFrom('verdict', 'name'),
      fc.constantFrom('==', '!='),
      word,
    )
    .map(([at, field, sign, text]) => `children[${at}].${field} ${sign} ${text}`),
);
const ofChild = fc.oneof(
  fc
    .tuple(fc.constantFrom('c.verdict', 'c.name'), fc.constantFrom('==', '!='), word)
    .map(parts => parts.join(' ')),
  fc
    .tuple(fc.constantFrom('c.index', 'c.attempt', 'c.exit_code'), comparison, sum)
    .map(parts => parts.join(' ')),
  fc
    .tuple(
      fc.constantFrom('c.verdict', 'c.name'),
      fc.constantFrom('startsWith', 'endsWith', 'contains'),
      word,
    )
    .map(([owner, method, text]) => `${owner}.${method}(${text})`),
  fc.array(word, { minLength: 1, maxLength: 3 }).map(words => `c.verdict in [${words.join(', ')}]`),
);
const overChildren = fc
  .tuple(fc.constantFrom('all', 'exists', 'exists_one'), ofChild)
  .map(([macro, each]) => `children.${macro}(c, ${each})`);
const expression = fc.letrec(tie => ({
  any: fc.oneof(
    { maxDepth: 3 },
    test,
    overChildren,
    fc.tuple(tie('any'), fc.constantFrom('&&', '||'), tie('any')).map(parts => `(${parts.join(' ')})`),
    tie('any').map(each => `!(${String(each)})`),
    fc
      .tuple(test, tie('any'), tie('any'))
      .map(([condition, yes, no]) => `(${condition} ? ${String(yes)} : ${String(no)})`),
  ),
})).any;

const COSTS = [0, 0.1, 4] as const;

interface End {
  readonly verdict: (typeof VERDICTS)[number];
  readonly cost: number;
}

const child = (index: number, { verdict, cost }: End): ChildFacts => ({
  index,
  name: NAMES[index] === '' ? null : NAMES[index]!,
  goal: 'g',
  thread: `th_${index}`,
  worker: null,
  verdict,
  costUsd: cost,
  wallTimeSecs: cost,
  exitCode: verdict === 'accept' ? 0 : null,
  summary: null,
  attempt: 1,
});
const end: fc.Arbitrary<End> = fc.record({
  verdict: fc.constantFrom(...VERDICTS),
  cost: fc.constantFrom(...COSTS),
});
const facts = fc.array(end, { minLength: 3, maxLength: 3 }).map(ended);

/** Returns the facts that decide a join once all children have these ends. */
function ended(ends: readonly End[]): JoinFacts {
  return {
    counts: countsOf(ends),
    costUsd: sumUsd(ends.map(({ cost }) => cost)),
    wallTimeSecs: Math.max(...ends.map(({ cost }) => cost)),
    children: ends.map((each, index) => child(index, each)),
    parent: { thread: 'th_p', alias: 'A', goal: 'g', record: 'ab' },
    nowMs: 0,
  };
}

function countsOf(ends: readonly (End | null)[]): JoinFacts['counts'] {
  const count = (verdict: string): number => ends.filter(each => each?.verdict === verdict).length;
  return {
    accepted: count('accept'),
    rejected: count('reject'),
    failed: count('failed'),
    timed_out: count('timeout'),
    cancelled: count('cancelled'),
    running: 0,
    pending: ends.filter(each => each === null).length,
  };
}

/** Returns the known facts while some children have not ended. */
function open(ends: readonly (End | null)[]): OpenFacts {
  return {
    counts: countsOf(ends),
    wallTimeSecs: 0,
    children: ends.map((each, index) => {
      const known = child(index, each ?? { verdict: 'failed', cost: 99 });
      return { ...known, verdict: each === null ? null : known.verdict };
    }),
  };
}

/** Returns all possible ends of the children that have not ended. */
function completions(ends: readonly (End | null)[]): readonly (readonly End[])[] {
  const ways = VERDICTS.flatMap(verdict => COSTS.map(cost => ({ verdict, cost })));
  return ends.reduce<readonly (readonly End[])[]>(
    (before, each) => before.flatMap(rest => (each === null ? ways : [each]).map(way => [...rest, way])),
    [[]],
  );
}

const ALWAYS = 'it always holds, whatever happens to the subtasks';
const NEVER = 'it can never hold, whatever happens to the subtasks';
const constantsIn = (source: string): readonly string[] =>
  celCompiler.findConstants(source, NAMES).map(({ message }) => message);

describe('the abstract evaluation of a predicate', () => {
  it('finds what holds whatever the subtasks do', () => {
    const seen = { always: 0, never: 0 };
    const numRuns = runs(500);
    fc.assert(
      fc.property(expression, fc.array(facts, { minLength: 4, maxLength: 8 }), (source, samples) => {
        const messages = constantsIn(source);
        if (!messages.includes(ALWAYS) && !messages.includes(NEVER)) return;
        seen[messages.includes(ALWAYS) ? 'always' : 'never'] += 1;
        const program = celCompiler.compile(source, NAMES.length);
        for (const sample of samples) assert.equal(holds(program, sample), messages.includes(ALWAYS), source);
      }),
      { numRuns },
    );
    assert.ok(seen.always > numRuns / 50 && seen.never > numRuns / 50, JSON.stringify(seen));
  });

  for (const [source, wanted] of [
    ['accepted >= 0', [ALWAYS]],
    ['accepted > total', [NEVER]],
    ['accepted + failed > total', [NEVER]],
    ['total - accepted - failed >= 0', [ALWAYS]],
    ['accepted + rejected + failed + timed_out + cancelled == total', [ALWAYS]],
    ['2 * accepted + failed <= 2 * total', [ALWAYS]],
    ['accepted >= 2 && failed >= 2', [NEVER]],
    ['accepted < 2 || failed < 2', [ALWAYS]],
    ['accepted == 2 && total - failed == 1', [NEVER]],
    ['accepted >= 1 && failed >= 1 && rejected >= 1 && timed_out >= 1', [NEVER]],
    ['accepted >= 1 && failed >= 1 && rejected >= 1', []],
    ['accepted > failed && failed > rejected && rejected > accepted', [NEVER]],
    ['!(accepted >= 2) && accepted > 1', [NEVER]],
    ['accepted + failed == total', []],
    ['accepted == total', []],
    ['running > 0', [NEVER]],
    ['children.size() == 3', [ALWAYS]],
    ['cost_usd < 0.0', [NEVER]],
    ['cost_usd < 5.0', []],
    ['failed == 0 || failed > 0', []],
    ['children.exists(c, c.index > 2)', [NEVER]],
    ['children.all(c, c.verdict != "accept")', []],
  ] as const) {
    it(`finds ${wanted.length === 0 ? 'nothing' : wanted[0] === ALWAYS ? 'that it holds' : 'that it fails'} for ${source}`, () => {
      assert.deepEqual(constantsIn(source), wanted);
    });
  }

  it('finds a word that is never a value, and suggests the intended one', () => {
    const source = 'children.all(c, c.verdict == "acept") || children.exists(c, c.name in ["lnit"])';
    assert.deepEqual(
      celCompiler
        .findConstants(source, NAMES)
        .map(({ message, position, length, instead }) => [
          message,
          source.slice(position, position + length),
          instead,
        ]),
      [
        [
          "it is never 'acept', but one of: accept, reject, failed, timeout, cancelled",
          '"acept"',
          '"accept"',
        ],
      ],
    );
  });

  it('takes only valid expressions', () => {
    assert.throws(
      () => celCompiler.findConstants('acepted > 1', NAMES),
      (error: unknown) => FleetError.is(error, 'INVALID_RECORD'),
    );
  });
});

/** A predicate without a value does not hold. */
function holds(program: CelProgram, sample: JoinFacts): boolean {
  try {
    return program.evaluate(sample);
  } catch {
    return false;
  }
}

describe('the early decision of a join', () => {
  it('is right for every possible end of the rest', () => {
    const seen = { satisfied: 0, unsatisfiable: 0, open: 0 };
    const numRuns = runs(1_500);
    const ends = fc.array(fc.option(end, { freq: 2 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(expression, ends, (source, some) => {
        const program = celCompiler.compile(source, some.length);
        const { outcome } = program.decideAhead(open(some));
        seen[outcome ?? 'open'] += 1;
        if (outcome === undefined) return;
        for (const each of completions(some))
          assert.equal(
            holds(program, ended(each)),
            outcome === 'satisfied',
            `${source}: ${JSON.stringify(each)}`,
          );
      }),
      { numRuns },
    );
    assert.ok(Math.min(...Object.values(seen)) > numRuns / 20, JSON.stringify(seen));
  });

  it('comes, for counters, as soon as all possible ends agree', () => {
    const term = fc
      .tuple(
        fc.constantFrom('1', '2', '-1'),
        fc.constantFrom('accepted', 'failed', 'cancelled', 'total', '1'),
      )
      .map(parts => parts.join(' * '));
    const side = fc.array(term, { minLength: 1, maxLength: 4 }).map(terms => terms.join(' + '));
    const order = fc.constantFrom('<', '<=', '>', '>=');
    const ends = fc.array(fc.option(end, { freq: 2 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(side, order, side, ends, (left, sign, right, some) => {
        const source = `${left} ${sign} ${right}`;
        const program = celCompiler.compile(source, some.length);
        const ways = new Set(completions(some).map(each => holds(program, ended(each))));
        const wanted = ways.size > 1 ? undefined : ways.has(true) ? 'satisfied' : 'unsatisfiable';
        assert.equal(program.decideAhead(open(some)).outcome, wanted, source);
      }),
      { numRuns: runs(300) },
    );
  });

  it('is sound for counters that share the subtasks, in any combination', () => {
    const number = fc.constantFrom(
      '0',
      '1',
      '2',
      '3',
      'accepted',
      'failed',
      'accepted + failed',
      'total - failed',
    );
    const order = fc.constantFrom('<', '<=', '>', '>=', '==', '!=');
    const one = fc.tuple(number, order, number).map(parts => `(${parts.join(' ')})`);
    const side = fc.tuple(fc.constantFrom('', '!'), one).map(parts => parts.join(''));
    const source = fc
      .tuple(side, fc.constantFrom('&&', '||'), side, fc.constantFrom('&&', '||'), side)
      .map(([a, first, b, second, c]) => `!(${a} ${first} ${b}) ${second} ${c}`);
    const ends = fc.array(fc.option(end, { freq: 2 }), { minLength: 3, maxLength: 3 });
    const seen = { satisfied: 0, unsatisfiable: 0, open: 0 };
    const numRuns = runs(1_000);
    fc.assert(
      fc.property(source, ends, (text, some) => {
        const program = celCompiler.compile(text, some.length);
        const { outcome } = program.decideAhead(open(some));
        seen[outcome ?? 'open'] += 1;
        if (outcome === undefined) return;
        const ways = new Set(completions(some).map(each => holds(program, ended(each))));
        assert.deepEqual([...ways], [outcome === 'satisfied'], text);
      }),
      { numRuns },
    );
    assert.ok(Math.min(...Object.values(seen)) > numRuns / 50, JSON.stringify(seen));
  });

  const good: End = { verdict: 'accept', cost: 1 };
  const bad: End = { verdict: 'failed', cost: 4 };
  for (const [source, ends, wanted] of [
    ['children.all(c, c.verdict == "accept")', [good, bad, null], 'unsatisfiable'],
    ['children.all(c, c.verdict == "accept")', [good, good, null], undefined],
    ['children.exists(c, c.verdict == "accept")', [null, null, good], 'satisfied'],
    ['children.exists(c, c.name == "lint" && c.verdict == "accept")', [null, bad, bad], undefined],
    ['children.exists(c, c.name == "lint" && c.verdict == "accept")', [bad, null, null], 'unsatisfiable'],
    ['accepted >= 2 && cost_usd < 5.0', [bad, good, null], 'unsatisfiable'],
    ['accepted >= 2', [good, good, null], 'satisfied'],
    ['accepted + failed >= 2', [good, bad, null], 'satisfied'],
    ['failed > accepted', [good, good, null], 'unsatisfiable'],
    ['failed >= accepted', [good, bad, null], undefined],
    ['accepted - failed >= 2', [bad, null, null], 'unsatisfiable'],
    ['children[2].verdict == "accept"', [null, null, good], 'satisfied'],
    ['children[1].verdict == "accept"', [good, null, null], undefined],
    ['children[0].exit_code == 0 && children[1].name == "x"', [good, null, null], 'unsatisfiable'],
    ['children[3].verdict == "accept" || accepted > 0', [good, null, null], 'satisfied'],
    ['children.all(c, c.name.startsWith("li") || c.verdict == "accept")', [bad, null, bad], 'unsatisfiable'],
    ['children.all(c, c.name.endsWith("") || c.name.contains("x"))', [null, null, null], 'satisfied'],
    ['accepted >= 2 && failed >= 2', [null, null, null], 'unsatisfiable'],
    ['accepted >= 2 && failed >= 1', [good, null, null], undefined],
    ['accepted >= 2 && failed >= 1', [bad, bad, null], 'unsatisfiable'],
    ['accepted <= 1 || failed <= 1', [bad, good, null], 'satisfied'],
    ['children.filter(c, c.index > 5).all(c, accepted > 2 && failed > 2)', [null, null, null], 'satisfied'],
    ['cost_usd + 0.2 > 0.3', [{ verdict: 'accept', cost: 0.1 }, null, null], undefined],
    ['cost_usd + 0.2 >= 0.3', [{ verdict: 'accept', cost: 0.1 }, null, null], 'satisfied'],
    ['double(accepted) / double(total) >= 0.5', [good, good, null], 'satisfied'],
    ['failed * 2 > total', [bad, bad, null], 'satisfied'],
    ['children.filter(c, c.verdict == "failed").size() <= 1', [bad, bad, null], 'unsatisfiable'],
    ['total / accepted < 3', [bad, null, null], undefined],
    ['now > timestamp("2020-01-01T00:00:00Z")', [good, good, null], undefined],
  ] as const) {
    const text = ends.map(each => each?.verdict ?? 'open').join(', ');
    it(`is ${wanted ?? 'open'} for ${source} with ${text}`, () => {
      assert.equal(celCompiler.compile(source, 3).decideAhead(open(ends)).outcome, wanted);
    });
  }
});
