import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noteTime } from '../runner/times.mjs';
import { bundleSuite, desktop, runInHost } from './host.ts';
import { countOf, type Counts, type Told } from './result.ts';
import { Place, Scratch } from './scratch.ts';

/**
 * Runs the suites of `suites/` in real extension hosts, each in its own editor on the workspace of the same name:
 * `tsx test/editor/run.ts [SUITE]…`. `VSCODE_EXECUTABLE` names a desktop VS Code; otherwise code-server is used, and
 * installed if it is missing.
 */

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** The additional settings of some suites. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  restricted: {
    'security.workspace.trust.enabled': true,
    'security.workspace.trust.startupPrompt': 'never',
    'security.workspace.trust.banner': 'never',
  },
};
/** A desktop VS Code under test trusts every folder, whatever its settings say. */
const NOT_ON_THE_DESKTOP = ['restricted'];

async function main(names: readonly string[]): Promise<void> {
  const all = names.length > 0 ? names : await suites();
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const name of all.filter(each => desktop === undefined || !NOT_ON_THE_DESKTOP.includes(each))) {
    const { passed, failed, skipped } = await runSuite(name);
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

async function runSuite(name: string): Promise<Counts> {
  process.stdout.write(`\n  ${name} (in the extension host)\n`);
  const tests = await bundleSuite(join(HERE, 'suites', `${name}.suite.ts`));
  const scratch = await Scratch.make();
  try {
    await scratch.configure(SETTINGS[name]);
    const place = await Place.make(scratch, 'p', name);
    const { exitCode, told } = await runInHost(scratch, place, tests);
    const { counts, fault } = countOf(told, exitCode);
    report(told);
    if (fault !== undefined) process.stdout.write(`    ✗ ${fault}\n`);
    if (counts.failed > 0) process.stdout.write(await logOf(scratch));
    return counts;
  } finally {
    await scratch.dispose();
  }
}

function report(told: readonly Told[]): void {
  for (const each of told) {
    if (each.event === 'passed') noteTime(each.title, each.ms);
    if (each.event === 'failed') noteTime(each.title, 0, each.error);
  }
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

/** Returns the editor's logs, to diagnose a failed run. */
async function logOf(scratch: Scratch): Promise<string> {
  const logs = ['server.log', 'window.log'].map(async name => {
    const log = await readFile(join(scratch.userData, 'server', name), 'utf8').catch(() => '');
    return log === '' ? '' : `    ${name}:\n${log.slice(-8_000)}\n`;
  });
  return (await Promise.all(logs)).join('');
}

await main(process.argv.slice(2));
