import { build } from 'esbuild';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire, SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ENTRIES = {
  'coordinator.js': 'engine/open.ts',
  'worker.js': 'engine/bin/worker.ts',
  'index-thread.js': 'engine/log/index/thread.ts',
};

/** Builds the engine like `npm run build`, but keeps names and adds a source map. */
export async function buildReadable(out: string): Promise<void> {
  await mkdir(out, { recursive: true });
  await Promise.all(Object.entries(ENTRIES).map(([to, from]) => bundle(from, join(out, to))));
  await copyFile(
    createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm.wasm'),
    join(out, 'sql-wasm.wasm'),
  );
  await writeFile(join(out, 'package.json'), '{"type":"commonjs"}\n');
}

async function bundle(from: string, outfile: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [from],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    sourcemap: true,
    supported: { 'dynamic-import': false },
    logLevel: 'warning',
    define: { 'import.meta.url': '__importMetaUrl' },
    banner: { js: '"use strict";const __importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
  });
}

/** Maps places in built files to their source. */
export class Sources {
  readonly #maps = new Map<string, SourceMap>();

  static async of(out: string): Promise<Sources> {
    const sources = new Sources();
    for (const name of Object.keys(ENTRIES)) {
      const file = join(out, name);
      const payload = JSON.parse(await readFile(`${file}.map`, 'utf8')) as SourceMapPayload;
      sources.#maps.set(file, new SourceMap(payload));
    }
    return sources;
  }

  /** Returns `file:line` in the source, relative to the project; for a file that was not built here, its own place. */
  placeOf(url: string, line: number, column: number): string {
    const file = url.startsWith('file:') ? fileURLToPath(url) : url;
    const entry = this.#maps.get(file)?.findEntry(line, column);
    if (entry === undefined || !('originalSource' in entry)) return file === '' ? '' : `${file}:${line + 1}`;
    return `${relative(ROOT, join(dirname(file), entry.originalSource))}:${entry.originalLine + 1}`;
  }
}
