/**
 * The right to write one home. The kernel frees it when its holder dies, however it dies; there is no time-out.
 * It keeps the home from a second writer on the same machine and in the same network namespace; containers that
 * share a volume, or machines that share a disk, are not kept apart.
 */
export interface Lease {
  /** Lets go; whoever waits has it at once. Idempotent. */
  release(): Promise<void>;
}
