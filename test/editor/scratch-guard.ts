import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { endProcesses } from '../harness/processes.ts';

/**
 * The process that clears a scratch folder away once its owner lets go of it, or is gone, however it ended: the system
 * closes our standard input then. The folder is the first line there, and no word of ours, so that nobody who ends what
 * names it ends us.
 */
const lines = createInterface({ input: process.stdin });
const [root] = (await once(lines, 'line')) as [string];
await once(lines, 'close');
await endProcesses(root);
await rm(root, { recursive: true, force: true, maxRetries: 5 });
