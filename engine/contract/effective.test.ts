import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { policyParts, usageLines } from './effective.ts';
import type { EffectivePolicy } from './documents.ts';

const NOTHING: EffectivePolicy = {
  namespace: 'acme/web',
  status: 'active',
  archived_by: null,
  allow: { acts: null, executors: null, targets: null },
  deny: { acts: [], executors: [], targets: [] },
  limits: { max_children: null, max_parallel: null, budget_usd: null, timeout_secs: null },
  usage: [],
};

describe('the effective policy, in words', () => {
  it('allows anything without a limit', () => {
    const parts = policyParts(NOTHING);
    assert.deepEqual(
      parts.map(({ part }) => part),
      ['acts', 'executors', 'targets', 'max_children', 'max_parallel', 'budget_usd', 'timeout_secs'],
    );
    assert.ok(parts.every(({ holds, setBy }) => holds === 'any' && setBy.length === 0));
  });

  it('lists what is allowed, the limits and what is denied, with the levels that set them', () => {
    const parts = policyParts({
      ...NOTHING,
      allow: {
        acts: { names: [], set_by: ['acme'] },
        executors: { names: ['echo', 'shell'], set_by: ['acme', 'acme/web'] },
        targets: null,
      },
      deny: {
        acts: [],
        executors: [
          { name: 'agent:claude', set_by: 'acme' },
          { name: 'shell', set_by: 'acme/web' },
        ],
        targets: [],
      },
      limits: {
        max_children: { value: 1, set_by: 'acme' },
        max_parallel: { value: 4, set_by: 'acme/web' },
        budget_usd: { value: 2.5, set_by: 'default' },
        timeout_secs: { value: 90, set_by: 'acme' },
      },
    });
    assert.deepEqual(
      parts.map(({ part, holds, setBy }) => `${part}: ${holds} by ${setBy.join('+')}`),
      [
        'acts: none by acme',
        'executors: echo, shell by acme+acme/web',
        'targets: any by ',
        'max_children: 1 subtask of a fan-out by acme',
        'max_parallel: 4 subtasks at a time by acme/web',
        'budget_usd: $2.50 for all that ever runs by default',
        'timeout_secs: 90s for a subtask by acme',
        'denied executors: agent:claude by acme',
        'denied executors: shell by acme/web',
      ],
    );
  });

  it('shows the running work and the spending of each level', () => {
    assert.deepEqual(usageLines([{ namespace: 'acme', running: 2, booked_usd: 1.25, reserved_usd: 0.5 }]), [
      'acme: 2 running, $1.25 booked, $0.50 reserved',
    ]);
  });
});
