/**
 * The right to write one home. The kernel frees it when its holder dies; there is no time-out. It excludes a second
 * writer on the same machine and in the same network namespace, but not one in another container or on another machine
 * that shares the disk.
 */
export interface Lease {
  /** Releases the lease; a waiting process takes it at once. Idempotent. */
  release(): Promise<void>;
}
