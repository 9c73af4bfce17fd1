import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { JsonObject } from '../../record/canonical.ts';
import type { ThreadId } from '../../record/ids.ts';
import type { ResultFields } from './record-bodies.ts';
import { doneBody, resultBody } from './result-encoding.ts';

/** A result with every possible member but its results, which only the report has. */
const FULL: Required<Omit<ResultFields, 'results'>> = {
  verdict: 'reject',
  reason: 'it asks',
  exit_code: 0,
  signal: 'SIGTERM',
  summary: 's',
  cost_usd: 0,
  wall_time_secs: 1,
  left_group: ['7 sleep'],
  output: { path: 'p', size: 1, digest: 'd' },
  tokens: 5,
  session: 'session-1',
  quota: { resets_at_unix: 9 },
  work: { branch: 'b', base: 'c', dir: '/d' },
  asks: 'may I?',
  cost_unknown: true,
  inputs_digest: '1',
  outputs_digest: '2',
  reused: { thread: 'th_a' as ThreadId, task: 'A', index: 0, attempt: 1 },
};

describe('the body of a result', () => {
  const bodies: Readonly<Record<string, (result: ResultFields) => JsonObject>> = {
    KNOW: result => resultBody(result, 1),
    DO: result => doneBody({ ...result, results: { key: 1 } }, 0, 1, 0, true),
  };
  for (const [act, bodyOf] of Object.entries(bodies))
    it(`has every member of the result, in order: ${act}`, () => {
      const body = bodyOf(FULL);
      for (const [name, value] of Object.entries(FULL)) assert.deepEqual(body[name], value, name);
      assert.deepEqual(Object.keys(body), Object.keys(body).sort());
      const bare = bodyOf({ verdict: 'accept', cost_usd: 0, wall_time_secs: 1 });
      assert.ok(!('asks' in bare) && !('cost_unknown' in bare) && !('reason' in bare));
    });
});
