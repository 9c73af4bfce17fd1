import { runTests, TestRunFailedError } from '@vscode/test-electron';
import { build } from 'esbuild';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcesses } from '../scenarios/processes.ts';
import { editorCache, installEditor } from './install.ts';
import { countOf, readTold, type Counts, type Told } from './result.ts';
import { ROOT, Scratch } from './scratch.ts';

/**
 * Runs the suites of `suites/` inside a real extension host, each in an editor of its own on the workspace of the same
 * name: `tsx test/editor/run.ts [SUITE]…`. `VSCODE_EXECUTABLE` names a desktop VS Code to run them in; otherwise it is
 * code-server, which is installed when it is missing.
 */

const HERE = fileURLToPath(new URL('.', import.meta.url));
const BUNDLES = join(ROOT, 'out', 'editor');
/** Settings of suites that need some of their own. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  restricted: {
    'security.workspace.trust.enabled': true,
    'security.workspace.trust.startupPrompt': 'never',
    'security.workspace.trust.banner': 'never',
  },
};
/** A desktop VS Code under test trusts every folder, whatever its settings say. */
const NOT_ON_THE_DESKTOP = ['restricted'];
const RUN_MS = 180_000;

/** The extension under test; another build can be named for running these suites against it. */
const EXTENSION = process.env['SPL_TEST_EXTENSION'] ?? ROOT;

async function main(names: readonly string[]): Promise<void> {
  const desktop = process.env['VSCODE_EXECUTABLE'];
  const executable = desktop ?? join(HERE, 'code.mjs');
  if (desktop === undefined) await installEditor();
  const all = names.length > 0 ? names : await suites();
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const name of all.filter(each => desktop === undefined || !NOT_ON_THE_DESKTOP.includes(each))) {
    const { passed, failed, skipped } = await runSuite(name, executable);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
}

async function suites(): Promise<readonly string[]> {
  const files = await readdir(join(HERE, 'suites'));
  return files.filter(file => file.endsWith('.suite.ts')).map(file => file.slice(0, -'.suite.ts'.length));
}

async function runSuite(name: string, executable: string): Promise<Counts> {
  process.stdout.write(`\n  ${name} (in the extension host)\n`);
  const tests = await bundle(name);
  const scratch = await Scratch.make(name, { settings: SETTINGS[name] ?? {} });
  try {
    const { exitCode, told } = await runIn(scratch, executable, tests);
    const { counts, fault } = countOf(told, exitCode);
    report(told);
    if (fault !== undefined) process.stdout.write(`    ✗ ${fault}\n`);
    if (counts.failed > 0) process.stdout.write(await logOf(scratch));
    return counts;
  } finally {
    await scratch.dispose();
  }
}

/** What the extension host loads: the suite with all that it imports, but for the editor's API and mocha. */
async function bundle(name: string): Promise<string> {
  const file = join(BUNDLES, `${name}.cjs`);
  await mkdir(BUNDLES, { recursive: true });
  await build({
    stdin: {
      contents: `
        import { runMocha } from './mocha-host.ts';
        export const run = () => runMocha(() => import('./suites/${name}.suite.ts'));
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

async function runIn(
  scratch: Scratch,
  executable: string,
  tests: string,
): Promise<{ readonly exitCode: number; readonly told: readonly Told[] }> {
  const result = join(scratch.root, 'result.ndjson');
  await rm(result, { force: true });
  // Ending what hangs ends the run; what it told until then is reported.
  const timer = setTimeout(() => void endProcesses(scratch.root), RUN_MS);
  const exitCode = await runTests({
    vscodeExecutablePath: executable,
    extensionDevelopmentPath: EXTENSION,
    extensionTestsPath: tests,
    // The shim's home is a throw-away folder as well: it would not find the editor there.
    extensionTestsEnv: { ...scratch.env, SPL_TEST_RESULT: result, SPL_EDITOR_CACHE: editorCache() },
    launchArgs: [
      scratch.workspace,
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

function report(told: readonly Told[]): void {
  const lines = told.flatMap(each => {
    switch (each.event) {
      case 'passed':
        return [`    ✔ ${each.title} (${Math.round(each.ms)}ms)`];
      case 'failed':
        return [`    ✗ ${each.title}`, ...each.error.split('\n').map(line => `        ${line}`)];
      case 'skipped':
        return [`    - ${each.title}`];
      default:
        return [];
    }
  });
  process.stdout.write(lines.map(line => `${line}\n`).join(''));
}

/** What the editor said, for finding out why a run failed. */
async function logOf(scratch: Scratch): Promise<string> {
  const logs = ['server.log', 'window.log'].map(async name => {
    const log = await readFile(join(scratch.userData, 'server', name), 'utf8').catch(() => '');
    return log === '' ? '' : `    ${name}:\n${log.slice(-8_000)}\n`;
  });
  return (await Promise.all(logs)).join('');
}

await main(process.argv.slice(2));
