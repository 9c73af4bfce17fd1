import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { celCompiler } from '../domain/join/cel.ts';
import { PlanMemory } from './plan-memory.ts';
import { readPlan, type Plan, type PlanContext } from './plan.ts';
import type { Written } from './plan-text.ts';

const CONTEXT: PlanContext = {
  cel: celCompiler,
  executors: null,
  workers: null,
  namespaces: null,
  defaultExecutor: 'echo',
};

/** Lines of plans, and lines that leave the plain form. */
const line = fc.constantFrom(
  'goal: g',
  'goal: "a',
  'b"',
  'subtasks:',
  'subtasks: # all',
  'subtasks: [{ name: z }]',
  '  - name: a',
  '  - name: b-${{ matrix.x }}',
  '    matrix: { x: [1, "a b"] }',
  '    depends: [a, b-*]',
  '    depends:',
  '      - a',
  '    depends: *r',
  '    run: &r echo',
  '    run: |',
  '      echo ${{ matrix.x }}',
  '      # in the text',
  "    run: 'a",
  "      b'",
  '    goal: a long',
  '      goal',
  '  # between',
  '# at the beginning',
  '',
  '   ',
  '    timeout: 1',
  '    timeout: x',
  '  -',
  '  - - y',
  '   - name: odd',
  ' - name: odd',
  '- name: none',
  '    <<: { run: x }',
  'join: any',
  'join: acepted > 1',
  'losers: cancel',
  '    [a',
  ']',
  '---',
  '...',
  '%YAML 1.1',
  '    !!str run: x',
  '\tname: t',
  '\t# behind a tab',
  '    \t',
  ': x',
);
const ending = fc.constantFrom('\n', '\n', '\n', '\r\n');
const text = fc
  .array(fc.tuple(line, ending), { maxLength: 16 })
  .map(lines => lines.map(([each, end]) => each + end).join(''));
/** A plan of the plain form, so that edits meet kept blocks. */
const plain = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 6 }).map(names => {
  const more: Readonly<Record<string, string>> = {
    b: "    depends: ['a*']\n",
    c: '    matrix: { x: [1, 2] }\n    env: { X: "${{ matrix.x }}" }\n',
    d: '    dir: sub\n    depends: [a0, "c*"]\n',
  };
  const nameOf = (name: string, i: number): string => `${name}${i}${name === 'c' ? '-${{ matrix.x }}' : ''}`;
  const subtasks = names.map(
    (name, i) =>
      `  - name: ${nameOf(name, i + 1)}\n    run: echo ${name}\n    timeout: 5\n${more[name] ?? ''}`,
  );
  return `goal: g\nsubtasks:\n  - name: a0\n    run: echo\n${subtasks.join('')}join: all\nlosers: drain\n`;
});
const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), remove: fc.nat(12), insert: text });

function edited(
  before: string,
  { at, remove, insert }: { at: number; remove: number; insert: string },
): string {
  const start = Math.floor(at * before.length);
  // Mostly whole lines, because people edit texts by lines.
  const lineStart = before.lastIndexOf('\n', start - 1) + 1;
  return before.slice(0, lineStart) + insert + before.slice(lineStart + remove);
}

/** Returns the result of a reading, independent of how it was read. */
function saidBy({ diagnostics, request, outline }: Plan, text: string): unknown {
  const written = (each: Written | null): unknown =>
    each === null ? null : [each.value, each.range, each.offsets(text)];
  return {
    diagnostics,
    request,
    outline: outline && {
      bodies: outline.drafts.map(({ body }) => body),
      top: [outline.goal, outline.namespace, outline.join].map(written),
      subtasks: outline.subtasks.map(({ range, name, ranges, depends, matrix, indices }) => ({
        start: range.start,
        name: written(name),
        ranges: [...ranges],
        depends: depends.map(written),
        matrix: matrix && [...matrix],
        indices,
      })),
    },
  };
}

describe('a plan that is edited', () => {
  const texts = {
    'a key without text after the subtasks': 'subtasks:\n  -\n: x\n',
    'such a key after blank lines': 'subtasks:\n  - name: a\n\n   \n: x\n',
    'a tab before what follows the subtasks': 'subtasks:\n  - name: a\n    run: |+\n\t# c\n',
    'a tab alone in the text of a subtask': 'subtasks:\n  - name: a\n    run: |\n    \t\n  - name: b\n',
  };
  for (const [title, each] of Object.entries(texts))
    it(`is read like a new text: ${title}`, () => {
      const memory = new PlanMemory();
      const kept = readPlan(each, CONTEXT, memory);
      assert.deepEqual(saidBy(kept, each), saidBy(readPlan(each, CONTEXT), each));
    });

  const edits = {
    'a fault in a subtask that is not edited': [
      ['timeout: 1', 'timeout: x'],
      ['echo', 'true'],
    ],
    'a subtask before dependencies': [['  - name: a', '  - name: first\n  - name: a']],
    'a subtask between a dependency and its owner': [['  - name: b', '  - name: first\n  - name: b']],
    'a cycle through a pattern that matches one more': [['name: b', 'name: z-b']],
    'a dependency that gets another name, and its own again': [
      ['name: a', 'name: c'],
      ['name: c', 'name: a'],
    ],
  };
  for (const [title, changes] of Object.entries(edits))
    it(`is read like a new text: ${title}`, () => {
      const memory = new PlanMemory();
      let now =
        'goal: g\nsubtasks:\n  - name: a\n    run: echo\n    depends: ["z*"]\n  - name: b\n    timeout: 1\n    depends: [a]\n  - name: z\n';
      for (const [from, to] of [['', ''], ...changes] as [string, string][]) {
        now = now.replace(from, to);
        const kept = readPlan(now, CONTEXT, memory);
        assert.deepEqual(saidBy(kept, now), saidBy(readPlan(now, CONTEXT), now), now);
      }
    });

  it('is read like a new text', () => {
    const seen = { kept: 0 };
    const numRuns = runs(100);
    fc.assert(
      fc.property(fc.oneof(plain, text), fc.array(edit, { minLength: 1, maxLength: 6 }), (begun, edits) => {
        const memory = new PlanMemory();
        let now = begun;
        for (const change of [undefined, ...edits]) {
          now = change === undefined ? now : edited(now, change);
          const kept = readPlan(now, CONTEXT, memory);
          assert.deepEqual(saidBy(kept, now), saidBy(readPlan(now, CONTEXT), now), JSON.stringify(now));
          if (kept.request !== null) seen.kept += 1;
        }
      }),
      { numRuns },
    );
    assert.ok(seen.kept > numRuns / 5, `only ${seen.kept} were sound`);
  });
});
