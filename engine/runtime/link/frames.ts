import * as v from 'valibot';
import { PROTOCOL } from '../../contract/engine.ts';
import { FleetError } from '../../errors.ts';
import type { DeliveryRef, ToCoordinator, ToWorker } from '../../domain/model/messages.ts';
import { isInstanceDid, isThreadId, type Did, type ThreadId } from '../../record/ids.ts';
import { decodeForeignEntry, encodeLine } from '../../record/line.ts';
import type { SealedRecord } from '../../record/record.ts';
import { signBatch, type BatchSignature, type InstanceKey, type Verifier } from '../../record/signing.ts';
import { checkDelivery, checkHeartbeat, checkReport } from './bodies.ts';

/**
 * The frames of a link: one JSON object per line. A connection begins with a handshake in which each side proves that
 * it holds its key. After that, every frame with records is signed over their ids.
 */

const did = v.custom<Did>(
  value => typeof value === 'string' && isInstanceDid(value),
  'is not the DID of an instance',
);
const thread = v.custom<ThreadId>(value => typeof value === 'string' && isThreadId(value), 'is not a thread');
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.pipe(v.string(), v.maxLength(4096));
/** The longest delay of a timer, in milliseconds. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The coordinator's first frame: its identity, and a nonce to sign. */
export const challengeSchema = v.object({
  type: v.literal('challenge'),
  protocol: v.number(),
  did,
  public_key: text,
  nonce: text,
});
/** The worker's answer: its identity, its proof, and a nonce to sign in turn. */
export const identifySchema = v.object({
  type: v.literal('identify'),
  protocol: v.number(),
  did,
  public_key: text,
  nonce: text,
  proof: text,
  version: text,
});
/** The coordinator's proof, and its settings for the worker. */
const welcomeSchema = v.object({
  type: v.literal('welcome'),
  proof: text,
  heartbeat_interval_ms: v.pipe(v.number(), v.minValue(1), v.maxValue(MAX_DELAY_MS)),
});
/** The refusal of the coordinator, in place of its proof. */
const refusedSchema = v.object({ type: v.literal('refused'), code: text, message: text });
export const answerSchema = v.variant('type', [welcomeSchema, refusedSchema]);

export type Challenge = v.InferOutput<typeof challengeSchema>;
export type Identify = v.InferOutput<typeof identifySchema>;
export type Welcome = v.InferOutput<typeof welcomeSchema>;

const ref = v.pipe(
  v.tuple([thread, count, count]),
  v.transform(([at, index, delivery]): DeliveryRef => ({ thread: at, index, delivery })),
);
const refs = v.pipe(v.array(ref), v.maxLength(1_000_000));
const signed = { by: did, sig: text, records: v.pipe(v.array(v.unknown()), v.maxLength(100_000)) };

const delayMs = v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_DELAY_MS));

const toWorkerSchema = v.variant('type', [
  v.object({ type: v.literal('deliver'), ...signed }),
  v.object({ type: v.literal('ack'), upTo: count }),
  v.object({ type: v.literal('cancel'), deliveries: refs, reason: text }),
  v.object({ type: v.literal('recall'), deliveries: refs }),
  v.object({ type: v.literal('fence'), deliveries: refs }),
  v.object({ type: v.literal('stop'), graceMs: delayMs }),
  v.object({
    type: v.literal('permit'),
    asOf: v.number(),
    frozen: v.array(v.object({ namespace: text, words: v.string(), endsInMs: v.nullable(delayMs) })),
  }),
]);

const silence = v.pipe(v.number(), v.finite(), v.minValue(0));

const toCoordinatorSchema = v.variant('type', [
  v.object({ type: v.literal('hello'), held: refs, at: v.number() }),
  v.object({ type: v.literal('report'), first: count, ...signed }),
  v.object({ type: v.literal('started'), deliveries: refs }),
  v.object({ type: v.literal('stalled'), deliveries: refs, silentMs: v.nullable(silence) }),
  v.object({ type: v.literal('returned'), deliveries: refs, reason: text, begun: v.boolean() }),
  v.object({ type: v.literal('ask'), at: v.number() }),
  v.object({ type: v.literal('heartbeat'), at: v.number(), ...signed }),
]);

/**
 * Returns the text that a side signs to prove its identity. The text names both sides, so that a proof can't be reused by the
 * other side or shown to a third one.
 */
export const proofText = (from: Did, to: Did, nonce: string): string => `${from} to ${to}: ${nonce}`;

/** A message with the signature of its records, if it has records. */
export type Signed<M> = M & { readonly signature?: BatchSignature };

/** The text length and the number of records at which a frame is closed. */
const FRAME_CHARS = 8 * 1024 * 1024;
const FRAME_RECORDS = 10_000;

/** Splits a message into parts that each fit into a frame. */
export function* inFrames(message: ToWorker | ToCoordinator): Generator<ToWorker | ToCoordinator> {
  if (message.type !== 'deliver' && message.type !== 'report') {
    yield message;
    return;
  }
  const { records } = message;
  for (let from = 0, to = 0; from < records.length; from = to) {
    to = endOfFrame(records, from);
    if (to - from === records.length) yield message;
    else if (message.type === 'deliver') yield { type: 'deliver', records: records.slice(from, to) };
    else yield { type: 'report', first: message.first + from, records: records.slice(from, to) };
  }
}

function endOfFrame(records: readonly SealedRecord[], from: number): number {
  let chars = 0;
  let to = from;
  while (to < records.length && to - from < FRAME_RECORDS && (to === from || chars < FRAME_CHARS))
    chars += records[to++]!.text.length;
  return to;
}

/** Encodes a message as one line, with its newline. */
export function encodeMessage(message: ToWorker | ToCoordinator, key: InstanceKey): string {
  switch (message.type) {
    case 'deliver':
      return signedLine('{"type":"deliver"', message.records, key);
    case 'report':
      return signedLine(`{"type":"report","first":${message.first}`, message.records, key);
    case 'heartbeat':
      return signedLine(`{"type":"heartbeat","at":${message.at}`, [message.record], key);
    case 'hello':
      return line({ ...message, held: message.held.map(asTuple) });
    case 'cancel':
    case 'recall':
    case 'fence':
    case 'started':
    case 'stalled':
    case 'returned':
      return line({ ...message, deliveries: message.deliveries.map(asTuple) });
    default:
      return line(message);
  }
}

/** Encodes any plain frame as one line. */
export const line = (frame: object): string => JSON.stringify(frame) + '\n';

const asTuple = ({ thread: at, index, delivery }: DeliveryRef): unknown[] => [at, index, delivery];

/** Sends the records' own texts, so that they are neither built again here, nor parsed again for the hash there. */
function signedLine(head: string, records: readonly SealedRecord[], key: InstanceKey): string {
  const { by, sig } = signBatch(
    key,
    records.map(({ record }) => record.id),
  );
  return `${head},"by":"${by}","sig":"${sig}","records":[${records.map(encodeLine).join(',')}]}\n`;
}

/** Decodes a line from a coordinator to the worker `self`. @throws LINK_BROKEN, INVALID_RECORD */
export function decodeToWorker(text_: string, verifier: Verifier, self: Did): Signed<ToWorker> {
  const frame = decode(toWorkerSchema, text_);
  if (frame.type !== 'deliver') return frame;
  const opened = open(frame, verifier);
  for (const { record } of opened.records) checkDelivery(record, verifier.did, self);
  return { type: 'deliver', ...opened };
}

/** Decodes a line from a worker. @throws LINK_BROKEN, INVALID_RECORD */
export function decodeToCoordinator(text_: string, verifier: Verifier): Signed<ToCoordinator> {
  const frame = decode(toCoordinatorSchema, text_);
  if (frame.type !== 'report' && frame.type !== 'heartbeat') return frame;
  const { records, signature } = open(frame, verifier);
  if (frame.type === 'report') {
    for (const { record } of records) checkReport(record, verifier.did);
    return { type: 'report', first: frame.first, records, signature };
  }
  const [record, another] = records;
  if (record === undefined || another !== undefined) throw broken('a heartbeat must be one record');
  checkHeartbeat(record.record, verifier.did);
  return { type: 'heartbeat', record, at: frame.at, signature };
}

function open(
  frame: { by: Did; sig: string; records: unknown[] },
  verifier: Verifier,
): { records: SealedRecord[]; signature: BatchSignature } {
  const records = frame.records.map(decodeForeignEntry);
  const signature = { by: frame.by, sig: frame.sig };
  if (
    !verifier.verifies(
      signature,
      records.map(({ record }) => record.id),
    )
  )
    throw broken(`the signature of ${frame.by} does not fit its records`);
  return { records, signature };
}

/** Decodes one frame by its schema. @throws LINK_BROKEN */
export function decode<S extends v.GenericSchema>(schema: S, text_: string): v.InferOutput<S> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text_);
  } catch (cause) {
    throw new FleetError('LINK_BROKEN', 'a peer sent a line that is not JSON', { cause });
  }
  const result = v.safeParse(schema, parsed, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw broken(`a peer sent an invalid frame: ${v.getDotPath(issue) ?? ''} ${issue.message}`);
}

/** @throws PROTOCOL_MISMATCH */
export function requireProtocol(theirs: number): void {
  if (theirs === PROTOCOL) return;
  throw new FleetError(
    'PROTOCOL_MISMATCH',
    `the peer uses protocol ${theirs}, but this version uses protocol ${PROTOCOL}`,
    {
      details: { theirs, ours: PROTOCOL },
      hint: 'Stop the fleet, then start it with one version of spl.',
    },
  );
}

const broken = (message: string): FleetError => new FleetError('LINK_BROKEN', message);
