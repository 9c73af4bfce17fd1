import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { fleet, task } from '../../engine/cli/testing/documents.ts';
import { holdsOf, isFrozen, isHeld } from './holds.ts';

const issued = { reason: null, issued_by: 'did:sync:user:ada', issued_at_unix: 1 };
const freezes = ['acme', 'beta/web'].map(namespace => ({
  namespace,
  level: 'soft',
  grace_secs: 60,
  ...issued,
}));

describe('the holds of the kill switch', () => {
  it('are the emergency stop first, then each freeze, and none while no engine answers', () => {
    assert.deepEqual(holdsOf(undefined), []);
    assert.deepEqual(
      holdsOf(fleet({ freezes, emergency: issued })).map(({ namespace, level }) => [namespace, level]),
      [
        [null, null],
        ['acme', 'soft'],
        ['beta/web', 'soft'],
      ],
    );
  });

  it('cover a namespace with all below it, or everything', () => {
    const holds = holdsOf(fleet({ freezes }));
    const held = ['default', 'acme', 'acme/web', 'acmes', 'beta', 'beta/web'].filter(id => isHeld(holds, id));
    assert.deepEqual(held, ['acme', 'acme/web', 'beta/web']);
    assert.ok(isHeld(holdsOf(fleet({ emergency: issued })), 'default'));
  });

  it('cover a task whose fan-out is in it and not over', () => {
    const there = (namespace: string, under_way: boolean): boolean => {
      const bare = task();
      return isFrozen(fleet({ freezes }), { ...bare, fan_out: { ...bare.fan_out!, namespace, under_way } });
    };
    assert.deepEqual(
      [there('acme/web', true), there('acme/web', false), there('default', true)],
      [true, false, false],
    );
    assert.equal(isFrozen(fleet({ emergency: issued }), task({ fan_out: null })), false);
  });
});
