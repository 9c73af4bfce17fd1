import { build } from 'esbuild';
import { copyFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Bundles the index's thread into a folder, as the build does: one file, beside SQLite's program. It starts many times
 * faster than the source.
 * @returns the bundle's path.
 */
export async function bundleThread(folder: string): Promise<string> {
  const outfile = path.join(folder, 'index-thread.cjs');
  await build({
    entryPoints: [fileURLToPath(new URL('../thread.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    define: { 'import.meta.url': '__importMetaUrl' },
    banner: { js: 'const __importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
    logLevel: 'error',
  });
  const wasm = createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm');
  await copyFile(wasm, path.join(folder, 'sql-wasm.wasm'));
  return outfile;
}
