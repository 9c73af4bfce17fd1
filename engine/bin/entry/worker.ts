import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useCodeCache } from '../code-cache.ts';

/** The built process of a worker: its program lies beside, where V8's cache is of use to it. */
useCodeCache(dirname(fileURLToPath(import.meta.url)));
void import('../worker.ts');
