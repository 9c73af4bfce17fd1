import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../test/runs.ts';
import { FleetError } from '../errors.ts';
import { isInstanceDid, type Did, type RecordId } from './ids.ts';
import {
  didOfPublicKey,
  generateKey,
  keyToPem,
  readKey,
  signBatch,
  signChallenge,
  Verifier,
} from './signing.ts';

const key = generateKey();
const other = generateKey();
const verifier = new Verifier(key.publicKey);
const ids = ['a', 'b', 'c'].map(digit => digit.repeat(64) as RecordId);
const signature = signBatch(key, ids);

describe("an instance's key", () => {
  it('names the instance, and survives being written and read', () => {
    assert.ok(isInstanceDid(key.did));
    assert.equal(didOfPublicKey(key.publicKey), key.did);
    const again = readKey(keyToPem(key));
    assert.equal(again.did, key.did);
    assert.equal(again.publicKey, key.publicKey);
    assert.deepEqual(signBatch(again, ids), signature);
    assert.notEqual(other.did, key.did);
  });

  it('is refused when it is not one', () => {
    const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const x25519 = crypto.generateKeyPairSync('x25519').privateKey;
    const foreign = [rsa, ec, x25519].map(each => each.export({ type: 'pkcs8', format: 'pem' }).toString());
    const publicPem = crypto
      .createPublicKey(key.privateKey)
      .export({ type: 'spki', format: 'pem' })
      .toString();
    for (const pem of ['', 'nonsense', keyToPem(key).slice(0, 60), publicPem, ...foreign])
      assert.throws(
        () => readKey(pem),
        error => FleetError.is(error, 'HOME_INVALID'),
      );
  });

  it('has a public half that only one text stands for', () => {
    const raw = Buffer.from(key.publicKey, 'base64url');
    for (const text of [
      '',
      'AAAA',
      raw.toString('hex'),
      raw.subarray(1).toString('base64url'),
      Buffer.concat([raw, raw]).toString('base64url'),
      `${key.publicKey}=`,
      `${key.publicKey}\n`,
      ` ${key.publicKey}`,
      `${key.publicKey.slice(0, 10)} ${key.publicKey.slice(10)}`,
    ]) {
      assert.throws(() => new Verifier(text), isInvalid);
      assert.throws(() => didOfPublicKey(text), isInvalid);
    }
  });

  it('any 32 bytes make a verifier, which then believes nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), bytes => {
        const stranger = new Verifier(Buffer.from(bytes).toString('base64url'));
        assert.equal(stranger.verifies({ ...signature, by: stranger.did }, ids), false);
      }),
      { numRuns: runs(50) },
    );
  });
});

describe('the signature of a batch', () => {
  it('fits the ids that it was made over, in their order, and no others', () => {
    assert.ok(verifier.verifies(signature, ids));
    const [a, b, c] = ids as [RecordId, RecordId, RecordId];
    for (const wrong of [[], [a], [a, b], [a, c, b], [c, b, a], [a, b, c, c], [b, c]])
      assert.equal(verifier.verifies(signature, wrong), false);
    assert.ok(verifier.verifies(signBatch(key, []), []));
    assert.equal(verifier.verifies(signBatch(key, []), ids), false);
  });

  it('is refused from anybody else, and under another name', () => {
    assert.equal(verifier.verifies(signBatch(other, ids), ids), false);
    assert.equal(verifier.verifies({ ...signature, by: other.did }, ids), false);
    assert.equal(verifier.verifies({ ...signBatch(other, ids), by: key.did }, ids), false);
    assert.equal(new Verifier(other.publicKey).verifies(signature, ids), false);
    assert.equal(verifier.verifies({ ...signature, by: 'did:sync:user:ada' as Did }, ids), false);
  });

  it('is refused, without a throw, when it is garbage', () => {
    const raw = Buffer.from(signature.sig, 'base64url');
    const flipped = Buffer.from(raw);
    flipped[0]! ^= 1;
    for (const sig of [
      '',
      'A',
      '!!!!',
      '\u0000',
      'é'.repeat(40),
      raw.subarray(0, 63).toString('base64url'),
      Buffer.concat([raw, raw]).toString('base64url'),
      Buffer.alloc(64).toString('base64url'),
      Buffer.alloc(64, 255).toString('base64url'),
      flipped.toString('base64url'),
      'A'.repeat(100_000),
    ])
      assert.equal(verifier.verifies({ by: key.did, sig }, ids), false, sig.slice(0, 20));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), sig => {
        assert.equal(verifier.verifies({ by: key.did, sig }, ids), false);
        assert.equal(verifier.verifiesChallenge(sig, 'nonce'), false);
      }),
      { numRuns: runs(100) },
    );
  });
});

describe('the answer to a challenge', () => {
  it('fits that challenge and that key only', () => {
    const answer = signChallenge(key, 'nonce');
    assert.ok(verifier.verifiesChallenge(answer, 'nonce'));
    assert.equal(verifier.verifiesChallenge(answer, 'another'), false);
    assert.equal(new Verifier(other.publicKey).verifiesChallenge(answer, 'nonce'), false);
    assert.equal(verifier.verifiesChallenge(signChallenge(other, 'nonce'), 'nonce'), false);
  });

  it('serves as no signature of a batch, whatever the challenge, nor the other way round', () => {
    const text = ids.join('\n');
    for (const challenge of [text, `\n${text}`, `spl-batch-v1\n${text}`]) {
      assert.equal(verifier.verifies({ by: key.did, sig: signChallenge(key, challenge) }, ids), false);
      assert.equal(verifier.verifiesChallenge(signature.sig, challenge), false);
    }
  });
});

const isInvalid = (error: unknown): boolean => FleetError.is(error, 'INVALID_RECORD');
