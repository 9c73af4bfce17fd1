import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { celCompiler } from '../../domain/join/cel.ts';
import type { JoinFacts } from '../../domain/model/predicate.ts';
import { readPlan, type Plan, type PlanKnown } from '../plan.ts';
import { narrowedTo } from '../narrow.ts';
import { completionsAt } from './completion.ts';
import { formatted } from './format.ts';
import { graphOf } from './graph.ts';
import { hoverAt } from './hover.ts';
import { definitionsAt, referencesAt, renamableAt, renamed, symbolsOf } from './navigation.ts';
import { tokensOf } from './semantic-tokens.ts';

const SAMPLES = fileURLToPath(new URL('./samples/', import.meta.url));
const namespace = (id: string, status: 'active' | 'archived' = 'active') => ({
  id,
  status,
  archived_by: status === 'archived' ? id : null,
  frozenBy: null,
  policy: null,
});
const KNOWN: PlanKnown = {
  defaultExecutor: 'echo',
  executors: ['echo', 'shell', 'agent:claude'],
  workers: [
    { did: 'did:sync:instance:000000000000000a', alias: 'worker-a' },
    { did: 'did:sync:instance:000000000000000b', alias: 'worker-b' },
  ],
  namespaces: [namespace('acme'), namespace('acme/web'), namespace('acme/old', 'archived')],
};
const CURSOR = '‸';

const read = (text: string, known: PlanKnown = KNOWN): Plan => readPlan(text, { ...known, cel: celCompiler });

/** Returns a text without its cursor mark, and the offset of the mark. */
function atCursor(written: string): { readonly text: string; readonly offset: number } {
  const offset = written.indexOf(CURSOR);
  assert.notEqual(offset, -1, 'there is no cursor');
  return { text: written.replace(CURSOR, ''), offset };
}

const samples = (folder: string, ending: string): readonly string[] =>
  readdirSync(join(SAMPLES, folder)).filter(file => file.endsWith(ending));
const sample = (folder: string, file: string): string => readFileSync(join(SAMPLES, folder, file), 'utf8');

describe('the completions in a plan', () => {
  it('mark agents that are not installed', () => {
    const { text, offset } = atCursor('goal: g\nsubtasks:\n  - name: a\n    executor: ‸\n');
    const known = { ...KNOWN, missing: { 'agent:claude': 'claude' } };
    assert.deepEqual(
      completionsAt(text, offset, { known, outline: null }).map(({ label, detail }) => [label, detail]),
      [
        ['echo', null],
        ['shell', null],
        [
          'agent:claude',
          "'claude' is not installed, or not on the PATH; to install it: npm install -g @anthropic-ai/claude-code",
        ],
      ],
    );
  });

  for (const file of samples('completion', '.fanout.yaml')) {
    it(`are those of ${file}`, () => {
      const { text, offset } = atCursor(sample('completion', file));
      const wanted = /^# completes:(.*)$/m
        .exec(text)![1]!
        .split(',')
        .map(word => word.trim());
      // As in an editor, the outline is that of the text without the line being typed.
      const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
      const before = text.slice(0, lineStart) + text.slice(text.indexOf('\n', offset) + 1);
      const outline = read(text).outline ?? read(before).outline;
      const offered = completionsAt(text, offset, { known: KNOWN, outline });
      assert.deepEqual(
        offered.map(({ label }) => label),
        wanted.filter(word => word !== ''),
      );
    });
  }

  it('give a valid plan if the rest is valid', () => {
    const written =
      'goal: g\nsubtasks:\n  - name: a\n  - name: b-${{ ‸\n    matrix: { x: [1] }\n    depends: [a]\n';
    const { text, offset } = atCursor(written);
    const [offered] = completionsAt(text, offset, { known: KNOWN, outline: null });
    const { range, insert } = offered!;
    const taken = text.slice(0, range.start) + insert.replace(/\\(.)/g, '$1') + text.slice(range.end);
    assert.deepEqual(
      read(taken).request?.subtasks.map(({ name }) => name),
      ['a', 'b-1'],
    );
  });

  it('never throw, at any place of any text', () => {
    const line = fc.constantFrom(
      'goal: g',
      'subtasks:',
      '  - name: a',
      '    depends: [',
      '  - { name: b, ',
      'join: c.',
      '    matrix:',
      '      x: [1]',
      '\t',
      '  -',
      '- -',
      'run: |',
      '${{ ',
      "'",
      '# x',
    );
    const text = fc.oneof(
      fc.array(line, { maxLength: 8 }).map(lines => lines.join('\n')),
      fc.string({ maxLength: 40 }),
    );
    fc.assert(
      fc.property(text, fc.nat(200), (written, at) => {
        const offset = Math.min(at, written.length);
        const { outline } = read(written);
        for (const { range } of completionsAt(written, offset, { known: KNOWN, outline }))
          assert.ok(range.start <= offset && offset <= range.end && range.end <= written.length);
        hoverAt(written, offset, { outline, cel: celCompiler, lastRun: null });
        if (outline === null) return;
        symbolsOf(outline);
        definitionsAt(outline, offset);
        let end = 0;
        for (const { start, length } of tokensOf(outline, written)) {
          assert.ok(start >= end && length > 0);
          assert.doesNotMatch(written.slice(start, start + length), /[\r\n]/);
          end = start + length;
        }
      }),
      { numRuns: runs(1_000) },
    );
  });
});

describe('the tokens of a plan', () => {
  const tokens = (text: string): readonly string[] => {
    const { outline } = read(text);
    assert.ok(outline);
    return tokensOf(outline, text).map(({ start, length }) => text.slice(start, start + length));
  };

  it('leave out a name and a dependency that are not typed yet', () => {
    assert.deepEqual(tokens('goal: g\nsubtasks:\n  - name:\n    run: a\n    depends:'), []);
    assert.deepEqual(tokens('goal: g\nsubtasks:\n  - name: ""\n    depends: ["", b]'), ['b']);
  });

  it('end before the carriage return of their line', () => {
    assert.deepEqual(tokens('subtasks:\r\n  - name: a\r\n    depends: b c\r\njoin: all\r\n'), [
      'a',
      'b c',
      'all',
    ]);
  });
});

describe('the formatting of a plan', () => {
  for (const file of samples('format', '.fanout.yaml')) {
    it(`gives ${file.replace('.fanout.', '.formatted.')}`, () => {
      const wanted = sample('format', file.replace('.fanout.', '.formatted.'));
      assert.equal(formatted(sample('format', file), read), wanted);
      assert.equal(formatted(wanted, read), wanted);
    });
  }

  it('keeps the request and each comment, and is idempotent', () => {
    const line = fc.constantFrom('goal:  "g"', 'join:   any', '# top', 'losers: keep   # why');
    const item = fc.constantFrom(
      '- name: NAME\n  run:   echo',
      '- {name: NAME, goal: 0x1F}',
      '- name: NAME\n  # in it\n  run: |\n     a\n\n     b',
      "- name: 'NAME'\n  depends: []",
      '- goal: >-\n    long\n    text',
    );
    const plan = fc
      .tuple(
        fc.uniqueArray(line, { maxLength: 4 }),
        fc.array(item, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 4 }),
      )
      .map(([lines, items, indent]) => {
        const list = items.map((each, i) => each.replace('NAME', `n${i}`).replace(/^/gm, ' '.repeat(indent)));
        const top = lines.some(each => each.startsWith('goal')) ? lines : ['goal: g', ...lines];
        return `${top.join('\n\n\n')}\nsubtasks:\n${list.join('\n')}\n`;
      });
    const comments = (text: string): number => [...text.matchAll(/# (?:top|why|in it)/g)].length;
    fc.assert(
      fc.property(plan, text => {
        const once = formatted(text, read);
        assert.ok(once !== null, text);
        assert.deepEqual(read(once).request, read(text).request);
        assert.equal(comments(once), comments(text));
        assert.equal(formatted(once, read), once);
      }),
      { numRuns: runs(100) },
    );
  });

  it('does nothing to a plan with a fault', () => {
    assert.equal(formatted('goal: g\nsubtasks: [{ nam: a }]\n', read), null);
    assert.equal(formatted('goal: [', read), null);
  });
});

const RELEASE = [
  'goal: Check it',
  'subtasks:',
  '  - name: types',
  '    run: make types',
  '  - name: test-${{ matrix.n }}',
  '    matrix: { n: [1, 2] }',
  '    run: make test',
  '    depends: types',
  '  - name: report',
  '    depends: [types, test-*, test-2]',
  '  - name: last',
  '    depends:',
  '      - rep*',
  '      - test-*',
  'join: failed == 0 && cost_usd < 5.0',
  '',
].join('\n');

function applied(
  text: string,
  edits: readonly { range: { start: number; end: number }; text: string }[],
): string {
  return [...edits]
    .sort((a, b) => b.range.start - a.range.start)
    .reduce((rest, { range, text: to }) => rest.slice(0, range.start) + to + rest.slice(range.end), text);
}

describe('the names of a plan', () => {
  const outline = read(RELEASE).outline!;
  const placeOf = (word: string, nth = 0): number => {
    let at = -1;
    for (let i = 0; i <= nth; i++) at = RELEASE.indexOf(word, at + 1);
    return at + 1;
  };
  const rename = (at: number, to: string): string => applied(RELEASE, renamed(RELEASE, outline, at, to));

  it('are found from their mentions in dependencies, and the other way round', () => {
    const textAt = ({ start, end }: { start: number; end: number }): string => RELEASE.slice(start, end);
    assert.deepEqual(definitionsAt(outline, placeOf('test-2')).map(textAt), ['test-${{ matrix.n }}']);
    assert.deepEqual(referencesAt(outline, placeOf('types', 0)).map(textAt), ['types', 'types', 'types']);
    assert.deepEqual(referencesAt(outline, placeOf('test-${{')).map(textAt), [
      'test-${{ matrix.n }}',
      'test-*',
      'test-2',
      'test-*',
    ]);
  });

  it('are renamed everywhere at once, so that the dependencies stay the same', () => {
    const before = read(RELEASE).request!.subtasks.map(({ depends_on: on }) => on);
    for (const [at, to] of [
      [placeOf('types'), 'kinds'],
      [placeOf('types', 2), 'a: b'],
      [placeOf('report'), 'summary'],
      [placeOf('test-2'), 'check-${{ matrix.n }}-x'],
      [placeOf('last'), '3.10'],
    ] as const) {
      const after = read(rename(at, to));
      assert.deepEqual(after.diagnostics, [], rename(at, to));
      assert.deepEqual(
        after.request?.subtasks.map(({ depends_on: on }) => on),
        before,
        rename(at, to),
      );
      assert.ok(after.outline?.subtasks.some(({ name }) => name?.value === to));
    }
  });

  it('keep a pattern that still matches them', () => {
    const to = rename(placeOf('test-${{'), 'test-no-${{ matrix.n }}');
    assert.match(to, /depends: \[types, test-\*, test-no-2\]/);
  });

  it('are not changed to an invalid or taken name', () => {
    for (const [to, why] of [
      ['report', /that of another/],
      [' ', /one line of text/],
      ['a*', /pattern/],
    ] as const)
      assert.throws(() => renamed(RELEASE, outline, placeOf('types'), to), why);
    assert.throws(() => renamed(RELEASE, outline, placeOf('test-${{'), 'test'), /keep the placeholders/);
    assert.equal(renamableAt(outline, placeOf('Check it')), null);
    assert.equal(renamableAt(outline, placeOf('rep*')) === null, false);
  });

  it('are listed with the subtasks that they make', () => {
    assert.deepEqual(
      symbolsOf(outline).map(({ name, detail }) => [name, detail]),
      [
        ['Check it', 'goal'],
        ['types', ''],
        ['test-${{ matrix.n }}', '× 2'],
        ['report', ''],
        ['last', ''],
        ['failed == 0 && cost_usd < 5.0', 'join'],
      ],
    );
  });

  it('are in the graph in the layer after their dependencies', () => {
    const { nodes, edges } = graphOf(outline);
    assert.deepEqual(
      nodes.map(({ name, layer, count }) => [name, layer, count]),
      [
        ['types', 0, 1],
        ['test-*', 1, 2],
        ['report', 2, 1],
        ['last', 3, 1],
      ],
    );
    assert.deepEqual(edges.map(({ from, to }) => [from, to]).sort(), [
      [0, 1],
      [0, 2],
      [1, 2],
      [1, 3],
      [2, 3],
    ]);
  });

  it('can be run alone, with their dependencies', () => {
    const { request } = read(RELEASE);
    const part = narrowedTo(request!, [1]);
    assert.deepEqual(
      part.subtasks.map(({ name, depends_on: on }) => [name, on]),
      [
        ['types', undefined],
        ['test-1', [0]],
      ],
    );
    assert.equal(part.join, 'all');
    assert.equal(narrowedTo(request!, [4]), request);
  });
});

describe('the hover in a plan', () => {
  it('describes a param where it is declared and used', () => {
    const text =
      'goal: To ${{ params.to }}\nparams:\n  to: { default: eu, description: The place }\n  tag:\nsubtasks:\n  - run: x ${{ params.tag }}\n    name: a\n';
    const hover = (at: number): string | undefined =>
      hoverAt(text, at, { outline: read(text).outline, cel: celCompiler, lastRun: null })?.text;
    const place = 'The place\n\n`eu` unless it is given: `--param to=…`';
    assert.equal(hover(text.indexOf('params.to')), place);
    assert.equal(hover(text.indexOf('to: {')), place);
    assert.equal(hover(text.indexOf('params.tag')), 'must be given: `--param tag=…`');
  });

  const facts: JoinFacts = {
    counts: { accepted: 0, rejected: 0, failed: 1, timed_out: 0, cancelled: 0, running: 0, pending: 0 },
    costUsd: 1,
    wallTimeSecs: 2,
    children: [
      {
        index: 0,
        name: 'types',
        goal: 'g',
        thread: 'th_x',
        worker: null,
        verdict: 'failed',
        costUsd: 1,
        wallTimeSecs: 2,
        exitCode: 1,
        summary: null,
        attempt: 1,
      },
    ],
    parent: { thread: 'th_p', alias: 'A-1', goal: 'g', record: 'ab' },
    nowMs: 0,
  };
  const said = (word: string, lastRun: JoinFacts | null = null): string | undefined =>
    hoverAt(RELEASE, RELEASE.indexOf(word) + 1, { outline: read(RELEASE).outline, cel: celCompiler, lastRun })
      ?.text;

  it('explains a key', () => {
    assert.match(said('depends')!, /^\*\*depends\*\* — What must be accepted first/);
    assert.match(said('join')!, /^\*\*join\*\* — When the whole counts as done/);
  });
  it('shows the subtasks and dependants of a name, and the matches of a pattern', () => {
    assert.equal(said('test-${{'), 'makes `test-1`, `test-2`\n\nbefore `report`, `last`');
    assert.equal(said('test-*'), 'waits for `test-1`, `test-2`');
    assert.equal(said('${{'), 'one subtask for each of: `1`, `2`');
  });
  it('shows the join’s result for the last run', () => {
    assert.match(said('cost_usd')!, /`cost_usd: double` — What it cost[^]*has not been run/);
    assert.match(
      said('failed == 0', facts)!,
      /it gives: \*\*unsatisfiable\*\* — the predicate is false: 0 of 1 accepted, 1 failed/,
    );
  });
});

describe('the facts of a fleet for a plan', () => {
  const plan = (namespaceId: string, rest = ''): string =>
    `goal: g\nnamespace: ${namespaceId}\nsubtasks:\n  - name: a\n    run: make\n    timeout: 900\n${rest}`;
  const told = (text: string, known: PlanKnown = KNOWN): unknown =>
    read(text, known).diagnostics.map(({ code, message, range, fixes }) => [
      code,
      message.split('.')[0],
      text.slice(range.start, range.end),
      fixes.map(({ text: to }) => to),
    ]);

  it('include the open namespaces', () => {
    assert.deepEqual(told(plan('acme/web')), []);
    assert.deepEqual(told(plan('acme/wbe')), [
      ['namespace', "no namespace 'acme/wbe' (did you mean 'acme/web'?)", 'acme/wbe', ['acme/web', 'acme']],
    ]);
    assert.deepEqual(told(plan('acme/old')), [
      ['namespace', "'acme/old' is archived", 'acme/old', ['acme', 'acme/web']],
    ]);
    const frozen = { ...KNOWN, namespaces: [{ ...namespace('acme/web'), frozenBy: 'acme' }] };
    assert.deepEqual(told(plan('acme/web'), frozen), [
      ['namespace', "'acme/web' is frozen by 'acme'", 'acme/web', []],
    ]);
  });

  it('include the policies, by the rules of the engine', () => {
    const none = { acts: null, executors: null, targets: null };
    const policy = {
      allow: { ...none, executors: { names: ['echo', 'shell'], set_by: ['acme'] } },
      deny: { acts: [], executors: [], targets: [{ name: 'worker-a', set_by: 'acme/web' }] },
      limits: {
        max_children: { value: 2, set_by: 'acme' },
        max_parallel: null,
        budget_usd: null,
        timeout_secs: { value: 500, set_by: 'acme' },
      },
      usage: [],
    };
    const known = { ...KNOWN, namespaces: [{ ...namespace('acme/web'), policy }] };
    const first = (text: string): unknown => (told(text, known) as unknown[][])[0];
    const say = "namespace 'acme/web' is rejected: the policy of ";
    assert.deepEqual(first(plan('acme/web')), [
      'policy',
      `${say}'acme' lets a subtask take 500s, and the time-out of subtask 0 is 900s (timeout_secs)`,
      '900',
      ['500'],
    ]);
    assert.deepEqual(first(plan('acme/web').replace('    timeout: 900\n', '')), undefined);
    const short = (rest: string): string => plan('acme/web', rest).replace('900', '60');
    assert.deepEqual(first(short('')), undefined);
    assert.deepEqual(first(short('    target: worker-a\n')), [
      'policy',
      `${say}'acme/web' denies target 'worker-a' of subtask 0 (targets)`,
      'worker-a',
      [],
    ]);
    assert.deepEqual(first(short('  - name: b\n    executor: agent:claude\n')), [
      'policy',
      `${say}'acme' does not allow executor 'agent:claude' of subtask 1 (executors)`,
      'agent:claude',
      ['echo', 'shell'],
    ]);
    assert.deepEqual(first(short('  - name: b\n  - name: c\n')), [
      'policy',
      `${say}'acme' lets a fan-out have at most 2 subtasks, and these are 3 (max_children)`,
      'subtasks',
      [],
    ]);
  });

  it('include that the shell needs a command, and nothing else accepts one', () => {
    const shell = { ...KNOWN, defaultExecutor: 'shell' };
    assert.deepEqual(
      read('goal: g\nsubtasks: [{ name: a }]\n', shell).diagnostics.map(({ code }) => code),
      ['subtask'],
    );
    assert.deepEqual(
      read('goal: g\nsubtasks: [{ name: a, run: x, executor: echo }]\n').diagnostics.map(({ code }) => code),
      ['subtask'],
    );
  });
});
