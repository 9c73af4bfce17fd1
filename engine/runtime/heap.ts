/**
 * The flags of Node.js for a coordinator or a worker, in MiB. A batch of records soon becomes garbage: a young
 * generation that holds several of them leaves little for the collector to copy.
 */
export const HEAP_FLAGS: readonly string[] = ['--min-semi-space-size=16', '--max-semi-space-size=32'];
