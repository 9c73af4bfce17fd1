/**
 * The flags of Node.js for a coordinator or a worker, in MiB. A batch of records soon becomes garbage: a young
 * generation that holds several of them leaves little for the collector to copy. The old generation is collected
 * whenever it has grown by half, and not when it happens to have doubled or more.
 */
export const HEAP_FLAGS: readonly string[] = [
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--initial-old-space-size=96',
  '--heap-growing-percent=50',
];
