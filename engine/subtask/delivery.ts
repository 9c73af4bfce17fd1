import { DELIVERED, type DeliveredSubtask } from './subtask.ts';

/**
 * The members of a subtask in a delivery to its worker. All but these two may be absent, or null from older versions.
 */
export type DeliveryMembers = Pick<DeliveredSubtask, 'goal' | 'executor'> & {
  readonly [F in keyof DeliveredSubtask]?: DeliveredSubtask[F] | null;
};

/** Reads a delivery's subtask, and fills in the usual value of each absent member. */
export function readDelivery(body: DeliveryMembers): DeliveredSubtask {
  return Object.fromEntries(
    DELIVERED.map(({ field, usual }) => [field, body[field as keyof DeliveredSubtask] ?? usual]),
  ) as unknown as DeliveredSubtask;
}
