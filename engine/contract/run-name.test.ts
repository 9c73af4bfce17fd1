import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import * as v from 'valibot';
import { runs } from '../../test/runs.ts';
import { runNameSchema } from './commands.ts';
import { planRunName, runNameFrom } from './run-name.ts';

describe('the name of runs', () => {
  it('is that of the plan file, without folder and ending', () => {
    for (const [file, name] of [
      ['release.fanout.yaml', 'release'],
      ['/a b/plans/nightly.yml', 'nightly'],
      ['../check.fanout.YML', 'check'],
      ['plan #2.yaml', 'plan 2'],
      ['.fanout.yaml', 'run'],
      ['-', '-'],
    ])
      assert.equal(planRunName(file!), name);
  });

  it('is valid for every text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.string({ unit: 'grapheme', maxLength: 80 }),
      fc.stringMatching(/^[ #a-t_h\n]{0,80}$/),
    );
    fc.assert(
      fc.property(text, each => v.is(runNameSchema, runNameFrom(each))),
      { numRuns: runs(500), examples: [['th_th_'], ['#'], ['a'.repeat(63) + '😀'], ['\u00a0th_x']] },
    );
  });
});
