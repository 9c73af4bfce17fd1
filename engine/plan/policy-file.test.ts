import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FleetError } from '../errors.ts';
import { parsePolicy } from './policy-file.ts';

describe('the file of a policy', () => {
  const policy = {
    allow: { executors: ['echo', 'agent:claude'] },
    deny: { acts: ['CALL'], targets: ['worker-b'] },
    limits: { max_children: 10, max_parallel: 2, budget_usd: 1.5, timeout_secs: 90 },
  };

  it('is TOML', () => {
    const text = [
      '[allow]',
      'executors = ["echo", "agent:claude"]',
      '[deny]',
      'acts = ["CALL"]',
      'targets = ["worker-b"]',
      '[limits]',
      'max_children = 10',
      'max_parallel = 2',
      'budget_usd = 1.5',
      'timeout_secs = 90',
    ].join('\n');
    assert.deepEqual(parsePolicy(text, 'web.toml'), policy);
  });

  it('is JSON if its name ends in .json', () => {
    assert.deepEqual(parsePolicy(JSON.stringify(policy), 'web.json'), policy);
  });

  it('may contain no limits', () => {
    assert.deepEqual(parsePolicy('', 'p.toml'), {});
    assert.deepEqual(parsePolicy('{}', 'p.json'), {});
  });

  for (const [text, file, message] of [
    ['limits = 3', 'p.toml', /^policy 'p\.toml': 'limits' must be a table$/],
    [
      '[limits]\nmax_childern = 3',
      'p.toml',
      /^policy 'p\.toml': unknown key 'limits\.max_childern' \(did you mean 'max_children'\?\)$/,
    ],
    ['[limits]\nmax_parallel = 0', 'p.toml', /limits\.max_parallel must be at least 1$/],
    ['[limits]\nmax_parallel = 1.5', 'p.toml', /limits\.max_parallel must be a whole number$/],
    ['[limits]\nbudget_usd = -1', 'p.toml', /limits\.budget_usd must not be negative$/],
    ['[limits]\nbudget_usd = nan', 'p.toml', /limits\.budget_usd must be a number$/],
    ['[limits]\ntimeout_secs = 0', 'p.toml', /limits\.timeout_secs must be above 0$/],
    ['[allow]\nacts = ["DANCE"]', 'p.toml', /allow\.acts\.0 must be of INTEND, DO, /],
    ['[deny]\nexecutors = "shell"', 'p.toml', /deny\.executors must be a list$/],
    ['[deny]\ntargets = [""]', 'p.toml', /deny\.targets\.0 must not be empty$/],
    ['[limits', 'p.toml', /it is not TOML at line 1, column \d+: /],
    ['{"limits": ', 'p.json', /it is not JSON: /],
    ['{"limits":{},"limits":{}}', 'p.json', /'limits' is given twice$/],
    ['[]', 'p.json', /it must be an object$/],
    ['{"allow": []}', 'p.json', /allow must be an object$/],
    ['3', 'p.json', /it must be an object$/],
  ] as const)
    it(`is refused with its name and the place: ${text.replaceAll('\n', ' ')}`, () => {
      assert.throws(
        () => parsePolicy(text, file),
        (error: FleetError) => {
          assert.equal(error.code, 'INVALID_RECORD');
          assert.match(error.message, message);
          assert.match(error.hint ?? '', /max_parallel/);
          return true;
        },
      );
    });
});
