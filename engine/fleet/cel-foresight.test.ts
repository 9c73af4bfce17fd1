import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { VERDICTS } from '../contract/documents.ts';
import { FleetError } from '../errors.ts';
import { celCompiler } from './cel.ts';
import type { ChildFacts, JoinFacts } from './predicate.ts';

const NAMES = ['lint', 'types', ''] as const;

/** Expressions of which many are decided beforehand, and many are not. */
const number = fc.oneof(
  fc.constantFrom('total', 'accepted', 'failed', 'running', 'pending', 'children.size()', 'size(children)'),
  fc.constantFrom(
    'children.filter(c, c.verdict == "failed").size()',
    'children.filter(c, c.index > 5).size()',
  ),
  fc.integer({ min: -1, max: 4 }).map(String),
);
const sum = fc.oneof(
  number,
  fc.tuple(number, fc.constantFrom('+', '-'), number).map(parts => `(${parts.join(' ')})`),
);
const comparison = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
const word = fc.constantFrom('"accept"', '"acept"', '"lint"', '"nobody"', '""');
const test = fc.oneof(
  fc.tuple(sum, comparison, sum).map(parts => parts.join(' ')),
  fc
    .tuple(fc.constantFrom('cost_usd', 'wall_time_secs'), comparison, fc.constantFrom('0.0', '-1.0', '3.5'))
    .map(parts => parts.join(' ')),
);
const ofChild = fc.oneof(
  fc
    .tuple(fc.constantFrom('c.verdict', 'c.name'), fc.constantFrom('==', '!='), word)
    .map(parts => parts.join(' ')),
  fc
    .tuple(fc.constantFrom('c.index', 'c.attempt', 'c.exit_code'), comparison, sum)
    .map(parts => parts.join(' ')),
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

const child = (index: number, verdict: (typeof VERDICTS)[number], cost: number): ChildFacts => ({
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
const facts = fc
  .array(fc.tuple(fc.constantFrom(...VERDICTS), fc.constantFrom(0, 1, 4)), { minLength: 3, maxLength: 3 })
  .map((outcomes): JoinFacts => {
    const count = (verdict: string): number => outcomes.filter(([each]) => each === verdict).length;
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
      costUsd: outcomes.reduce((total, [, cost]) => total + cost, 0),
      wallTimeSecs: Math.max(...outcomes.map(([, cost]) => cost)),
      children: outcomes.map(([verdict, cost], index) => child(index, verdict, cost)),
      parent: { thread: 'th_p', alias: 'A', goal: 'g', record: 'ab' },
      nowMs: 0,
    };
  });

const ALWAYS = 'it always holds, whatever becomes of the subtasks';
const NEVER = 'it can never hold, whatever becomes of the subtasks';
const foreseen = (source: string): readonly string[] =>
  celCompiler.foresee(source, NAMES).map(({ message }) => message);

describe('what is foreseen of a predicate', () => {
  it('is so whatever becomes of the subtasks', () => {
    const seen = { always: 0, never: 0 };
    const numRuns = runs(500);
    fc.assert(
      fc.property(expression, fc.array(facts, { minLength: 4, maxLength: 8 }), (source, samples) => {
        const told = foreseen(source);
        if (!told.includes(ALWAYS) && !told.includes(NEVER)) return;
        seen[told.includes(ALWAYS) ? 'always' : 'never'] += 1;
        const program = celCompiler.compile(source, NAMES.length);
        for (const sample of samples) assert.equal(program.evaluate(sample), told.includes(ALWAYS), source);
      }),
      { numRuns },
    );
    assert.ok(seen.always > numRuns / 20 && seen.never > numRuns / 20, JSON.stringify(seen));
  });

  for (const [source, wanted] of [
    ['accepted >= 0', [ALWAYS]],
    ['accepted > total', [NEVER]],
    ['accepted == total', []],
    ['running > 0', [NEVER]],
    ['children.size() == 3', [ALWAYS]],
    ['cost_usd < 0.0', [NEVER]],
    ['cost_usd < 5.0', []],
    ['failed == 0 || failed > 0', []],
    ['children.exists(c, c.index > 2)', [NEVER]],
    ['children.all(c, c.verdict != "accept")', []],
  ] as const) {
    it(`is ${wanted.length === 0 ? 'nothing' : wanted[0] === ALWAYS ? 'that it holds' : 'that it fails'} of ${source}`, () => {
      assert.deepEqual(foreseen(source), wanted);
    });
  }

  it('is a word that can never be there, with what was probably meant', () => {
    const source = 'children.all(c, c.verdict == "acept") || children.exists(c, c.name in ["lnit"])';
    assert.deepEqual(
      celCompiler
        .foresee(source, NAMES)
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

  it('is asked of sound expressions only', () => {
    assert.throws(
      () => celCompiler.foresee('acepted > 1', NAMES),
      (error: unknown) => FleetError.is(error, 'INVALID_RECORD'),
    );
  });
});
