import { runTests, TestRunFailedError } from '@vscode/test-electron';
import { build } from 'esbuild';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcesses } from '../harness/processes.ts';
import { editorCache, installEditor } from './install.ts';
import { readTold, type Told } from './result.ts';
import { ROOT, type Place, type Scratch } from './scratch.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BUNDLES = join(ROOT, 'out', 'editor');
const RUN_MS = 300_000;

/** The extension under test. The variable names another build. */
const EXTENSION = process.env['SPL_TEST_EXTENSION'] ?? ROOT;

/** A desktop VS Code, if the variable names one; undefined for the editor that the tests install. */
export const desktop = process.env['VSCODE_EXECUTABLE'];

/** Bundles a suite for the extension host, with everything that it imports except the editor's API and mocha. */
export async function bundleSuite(suite: string): Promise<string> {
  const file = join(BUNDLES, `${basename(suite, '.ts')}.cjs`);
  await mkdir(BUNDLES, { recursive: true });
  await build({
    stdin: {
      contents: `
        import { runMocha } from './mocha-host.ts';
        export const run = () => runMocha(() => import(${JSON.stringify(suite)}));
      `,
      resolveDir: HERE,
      loader: 'ts',
    },
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
    define: { 'import.meta.url': '__importMetaUrl' },
    banner: { js: 'const __importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
  });
  return file;
}

/** Runs a bundled suite in a new extension host. @returns how the editor ended, and mocha's reports until then */
export async function runInHost(
  scratch: Scratch,
  place: Place,
  tests: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly exitCode: number; readonly told: readonly Told[] }> {
  if (desktop === undefined) await installEditor();
  const result = join(scratch.root, 'result.ndjson');
  await rm(result, { force: true });
  // Ending the hanging processes ends the run. Its reports until then are used.
  const timer = setTimeout(() => void endProcesses(scratch.root), RUN_MS);
  const exitCode = await runTests({
    vscodeExecutablePath: desktop ?? join(HERE, 'code.mjs'),
    extensionDevelopmentPath: EXTENSION,
    extensionTestsPath: tests,
    // The shim also gets a temporary home, in which it would not find the editor.
    extensionTestsEnv: { ...place.env, ...env, SPL_TEST_RESULT: result, SPL_EDITOR_CACHE: editorCache() },
    launchArgs: [
      place.workspace,
      `--user-data-dir=${scratch.userData}`,
      `--extensions-dir=${scratch.extensions}`,
    ],
  }).catch((error: unknown) => {
    if (error instanceof TestRunFailedError) return error.code ?? 1;
    throw error;
  });
  clearTimeout(timer);
  return { exitCode, told: readTold(await readFile(result, 'utf8').catch(() => '')) };
}
