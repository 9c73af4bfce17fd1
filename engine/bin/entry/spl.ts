import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { useCodeCache } from '../code-cache.ts';

// SQLite, which a coordinator asks, is compiled once, and not anew for speed: that takes 0.4 s of processor time after the first
// question, and pays beyond a million records only. Set before anything is compiled, since a cache is for certain flags.
setFlagsFromString('--liftoff-only');

/** The built `spl`: its program lies beside, where V8's cache is of use to it. */
useCodeCache(dirname(fileURLToPath(import.meta.url)));
void import('../spl.ts');
