import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useCodeCache } from '../code-cache.ts';

/** Starts the built `spl` with V8's code cache. */
useCodeCache(dirname(fileURLToPath(import.meta.url)));
void import('../spl.ts');
