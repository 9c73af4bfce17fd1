import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { celCompiler } from '../fleet/cel.ts';
import { readPlan, type Plan, type PlanContext } from './plan.ts';

const SAMPLES = fileURLToPath(new URL('./samples/', import.meta.url));
const CONTEXT: PlanContext = { cel: celCompiler, executors: null, workers: null, defaultExecutor: 'echo' };

interface Wanted {
  readonly line: number;
  readonly column: number;
  readonly length: number;
  readonly text: string;
}

/** The diagnostics that a sample asks for: `# ~~~ code: message` below the line, the tildes where it is to be shown. */
function wantedIn(text: string): Wanted[] {
  let line = -1;
  return text.split('\n').flatMap((written, index) => {
    const marked = /^(# *)(~+) (.+)$/.exec(written);
    if (marked === null) {
      line = index;
      return [];
    }
    // Where a line begins the tildes have the place of the first of them taken by the #.
    const column = marked[1] === '#' ? 0 : marked[1]!.length;
    const length = marked[1]!.length + marked[2]!.length - column;
    return [{ line, column, length, text: marked[3]! }];
  });
}

function toldBy({ diagnostics }: Plan, text: string): Wanted[] {
  return diagnostics.map(({ code, message, range }) => {
    const before = text.slice(0, range.start).split('\n');
    return {
      line: before.length - 1,
      column: before.at(-1)!.length,
      length: range.end - range.start,
      text: `${code}: ${message}`,
    };
  });
}

describe('a plan', () => {
  for (const file of readdirSync(SAMPLES)) {
    it(`has just the faults that ${file} says, where it says so`, () => {
      const text = readFileSync(join(SAMPLES, file), 'utf8');
      const plan = readPlan(text, CONTEXT);
      const [wanted, told] = [wantedIn(text), toldBy(plan, text)].map(list =>
        list.sort((a, b) => a.line - b.line || a.column - b.column),
      ) as [Wanted[], Wanted[]];
      const shortened = told.map((each, index) => ({
        ...each,
        text: each.text.slice(0, wanted[index]?.text.length),
      }));
      assert.deepEqual(shortened, wanted);
      assert.equal(
        plan.request === null,
        plan.diagnostics.some(({ severity }) => severity === 'error'),
      );
    });
  }
});
