import { build } from 'esbuild';
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Builds `dist/`: one file for each kind of process, whole in itself, so that a running process never misses a
 * part when an update replaces the folder that it came from.
 */

const root = dirname(fileURLToPath(import.meta.url));
const out = join(root, 'dist', 'bin');

const entries = [
  { from: 'engine/bin/spl.ts', to: 'spl', executable: true },
  { from: 'engine/bin/worker.ts', to: 'worker.js' },
  { from: 'engine/log/index/thread.ts', to: 'index-thread.js' },
  { from: 'engine/bin/tour.ts', to: 'tour.js' },
];

await rm(join(root, 'dist'), { recursive: true, force: true });
await mkdir(out, { recursive: true });
await Promise.all([
  ...entries.map(bundle),
  copyFile(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm'), join(out, 'sql-wasm.wasm')),
  writeFile(join(root, 'dist', 'package.json'), '{"type":"commonjs"}\n'),
]);

async function bundle({ from, to, executable = false }) {
  const file = join(out, to);
  await build({
    absWorkingDir: root,
    entryPoints: [from],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    // CommonJS has no import.meta; what asks for it gets the URL of the built file.
    define: { 'import.meta.url': '__importMetaUrl' },
    banner: {
      js:
        (executable ? '#!/usr/bin/env node\n' : '') +
        '"use strict";const __importMetaUrl=require("node:url").pathToFileURL(__filename).href;',
    },
  });
  if (executable) await chmod(file, 0o755);
}
