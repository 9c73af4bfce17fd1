import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { quotaOf } from './quota.ts';

const NOW = 1_800_000_000;
const in_ = (secs: number): object => ({ resetsAtUnix: NOW + secs });

describe('the end of a quota', () => {
  const told: readonly (readonly [words: string, quota: object | null])[] = [
    [`Claude AI usage limit reached|${NOW + 60}`, in_(60)],
    ["You've hit your usage limit. Try again in 3 hours 12 minutes.", in_(3 * 3600 + 12 * 60)],
    ['Rate limit reached for gpt-5 on tokens per min. Please try again in 1m30s.', in_(90)],
    ['429 Too Many Requests (retry-after: 30)', in_(30)],
    ['rate_limit_error: try again in 2.5s', in_(2.5)],
    [`{"error":{"type":"usage_limit_reached: quota","resets_at":${NOW + 5}}}`, in_(5)],
    ['Quota exceeded; resets at 2027-01-15T08:00:10Z', in_(10)],
    ['RESOURCE_EXHAUSTED: quota exceeded', {}],
    [`usage limit reached|${NOW - 60}`, in_(-60)],
    ['exit 1: 3 tests failed, try again in 5 minutes', null],
    ['the test of HTTP 429 failed', null],
    ['', null],
  ];
  for (const [words, quota] of told)
    it(`in "${words.slice(0, 60)}" is ${JSON.stringify(quota)}`, () => {
      assert.deepEqual(quotaOf(words, NOW), quota);
    });
});
