import { build } from 'esbuild';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Bundles all test files for Node.js into `out/tests`, in the folders of their sources: bundles start in one second
 * instead of ten. In a bundle, `import.meta.url` is that of the source, packages stay outside, and `vscode` is the stub
 * of `test/stubs`.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const FOLDERS = ['engine', 'extension', 'webview', 'test'];

/** The absolute path of the folder of bundled tests. */
export const bundled = join(root, 'out', 'tests');

/** Bundles the test files. @returns the path of each source, from the root of the repository, sorted */
export async function bundleTests() {
  const sources = (await Promise.all(FOLDERS.map(testFiles))).flat().sort();
  await rm(bundled, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: sources,
    outbase: root,
    outdir: bundled,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    alias: { vscode: join(root, 'test', 'stubs', 'vscode.ts') },
    loader: { '.svg': 'text' },
    sourcemap: 'linked',
    sourcesContent: false,
    outExtension: { '.js': '.mjs' },
    plugins: [placesOfSources],
    logLevel: 'warning',
  });
  return sources;
}

/** Returns the bundle of a source. */
export const bundleOf = source => join(bundled, source.replace(/\.ts$/, '.mjs'));

async function testFiles(folder) {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map(entry => relative(root, join(entry.parentPath ?? entry.path, entry.name)).replaceAll(sep, '/'));
}

/** Gives `import.meta.url` the value that it has in the source, except in quotes. */
const placesOfSources = {
  name: 'places-of-sources',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes(`${sep}node_modules${sep}`)) return undefined;
      const text = await readFile(path, 'utf8');
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: text.replaceAll(/(?<!['"])import\.meta\.url(?!['"])/g, url), loader: 'ts' };
    });
  },
};
