import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { useCodeCache } from '../code-cache.ts';

// SQLite in the coordinator is compiled only once, and not optimised: that would take 0.4 s of processor time after the
// first question, and pays only beyond a million records. The flag is set before anything is compiled, because a cache
// belongs to certain flags.
setFlagsFromString('--liftoff-only');

/** Starts the built `spl` with V8's code cache. */
useCodeCache(dirname(fileURLToPath(import.meta.url)));
void import('../spl.ts');
