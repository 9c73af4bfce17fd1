import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import type { Counts, Verdict } from '../../contract/documents.ts';
import { VERDICTS } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { celCompiler } from '../join/cel.ts';
import {
  decideEarly,
  evaluateFinal,
  explain,
  needsCel,
  parsePredicate,
  recordedPredicate,
  type Decision,
  type JoinFacts,
  type Predicate,
} from './predicate.ts';

const COUNTER: Record<Verdict, keyof Counts> = {
  accept: 'accepted',
  reject: 'rejected',
  failed: 'failed',
  timeout: 'timed_out',
  cancelled: 'cancelled',
};

const countsOf = (changed: Partial<Counts>): Counts => ({
  accepted: 0,
  rejected: 0,
  failed: 0,
  timed_out: 0,
  cancelled: 0,
  running: 0,
  pending: 0,
  ...changed,
});

/** Returns the counts after these verdicts; the rest of `total` is pending. */
function countsAfter(verdicts: readonly Verdict[], total: number): Counts {
  const counts = countsOf({ pending: total - verdicts.length });
  for (const verdict of verdicts) (counts[COUNTER[verdict]] as number)++;
  return counts;
}

function factsAfter(verdicts: readonly Verdict[]): JoinFacts {
  return {
    counts: countsAfter(verdicts, verdicts.length),
    costUsd: 0,
    wallTimeSecs: 0,
    children: verdicts.map((verdict, index) => ({
      index,
      name: null,
      goal: 'x',
      thread: 'th_x',
      worker: null,
      verdict,
      costUsd: 0,
      wallTimeSecs: 0,
      exitCode: null,
      summary: null,
      attempt: 1,
    })),
    parent: { thread: 'th_p', alias: 'A', goal: 'x', record: 'r' },
    nowMs: 0,
  };
}

/** Evaluates the predicate by an independent definition. */
function holds(predicate: Predicate, verdicts: readonly Verdict[]): boolean {
  const accepted = verdicts.filter(verdict => verdict === 'accept').length;
  switch (predicate.kind) {
    case 'all':
      return verdicts.every(verdict => verdict === 'accept');
    case 'any':
      return verdicts.includes('accept');
    case 'k_of_n':
      return accepted >= predicate.k;
    case 'cel':
      return predicate.program.evaluate(factsAfter(verdicts));
  }
}

/** Returns all possible ends of the open children. All verdicts but `accept` count alike. */
function* completions(verdicts: readonly Verdict[], total: number): Generator<readonly Verdict[]> {
  if (verdicts.length === total) yield verdicts;
  else for (const next of ['accept', 'failed'] as const) yield* completions([...verdicts, next], total);
}

/** Returns the decision that all completions share. */
function certain(predicate: Predicate, verdicts: readonly Verdict[], total: number): Decision | undefined {
  const answers = new Set([...completions(verdicts, total)].map(all => holds(predicate, all)));
  if (answers.size > 1) return undefined;
  return answers.has(true) ? 'satisfied' : 'unsatisfiable';
}

function refusal(text: string, total: number): FleetError {
  try {
    parsePredicate(text, total, celCompiler);
  } catch (error) {
    assert.ok(FleetError.is(error, 'INVALID_RECORD'), String(error));
    return error;
  }
  assert.fail(`not refused: ${text}`);
}

const run = fc.integer({ min: 1, max: 6 }).chain(total =>
  fc.record({
    total: fc.constant(total),
    verdicts: fc.array(fc.constantFrom(...VERDICTS), { minLength: total, maxLength: total }),
    predicate: fc.oneof(
      fc.constantFrom<Predicate>({ kind: 'all' }, { kind: 'any' }),
      fc.integer({ min: 1, max: total }).map((k): Predicate => ({ kind: 'k_of_n', k })),
    ),
  }),
);

describe('parsePredicate', () => {
  it('parses the native predicates, ignoring surrounding spaces', () => {
    assert.deepEqual(parsePredicate('all', 3), { kind: 'all' });
    assert.deepEqual(parsePredicate(' any\n', 3), { kind: 'any' });
    assert.deepEqual(parsePredicate('k_of_n:1', 3), { kind: 'k_of_n', k: 1 });
    assert.deepEqual(parsePredicate(' k_of_n:3 ', 3), { kind: 'k_of_n', k: 3 });
  });

  it('parses everything else as CEL, and keeps its text', () => {
    const predicate = parsePredicate(' accepted > 1 ', 3, celCompiler);
    assert.equal(predicate.kind, 'cel');
    assert.equal(predicate.kind === 'cel' && predicate.source, ' accepted > 1 ');
  });

  it('knows in advance whether it needs a compiler', () => {
    for (const text of ['all', ' any ', 'k_of_n:2', 'k_of_n:nonsense', 'k_of_n', '']) {
      assert.equal(needsCel(text), false, text);
    }
    for (const text of ['true', 'accepted > 1', 'ALL', 'k_of_nothing', 'all_of_them']) {
      assert.equal(needsCel(text), true, text);
      assert.throws(() => parsePredicate(text, 3), { code: 'INTERNAL' });
    }
  });

  const refusals: readonly [text: string, message: string, position: number, length: number][] = [
    ['', 'it is empty', 0, 0],
    [' \n', 'it is empty', 0, 2],
    ['k_of_n', 'K is missing: it must be a whole number from 1 to 3', 6, 0],
    ['k_of_n:', 'K is missing: it must be a whole number from 1 to 3', 7, 0],
    ['k_of_n:0', 'K = 0: it must be a whole number from 1 to 3', 7, 1],
    ['k_of_n:4', 'K = 4: it must be a whole number from 1 to 3', 7, 1],
    ['  k_of_n:4', 'K = 4: it must be a whole number from 1 to 3', 9, 1],
    ['k_of_n:1.5', 'K = 1.5: it must be a whole number from 1 to 3', 7, 3],
    ['k_of_n:-1', 'K = -1: it must be a whole number from 1 to 3', 7, 2],
    ['k_of_n:two', 'K = two: it must be a whole number from 1 to 3', 7, 3],
    ['k_of_n: 2', 'K =  2: it must be a whole number from 1 to 3', 7, 2],
    ['true'.padEnd(8200), 'it is longer than 8192 characters', 8192, 8],
    ['1 + 1', 'the result is int and must be bool', 0, 5],
  ];
  for (const [text, what, position, length] of refusals) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
      const { message, details } = refusal(text, 3);
      assert.equal(message, `join: ${what} at position ${position}`);
      assert.deepEqual(details, { position, length });
    });
  }
});

describe('recordedPredicate', () => {
  it('parses valid predicates', () => {
    assert.deepEqual(recordedPredicate('k_of_n:2', 3, celCompiler), { kind: 'k_of_n', k: 2 });
  });

  it('never refuses: an invalid predicate is unsatisfiable at the end, with its error as the reason', () => {
    for (const text of ['', 'k_of_n:9', 'gone(total)', 'x'.repeat(9000)]) {
      const predicate = recordedPredicate(text, 2, celCompiler);
      assert.equal(decideEarly(predicate, countsAfter(['accept', 'accept'], 2), 2), undefined);
      const { outcome, reason } = evaluateFinal(predicate, factsAfter(['accept', 'accept']));
      assert.equal(outcome, 'unsatisfiable');
      assert.match(reason, /^join: .* at position \d+ \(2 of 2 accepted\)$/);
    }
  });
});

describe('decideEarly', () => {
  it('decides as early as the outcome is certain, and never changes the decision', () => {
    fc.assert(
      fc.property(run, ({ total, verdicts, predicate }) => {
        let before: Decision | undefined;
        for (let known = 0; known <= total; known++) {
          const seen = verdicts.slice(0, known);
          const decision = decideEarly(predicate, countsAfter(seen, total), total);
          assert.equal(decision, certain(predicate, seen, total), `after ${seen.join(', ')}`);
          if (before !== undefined) assert.equal(decision, before);
          before = decision;
        }
        assert.equal(before, holds(predicate, verdicts) ? 'satisfied' : 'unsatisfiable');
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('does not depend on whether open children run or wait', () => {
    const running = countsOf({ accepted: 1, running: 2 });
    const pending = countsOf({ accepted: 1, pending: 2 });
    for (const text of ['all', 'any', 'k_of_n:2']) {
      const predicate = parsePredicate(text, 3);
      assert.equal(decideEarly(predicate, running, 3), decideEarly(predicate, pending, 3));
    }
  });

  it('does not decide expressions', () => {
    const predicate = parsePredicate('true', 2, celCompiler);
    assert.equal(decideEarly(predicate, countsOf({ accepted: 2 }), 2), undefined);
  });
});

describe('explain', () => {
  const cases: readonly [predicate: string, total: number, counts: Partial<Counts>, words: string][] = [
    ['all', 3, { accepted: 2, running: 1 }, '2 of 3 accepted, needs 1 more of 1 running'],
    ['k_of_n:3', 4, { accepted: 2, running: 2 }, '2 of 4 accepted, needs 1 more of 2 running'],
    ['all', 3, { running: 1, pending: 2 }, '0 of 3 accepted, needs 3 more of 1 running, 2 pending'],
    ['all', 3, { accepted: 3 }, '3 of 3 accepted'],
    ['any', 3, { accepted: 1, running: 2 }, '1 of 3 accepted, needed 1'],
    ['k_of_n:2', 3, { failed: 2, running: 1 }, 'needs 2 of 3; 2 failed, so at most 1 can accept'],
    ['all', 3, { failed: 1, accepted: 2 }, 'needs 3 of 3; 1 failed, so at most 2 can accept'],
    ['any', 2, { timed_out: 1, cancelled: 1 }, 'needs 1 of 2; 1 timed out, 1 cancelled, so none can accept'],
    ['all', 4, { rejected: 1, running: 3 }, 'needs 4 of 4; 1 rejected, so at most 3 can accept'],
    [
      'total > 0',
      4,
      { accepted: 1, failed: 1, running: 2 },
      '2 of 4 final, decided when all are: 2 running left',
    ],
    ['total > 0', 2, { accepted: 1, failed: 1 }, '1 of 2 accepted, 1 failed'],
  ];
  for (const [text, total, counts, words] of cases) {
    it(words, () => {
      assert.equal(explain(parsePredicate(text, total, celCompiler), countsOf(counts), total), words);
    });
  }
});

describe('evaluateFinal', () => {
  const final = (text: string, verdicts: readonly Verdict[]) =>
    evaluateFinal(parsePredicate(text, verdicts.length, celCompiler), factsAfter(verdicts));

  it('decides an expression, with the census as the reason', () => {
    assert.deepEqual(final('accepted >= 1 && failed <= 1', ['accept', 'failed']), {
      outcome: 'satisfied',
      reason: 'the predicate is true: 1 of 2 accepted, 1 failed',
    });
    assert.deepEqual(final('children.all(c, c.verdict == "accept")', ['accept', 'timeout']), {
      outcome: 'unsatisfiable',
      reason: 'the predicate is false: 1 of 2 accepted, 1 timed out',
    });
  });

  it('decides unsatisfiable for an error, with the error as the reason', () => {
    assert.deepEqual(final('total / (accepted - 2) > 0', ['accept', 'accept']), {
      outcome: 'unsatisfiable',
      reason: 'join: division by zero at position 0 (2 of 2 accepted)',
    });
  });

  it('agrees with decideEarly for native predicates', () => {
    fc.assert(
      fc.property(run, ({ total, verdicts, predicate }) => {
        const { outcome, reason } = evaluateFinal(predicate, factsAfter(verdicts));
        assert.equal(outcome, decideEarly(predicate, countsAfter(verdicts, total), total));
        assert.equal(reason, explain(predicate, countsAfter(verdicts, total), total));
      }),
      { numRuns: runs(100) },
    );
  });
});
