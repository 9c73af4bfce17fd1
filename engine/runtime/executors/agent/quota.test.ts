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
    // At NOW clocks show 08:00 in UTC, 16:00 in Shanghai and 03:00 in New York, on a Friday in January.
    ["You've hit your session limit · resets 3:17am (UTC)", in_(19 * 3600 + 17 * 60)],
    ["You've hit your limit · resets 5pm (Asia/Shanghai)", in_(3600)],
    ['5-hour limit reached ∙ resets 2am (America/New_York)', in_(23 * 3600)],
    ["You've hit your usage limit, or try again at Jan 16th, 2027 4:15 PM (UTC).", in_(32 * 3600 + 15 * 60)],
    ['usage limit reached; resets Mar 1, 8am (UTC)', in_(45 * 86_400)],
    ['usage limit reached; resets Jan 1 at 8:00 (UTC)', in_(351 * 86_400)],
    ['usage limit reached, resets 7:58am (UTC)', in_(-120)],
    ['usage limit reached, resets 12am (UTC)', in_(16 * 3600)],
    ['usage limit reached, resets 12pm (UTC)', in_(4 * 3600)],
    ['usage limit reached, resets 13pm (UTC)', {}],
    ['usage limit reached, resets 3pm (Middle/Earth)', {}],
    ['usage limit reached, resets 3 (UTC)', {}],
    ['exit 1: 3 tests failed, try again in 5 minutes', null],
    ['the test of HTTP 429 failed', null],
    ['', null],
  ];
  for (const [words, quota] of told)
    it(`in "${words.slice(0, 60)}" is ${JSON.stringify(quota)}`, () => {
      assert.deepEqual(quotaOf(words, NOW), quota);
    });

  it('of a time without a zone is that of the clocks of this machine', () => {
    const local = new Date((NOW + 7_200) * 1000);
    const words = `hit your usage limit. Try again at ${local.getHours() % 12 || 12}:${String(local.getMinutes()).padStart(2, '0')} ${local.getHours() < 12 ? 'AM' : 'PM'}.`;
    assert.deepEqual(quotaOf(words, NOW), in_(7_200 - local.getSeconds()));
  });

  it('of a time of day is right across a change of the clocks', () => {
    // 2027-03-14 00:30 in New York, where clocks go from 2:00 to 3:00 that night.
    const night = Date.UTC(2027, 2, 14, 5, 30) / 1000;
    assert.deepEqual(quotaOf('usage limit reached, resets 4am (America/New_York)', night), {
      resetsAtUnix: Date.UTC(2027, 2, 14, 8) / 1000,
    });
  });
});
