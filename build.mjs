import { build } from 'esbuild';
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { showProgress } from './progress.mjs';

/**
 * Builds `dist/`, or the folder that `node build.mjs FOLDER` names. What a process runs is read whole when it starts, so that it never misses a part when an update
 * replaces the folder that it came from: one file for each kind of process, and for a coordinator a second one,
 * which the short-lived commands need not read.
 */

const root = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(root, 'dist');
const bin = join(out, 'bin');

/** The coordinator and the parser of plans, which short commands do without. */
const ENGINE_APART = { '../open.ts': './coordinator.js', '../check-plan.ts': './check-plan.js' };

const entries = [
  {
    from: 'engine/bin/entry/spl.ts',
    to: 'bin/spl',
    executable: true,
    apart: { '../spl.ts': './spl-main.js' },
  },
  { from: 'engine/bin/spl.ts', to: 'bin/spl-main.js', apart: ENGINE_APART, deferred: true },
  { from: 'engine/open.ts', to: 'bin/coordinator.js' },
  { from: 'engine/check-plan.ts', to: 'bin/check-plan.js' },
  { from: 'engine/bin/plan-server.ts', to: 'bin/plan-server.js' },
  { from: 'engine/bin/coordinator-thread.ts', to: 'bin/coordinator-thread.js', apart: ENGINE_APART },
  { from: 'engine/bin/entry/worker.ts', to: 'bin/worker.js', apart: { '../worker.ts': './worker-main.js' } },
  { from: 'engine/bin/worker.ts', to: 'bin/worker-main.js' },
  { from: 'engine/log/index/thread.ts', to: 'bin/index-thread.js' },
  { from: 'engine/bin/tour.ts', to: 'bin/tour.js' },
  // The editor gives `vscode`; the coordinator's file is read from where it was installed, when it is needed.
  {
    from: 'extension/extension.ts',
    to: 'extension/extension.js',
    external: ['vscode'],
    apart: {
      './plans/plan-client.ts': './plan-client.js',
      '../../engine/plan/draft/from-fan-out.ts': './plan-of-fan-out.js',
    },
  },
  { from: 'engine/plan/draft/from-fan-out.ts', to: 'extension/plan-of-fan-out.js' },
  { from: 'extension/plans/plan-client.ts', to: 'extension/plan-client.js', external: ['vscode'] },
];

/** Leaves modules out, as they are named where they are imported, and takes them from the files beside. */
const leaving = apart => ({
  name: 'apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\.ts$/ }, ({ path }) =>
      Object.hasOwn(apart, path) ? { path: apart[path], external: true } : undefined,
    );
  },
});

/** Parts of Node.js and packages that take half a millisecond or more to load, and that no command needs all of. */
const COSTLY =
  /^(node:(child_process|crypto|fs\/promises|https?|net|os|stream\/promises|timers\/promises|tls|v8|zlib)|smol-toml|eventsource-parser)$/;

/** Loads such a part at its first use instead of at the start of the process. */
const deferring = {
  name: 'deferring',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: COSTLY }, ({ path, namespace }) =>
      namespace === 'deferred' ? undefined : { path, namespace: 'deferred' },
    );
    onLoad({ filter: /./, namespace: 'deferred' }, ({ path }) => ({
      contents: `module.exports = Object.create(new Proxy({}, { get: (_, name) => require('${path}')[name] }));`,
      resolveDir: root,
    }));
  },
};

await showProgress('Building dist', buildAll());

async function buildAll() {
  await rm(out, { recursive: true, force: true });
  await mkdir(bin, { recursive: true });
  await Promise.all([
    ...entries.map(bundle),
    bundleWebview(),
    copyFile(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm'), join(bin, 'sql-wasm.wasm')),
    writeFile(join(out, 'package.json'), '{"type":"commonjs"}\n'),
  ]);
}

async function bundle({ from, to, executable = false, apart = {}, external = [], deferred = false }) {
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
    external,
    plugins: [leaving(apart), ...(deferred ? [deferring] : [])],
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

/** The view of the extension's panels: a script and a style sheet, as the page names them. */
async function bundleWebview() {
  await build({
    absWorkingDir: root,
    entryPoints: ['webview/main.ts', 'webview/main.css', 'webview/plan/main.ts', 'webview/plan/plan.css'],
    outdir: join(out, 'webview'),
    bundle: true,
    platform: 'browser',
    // The engine below the editor that package.json asks for.
    target: 'es2022',
    format: 'esm',
    minify: true,
    legalComments: 'none',
    loader: { '.svg': 'text' },
    logLevel: 'warning',
  });
}
