import { build } from 'esbuild';
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Builds `dist/`. What a process runs is read whole when it starts, so that it never misses a part when an update
 * replaces the folder that it came from: one file for each kind of process, and for a coordinator a second one,
 * which the short-lived commands need not read.
 */

const root = dirname(fileURLToPath(import.meta.url));
const out = join(root, 'dist', 'bin');

const entries = [
  { from: 'engine/bin/spl.ts', to: 'spl', executable: true, engineApart: true },
  { from: 'engine/open.ts', to: 'coordinator.js' },
  { from: 'engine/bin/worker.ts', to: 'worker.js' },
  { from: 'engine/log/index/thread.ts', to: 'index-thread.js' },
  { from: 'engine/bin/tour.ts', to: 'tour.js' },
];

/** Leaves the coordinator out, and takes it from the file beside. */
const engineApart = {
  name: 'engine-apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\.\/open\.ts$/ }, () => ({ path: './coordinator.js', external: true })),
};

await rm(join(root, 'dist'), { recursive: true, force: true });
await mkdir(out, { recursive: true });
await Promise.all([
  ...entries.map(bundle),
  copyFile(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm'), join(out, 'sql-wasm.wasm')),
  writeFile(join(root, 'dist', 'package.json'), '{"type":"commonjs"}\n'),
]);

async function bundle({ from, to, executable = false, engineApart: apart = false }) {
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
    plugins: apart ? [engineApart] : [],
    // A file beside this one is required, which is quicker than importing it.
    supported: { 'dynamic-import': false },
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
