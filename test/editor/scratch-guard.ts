import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { endProcesses } from '../harness/processes.ts';

/**
 * The process that clears a scratch folder when its owner releases it or is gone, however it ended: the system then
 * closes standard input. The folder is the first line of the input and not an argument, so that ending all processes
 * that name the folder does not end this one.
 */
const lines = createInterface({ input: process.stdin });
const [root] = (await once(lines, 'line')) as [string];
await once(lines, 'close');
await endProcesses(root);
await rm(root, { recursive: true, force: true, maxRetries: 5 });
