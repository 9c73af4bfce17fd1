import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { parse, stringify } from 'yaml';
import { runs } from '../../../test/runs.ts';
import { celCompiler } from '../../domain/join/cel.ts';
import { PLAN_KEY_NAMES, SUBTASK_KEY_NAMES } from '../plan-keys.ts';
import { readPlan, type Plan } from '../plan.ts';
import { planJsonSchema } from './plan-schema.ts';

const read = (text: string): Plan =>
  readPlan(text, {
    cel: celCompiler,
    executors: null,
    workers: null,
    namespaces: null,
    defaultExecutor: 'echo',
  });
const isValid = new Ajv({ allowUnionTypes: true }).compile(planJsonSchema());
/** Faults that only a reader of plans finds: they are between several values, or inside one. */
const BEYOND = [
  'matrix',
  'duplicate-name',
  'unknown-dependency',
  'cycle',
  'budget',
  'join',
  'subtask',
  'too-large',
];

describe('the published schema of plans', () => {
  it('is generated from the code’s schemas by npm run schema', () => {
    const file = new URL('../../../media/fanout.schema.json', import.meta.url);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), planJsonSchema());
  });

  it('accepts the valid samples', () => {
    const folder = fileURLToPath(new URL('../samples/', import.meta.url));
    const sound = readdirSync(folder)
      .map(file => readFileSync(folder + file, 'utf8'))
      .filter(text => read(text).request !== null);
    assert.ok(sound.length >= 3);
    for (const text of sound) assert.ok(isValid(parse(text)), JSON.stringify(isValid.errors));
  });

  /** Values that some key accepts, and values that it does not. */
  const value = fc.constantFrom<unknown>(
    'a',
    '1',
    1,
    0,
    -1,
    2.5,
    true,
    null,
    [],
    ['a'],
    {},
    'keep',
    'worktree',
    'all',
    1e12,
    '',
    'x'.repeat(300),
  );
  const subtask = fc
    .tuple(
      fc.constantFrom('goal', 'name', 'prompt', 'run'),
      fc.dictionary(fc.constantFrom(...SUBTASK_KEY_NAMES, 'other'), value, { maxKeys: 2 }),
    )
    .map(([key, rest]) => ({ [key]: 'a', ...rest }));
  const plan = fc
    .tuple(
      fc.array(subtask, { maxLength: 2 }),
      fc.dictionary(fc.constantFrom(...PLAN_KEY_NAMES, 'other'), value, { maxKeys: 2 }),
    )
    .map(([subtasks, rest]) => ({ goal: 'g', subtasks, ...rest }));

  it('accepts every valid plan, and refuses other plans except for faults beyond a schema', () => {
    const seen = { sound: 0, refused: 0 };
    const numRuns = runs(400);
    fc.assert(
      fc.property(plan, written => {
        const { diagnostics } = read(stringify(written));
        const errors = diagnostics.filter(({ severity }) => severity === 'error');
        const byShape = errors.filter(
          ({ code, message }) =>
            !BEYOND.includes(code) &&
            !/must not be empty|at most \d+ characters|must be relative to the folder/.test(message),
        );
        const said = `${JSON.stringify(written)} ${JSON.stringify(errors)} ${JSON.stringify(isValid.errors)}`;
        if (errors.length === 0) {
          seen.sound += 1;
          assert.ok(isValid(written), said);
        } else if (byShape.length > 0) {
          seen.refused += 1;
          assert.ok(!isValid(written), said);
        }
      }),
      { numRuns },
    );
    assert.ok(seen.sound > numRuns / 80 && seen.refused > numRuns / 4, JSON.stringify(seen));
  });
});
