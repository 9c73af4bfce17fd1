/**
 * The flags that start Node.js for a coordinator or a worker. A batch of records is garbage a moment later: where the young
 * generation holds a few of them, the collector finds little to copy. In MiB.
 */
export const HEAP_FLAGS: readonly string[] = ['--min-semi-space-size=16', '--max-semi-space-size=32'];
