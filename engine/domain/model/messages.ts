import type { ThreadId } from '../../record/ids.ts';
import type { SealedRecord } from '../../record/record.ts';

/** Identifies one delivery of one subtask: the parent's thread, the subtask's index, the number of the delivery. */
export interface DeliveryRef {
  readonly thread: ThreadId;
  readonly index: number;
  readonly delivery: number;
}

/** Returns a key for a delivery, for maps. */
export const keyOf = (ref: DeliveryRef): string => `${ref.thread}/${ref.index}/${ref.delivery}`;

/** Returns the delivery of a key made by `keyOf`. */
export function refOfKey(key: string): DeliveryRef {
  const second = key.lastIndexOf('/');
  const first = key.lastIndexOf('/', second - 1);
  const index = Number(key.slice(first + 1, second));
  return { thread: key.slice(0, first) as ThreadId, index, delivery: Number(key.slice(second + 1)) };
}

/** The messages of the coordinator to a worker. Records are signed when they leave the process. */
export type ToWorker =
  /** Run these child INTENDs. */
  | { readonly type: 'deliver'; readonly records: readonly SealedRecord[] }
  /** Every report before this number of the worker's outbox is durable here. */
  | { readonly type: 'ack'; readonly upTo: number }
  /** End these, started or not. The worker reports them as cancelled. */
  | { readonly type: 'cancel'; readonly deliveries: readonly DeliveryRef[]; readonly reason: string }
  /** Hand these back if they have not started. The worker answers with `returned`, or they continue to run. */
  | { readonly type: 'recall'; readonly deliveries: readonly DeliveryRef[] }
  /** End and forget these, which are no longer counted. */
  | { readonly type: 'fence'; readonly deliveries: readonly DeliveryRef[] }
  /** Drain: start nothing more, finish within the grace, hand the rest back, exit. */
  | { readonly type: 'stop'; readonly graceMs: number }
  /**
   * Everything that is frozen. `asOf` is a time by the worker's own clock, in ms, that is not later than the time of
   * this state. For `PERMIT_MS` after `asOf` the worker may start what is not frozen.
   */
  | { readonly type: 'permit'; readonly asOf: number; readonly frozen: readonly FrozenNamespace[] };

/** A namespace where nothing may start, including all below it. */
export interface FrozenNamespace {
  readonly namespace: string;
  /** The cause of the freeze, in words. */
  readonly words: string;
  /** The time in ms after which running work there is ended; null when it may drain. */
  readonly endsInMs: number | null;
}

/**
 * The time for which a worker may start work by its latest knowledge of freezes, in ms. After this time a freeze is in
 * force everywhere.
 */
export const PERMIT_MS = 1000;

/** The reason for handing back a delivery whose environment is no longer stored. */
export const ENVIRONMENT_GONE = 'the environment of its submission is gone';

/** Deliveries that a worker hands back. */
export interface Returned {
  readonly deliveries: readonly DeliveryRef[];
  readonly reason: string;
  /** True when they had started and were ended; their effects remain. */
  readonly begun: boolean;
}

/** The messages of a worker to its coordinator. */
export type ToCoordinator =
  /**
   * The first message on every connection: the deliveries that the worker holds, including ended but unacknowledged
   * ones.
   */
  | ({ readonly type: 'hello'; readonly held: readonly DeliveryRef[] } & Timed)
  /** Reports in the order of the outbox; `first` is the number of the first. Repeated until acknowledged. */
  | { readonly type: 'report'; readonly first: number; readonly records: readonly SealedRecord[] }
  /** These are running. Not durable: it only shows people the start time. */
  | { readonly type: 'started'; readonly deliveries: readonly DeliveryRef[] }
  /**
   * A running delivery has shown no sign of life for `silentMs`; null: it shows one again. Not durable: repeated after
   * `hello`.
   */
  | {
      readonly type: 'stalled';
      readonly deliveries: readonly DeliveryRef[];
      readonly silentMs: number | null;
    }
  /** These come back, and do not count as attempts. */
  | ({ readonly type: 'returned' } & Returned)
  /** A request for a permit, one at a time. `hello` requests one too. */
  | ({ readonly type: 'ask' } & Timed)
  | ({ readonly type: 'heartbeat'; readonly record: SealedRecord } & Timed);

/** A message with its worker's time, from which the coordinator computes the age of the worker's permits. */
interface Timed {
  /** In ms, by a monotonic clock. */
  readonly at: number;
}
