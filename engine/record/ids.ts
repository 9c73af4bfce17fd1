import { hash } from './hash.ts';

declare const brand: unique symbol;
/** The mark of a text that was checked. */
export interface Brand<Name extends string> {
  readonly [brand]: Name;
}
type Branded<Name extends string> = string & Brand<Name>;

/** Lowercase hex SHA-256 of a record's canonical bytes. */
export type RecordId = Branded<'RecordId'>;
/** `th_` and 64 hex digits when generated; `th_[A-Za-z0-9_-]{1,128}` in general. */
export type ThreadId = Branded<'ThreadId'>;
/** `did:sync:user|agent|system:‹name›` or `did:sync:instance:‹16 hex›`. */
export type Did = Branded<'Did'>;

export const RECORD_ID = /^[0-9a-f]{64}$/;
export const THREAD_ID = /^th_[A-Za-z0-9_-]{1,128}$/;
export const DID =
  /^did:sync:(?:(?:user|agent|system):[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}|instance:[0-9a-f]{16})$/;

export const isRecordId = (text: string): text is RecordId => RECORD_ID.test(text);
export const isThreadId = (text: string): text is ThreadId => THREAD_ID.test(text);
export const isDid = (text: string): text is Did => DID.test(text);
export const isInstanceDid = (text: string): text is Did =>
  text.startsWith('did:sync:instance:') && isDid(text);

/** The threads whose meaning is defined by the engine. */
export const RESERVED = {
  instanceRegistry: 'th_instance_registry' as ThreadId,
  fleetControl: 'th_fleet_control' as ThreadId,
  namespaceRegistry: 'th_namespace_registry' as ThreadId,
  actorRegistry: 'th_actor_registry' as ThreadId,
  engineConfig: 'th_engine_config' as ThreadId,
  consent: 'th_consent' as ThreadId,
} as const;

const reserved: ReadonlySet<string> = new Set(Object.values(RESERVED));
export const isReservedThread = (thread: string): boolean => reserved.has(thread);

/** Makes a thread id from 32 random bytes. */
export function threadIdFromBytes(bytes: Uint8Array): ThreadId {
  return `th_${Buffer.from(bytes).toString('hex')}` as ThreadId;
}

/** Returns the thread of one subtask: a pure function of the fan-out's record, the subtask's index and its goal. */
export function childThreadId(parent: RecordId, index: number, goal: string): ThreadId {
  // The same text as JSON.stringify of a list with the three, but faster.
  return `th_${hash(`["${parent}",${index},${JSON.stringify(goal)}]`)}` as ThreadId;
}

/** Returns the DID of the instance with this raw 32-byte Ed25519 public key. */
export function instanceDid(publicKey: Uint8Array): Did {
  return `did:sync:instance:${hash(publicKey).slice(0, 16)}` as Did;
}
