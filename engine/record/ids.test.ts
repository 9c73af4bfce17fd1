import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { canonical } from './canonical.ts';
import { hash } from './hash.ts';
import {
  childThreadId,
  instanceDid,
  isDid,
  isInstanceDid,
  isRecordId,
  isReservedThread,
  isThreadId,
  RESERVED,
  threadIdFromBytes,
  type RecordId,
} from './ids.ts';
import { anyDid, anyRecordId, anyText } from './testing/arbitraries.ts';

describe('ids', () => {
  it('tells DIDs from what is none', () => {
    for (const did of [
      'did:sync:user:ada',
      'did:sync:agent:a.b_c@d+e-f',
      'did:sync:system:7',
      `did:sync:user:${'a'.repeat(128)}`,
      'did:sync:instance:0123456789abcdef',
    ])
      assert.ok(isDid(did), did);
    for (const text of [
      '',
      'did:sync:user:',
      'did:sync:user:-a',
      'did:sync:user:a b',
      'did:sync:user:a\n',
      'did:sync:user:é',
      'did:sync:user:a"b',
      `did:sync:user:${'a'.repeat(129)}`,
      'did:sync:other:a',
      'did:sync:instance:0123456789abcde',
      'did:sync:instance:0123456789abcdef0',
      'did:sync:instance:0123456789ABCDEF',
      ' did:sync:user:ada',
      'DID:sync:user:ada',
    ])
      assert.ok(!isDid(text), text);
  });

  it('tells instances from people', () => {
    fc.assert(
      fc.property(anyDid, did => {
        assert.equal(isInstanceDid(did), did.startsWith('did:sync:instance:'));
      }),
      { numRuns: runs(100) },
    );
    assert.ok(!isInstanceDid('did:sync:instance:nothex'));
  });

  it('tells record and thread ids from what is none', () => {
    fc.assert(
      fc.property(anyRecordId, id => isRecordId(id) && !isRecordId(`${id}0`) && !isRecordId(`${id}\n`)),
      { numRuns: runs(100) },
    );
    assert.ok(!isRecordId('A'.repeat(64)));
    for (const thread of ['th_a', 'th__-', `th_${'Z'.repeat(128)}`]) assert.ok(isThreadId(thread), thread);
    for (const text of ['th_', 'TH_a', 'th_a/b', 'th_a\n', 'xth_a', `th_${'Z'.repeat(129)}`])
      assert.ok(!isThreadId(text), text);
  });

  it('reserves the six threads of the contract, which are valid ids', () => {
    const names = Object.values(RESERVED);
    assert.equal(names.length, 6);
    for (const name of names) assert.ok(isReservedThread(name) && isThreadId(name));
    assert.ok(!isReservedThread('th_instance_registry2'));
  });

  it('makes a thread id of 64 hex digits from 32 bytes', () => {
    assert.equal(threadIdFromBytes(new Uint8Array(32).fill(255)), `th_${'f'.repeat(64)}`);
  });

  it('names the thread of a subtask by the hash of the canonical [parent, index, goal]', () => {
    fc.assert(
      fc.property(anyRecordId, fc.nat(100_000), anyText, (parent, index, goal) => {
        const thread = childThreadId(parent, index, goal);
        assert.equal(thread, `th_${hash(canonical([parent, index, goal]))}`);
        assert.ok(isThreadId(thread));
        assert.notEqual(thread, childThreadId(parent, index + 1, goal));
      }),
      { numRuns: runs(100) },
    );
    const parent = 'a'.repeat(64) as RecordId;
    assert.equal(
      childThreadId(parent, 0, 'x'),
      'th_357fdf470345e9bd611c6f60bbc1bd680671414a70bf7d8b9fd7b9e018efe5e6',
    );
  });

  it('names an instance by its public key', () => {
    const key = new Uint8Array(32);
    assert.equal(instanceDid(key), `did:sync:instance:${hash(key).slice(0, 16)}`);
    assert.ok(isInstanceDid(instanceDid(key)));
  });
});

describe('hash', () => {
  it('is SHA-256 in lowercase hex', () => {
    assert.equal(hash(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    assert.equal(hash('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    assert.equal(hash(Buffer.from('é')), hash('é'));
  });
});
