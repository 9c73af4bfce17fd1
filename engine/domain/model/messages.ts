import type { ThreadId } from '../../record/ids.ts';
import type { SealedRecord } from '../../record/record.ts';

/** Names one delivery of one subtask: the parent's thread, the subtask's index, the number of the delivery. */
export interface DeliveryRef {
  readonly thread: ThreadId;
  readonly index: number;
  readonly delivery: number;
}

/** One text for a delivery, for maps. */
export const keyOf = (ref: DeliveryRef): string => `${ref.thread}/${ref.index}/${ref.delivery}`;

/** The delivery of a text that `keyOf` made. */
export function refOfKey(key: string): DeliveryRef {
  const second = key.lastIndexOf('/');
  const first = key.lastIndexOf('/', second - 1);
  const index = Number(key.slice(first + 1, second));
  return { thread: key.slice(0, first) as ThreadId, index, delivery: Number(key.slice(second + 1)) };
}

/** The messages of the coordinator to a worker. Records are signed where they leave the process. */
export type ToWorker =
  /** Child INTENDs to run. */
  | { readonly type: 'deliver'; readonly records: readonly SealedRecord[] }
  /** Every report before this number of the worker's outbox is durable here. */
  | { readonly type: 'ack'; readonly upTo: number }
  /** End these, started or not; the worker reports them as cancelled. */
  | { readonly type: 'cancel'; readonly deliveries: readonly DeliveryRef[]; readonly reason: string }
  /** Give these back if they have not started; they are answered by `returned`, or run on. */
  | { readonly type: 'recall'; readonly deliveries: readonly DeliveryRef[] }
  /** These are no longer counted: end them and forget them. */
  | { readonly type: 'fence'; readonly deliveries: readonly DeliveryRef[] }
  /** Drain: start nothing more, finish within the grace, hand the rest back, exit. */
  | { readonly type: 'stop'; readonly graceMs: number }
  /**
   * Everything that is frozen, and the time, by the worker's own clock and in ms, at which that was so, or an earlier
   * one. For `PERMIT_MS` from then on the worker may start what is not frozen.
   */
  | { readonly type: 'permit'; readonly asOf: number; readonly frozen: readonly FrozenNamespace[] };

/** A namespace in which, and below which, nothing may start. */
export interface FrozenNamespace {
  readonly namespace: string;
  /** The cause of the freeze, in words. */
  readonly words: string;
  /** In how many ms what runs there is to be ended; null when it may drain. */
  readonly endsInMs: number | null;
}

/** The time for which a worker may start work on what it knows of freezes, in ms: a freeze is everywhere by then. */
export const PERMIT_MS = 1000;

/** The reason for which a worker gives back a delivery whose environment is no longer kept. */
export const ENVIRONMENT_GONE = 'the environment of its submission is gone';

/** Deliveries that a worker gives back. */
export interface Returned {
  readonly deliveries: readonly DeliveryRef[];
  readonly reason: string;
  /** They had started and were ended: what they did is not undone. */
  readonly begun: boolean;
}

/** The messages of a worker to its coordinator. */
export type ToCoordinator =
  /** The first word on every connection: the deliveries that it holds, done but unacknowledged ones included. */
  | ({ readonly type: 'hello'; readonly held: readonly DeliveryRef[] } & Timed)
  /** Reports, in the order of the outbox; `first` is the number of the first. Repeated until acknowledged. */
  | { readonly type: 'report'; readonly first: number; readonly records: readonly SealedRecord[] }
  /** These are running. Not kept: it only tells a person since when. */
  | { readonly type: 'started'; readonly deliveries: readonly DeliveryRef[] }
  /** A running one shows no sign of life for so long; null: it does again. Not kept: it is told anew after `hello`. */
  | {
      readonly type: 'stalled';
      readonly deliveries: readonly DeliveryRef[];
      readonly silentMs: number | null;
    }
  /** These come back, not counted as attempts. */
  | ({ readonly type: 'returned' } & Returned)
  /** May I go on starting? One at a time; `hello` asks it as well. */
  | ({ readonly type: 'ask' } & Timed)
  | ({ readonly type: 'heartbeat'; readonly record: SealedRecord } & Timed);

/** Says the time at its worker, from which the coordinator reckons how old its permits are there. */
interface Timed {
  /** In ms, of a clock that rises and is never set. */
  readonly at: number;
}
