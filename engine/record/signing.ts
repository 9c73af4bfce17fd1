import * as crypto from 'node:crypto';
import { FleetError } from '../errors.ts';
import { instanceDid, type Did, type RecordId } from './ids.ts';

/** An instance's Ed25519 key pair. The private half never leaves its home. */
export interface InstanceKey {
  readonly did: Did;
  /** The raw 32-byte public key, base64url. */
  readonly publicKey: string;
  readonly privateKey: crypto.KeyObject;
}

/** The signature of a batch by the instance that sends it, over the ids in order. */
export interface BatchSignature {
  readonly by: Did;
  /** Ed25519, base64url. */
  readonly sig: string;
}

/** Makes the key of a new instance. */
export function generateKey(): InstanceKey {
  return fromPrivate(crypto.generateKeyPairSync('ed25519').privateKey);
}

/** Reads a private key in PKCS#8 PEM. @throws HOME_INVALID when it is not an Ed25519 key. */
export function readKey(pem: string): InstanceKey {
  try {
    const key = crypto.createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return fromPrivate(key);
  } catch (cause) {
    throw new FleetError('HOME_INVALID', "the instance's key is not readable", { cause });
  }
  throw new FleetError('HOME_INVALID', "the instance's key is not an Ed25519 key");
}

/** Encodes the private key as PKCS#8 PEM, for the home's `keys/` folder. */
export function keyToPem(key: InstanceKey): string {
  return key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Signs the ids of a batch, in order. */
export function signBatch(key: InstanceKey, ids: readonly RecordId[]): BatchSignature {
  return { by: key.did, sig: crypto.sign(null, signedBytes(ids), key.privateKey).toString('base64url') };
}

/** Signs a challenge, as a proof that this process holds the key. */
export function signChallenge(key: InstanceKey, challenge: string): string {
  return crypto.sign(null, challengeBytes(challenge), key.privateKey).toString('base64url');
}

/** Returns the DID of a public key in base64url. @throws INVALID_RECORD when it is not 32 bytes. */
export function didOfPublicKey(publicKey: string): Did {
  return instanceDid(rawKey(publicKey));
}

/** Verifies the signatures of one instance. It imports the key once, because that is slow. */
export class Verifier {
  readonly did: Did;
  readonly #key: crypto.KeyObject;

  /** @throws INVALID_RECORD when the public key is invalid. */
  constructor(publicKey: string) {
    const raw = rawKey(publicKey);
    this.did = instanceDid(raw);
    const x = raw.toString('base64url');
    this.#key = crypto.createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  }

  /** True when `signature` is this instance's, over exactly these ids in this order. */
  verifies(signature: BatchSignature, ids: readonly RecordId[]): boolean {
    return signature.by === this.did && this.#check(signedBytes(ids), signature.sig);
  }

  /** True when the peer that sent `signature` holds this instance's key. */
  verifiesChallenge(signature: string, challenge: string): boolean {
    return this.#check(challengeBytes(challenge), signature);
  }

  #check(bytes: Buffer, signature: string): boolean {
    return crypto.verify(null, bytes, this.#key, Buffer.from(signature, 'base64url'));
  }
}

/** Accepts exactly one text for each key: the decoder alone would skip invalid characters. */
function rawKey(publicKey: string): Buffer {
  const raw = Buffer.from(publicKey, 'base64url');
  if (raw.length === 32 && raw.toString('base64url') === publicKey) return raw;
  throw new FleetError('INVALID_RECORD', 'a public key is 32 bytes, base64url');
}

function fromPrivate(privateKey: crypto.KeyObject): InstanceKey {
  const publicKey = crypto.createPublicKey(privateKey).export({ format: 'jwk' }).x!;
  return { did: didOfPublicKey(publicKey), publicKey, privateKey };
}

// The prefixes keep a signature made for one purpose from being used for another.
const signedBytes = (ids: readonly RecordId[]): Buffer => Buffer.from(`spl-batch-v1\n${ids.join('\n')}`);
const challengeBytes = (challenge: string): Buffer => Buffer.from(`spl-challenge-v1\n${challenge}`);
