import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleOf, bundleTests } from './runner/bundle.mjs';
import { runStage } from './runner/stage.mjs';
import { failures, readTimes, slowest } from './runner/times.mjs';

/**
 * Runs the tests on the built product: `node test/run.mjs` runs all of them, `node test/run.mjs quick` those for after
 * each change. Ends with the time of each stage, the slowest tests, and the line `N passed, N failed, N skipped`.
 */

const root = fileURLToPath(new URL('../', import.meta.url));
const require = createRequire(import.meta.url);
const tsx = require.resolve('tsx/cli');
const mocha = require.resolve('mocha/bin/mocha.js');
const out = join(root, 'out');
const times = join(out, 'times.ndjson');
const built = join(root, 'dist', 'bin');
const SLOWEST = 20;

/**
 * The first files to run, the longest first, so that all lanes end at about the same time. Files that start git the
 * most are not next to each other: in parallel they take as long as in sequence, because forking blocks the memory of
 * both processors. They run early, because a process that has grown takes longer to fork.
 */
const FIRST = [
  'engine/runtime/worktrees/odd',
  'test/scenarios/[a-k]',
  'engine/runtime/worktrees/w',
  'test/scenarios/[l-s]',
  'engine/runtime/worktrees/',
  'test/scenarios/',
  'test/simulation/',
  'test/',
  'engine/runtime/',
  'engine/log/',
  '',
].map(beginning => new RegExp(`^${beginning}`));

/**
 * Path prefixes of unit tests that start processes, or damage a log at every place. A quick run skips them, unless a
 * source with the same prefix has changed.
 */
const SLOW = [
  'engine/bin/',
  'engine/log/file/',
  'engine/log/index/',
  'engine/runtime/executors/',
  'engine/runtime/processes/',
  'engine/runtime/coordinator/supervisor',
  'engine/runtime/worktrees/',
];

/** The stages of each kind of run. The stages of one list run in parallel. */
const KINDS = { all: allStages, quick: quickStages };

async function main(kind = 'all') {
  if (!Object.hasOwn(KINDS, kind)) throw new Error(`'${kind}' is none of ${Object.keys(KINDS).join(', ')}`);
  mkdirSync(out, { recursive: true });
  rmSync(times, { force: true });
  const sources = await bundleTests();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const took = [];
  const take = async stage => {
    const begun = performance.now();
    const counts = await runStage({ env: { SPL_TEST_TIMES: times }, ...stage, cwd: root });
    for (const key of Object.keys(total)) total[key] += counts[key];
    took.push(`${((performance.now() - begun) / 1000).toFixed(1).padStart(7)} s  ${stage.name}`);
  };
  for (const atOnce of KINDS[kind](sources)) await Promise.all(atOnce.map(take));
  const noted = existsSync(times) ? readTimes(times) : [];
  const failed = failures(noted);
  print('\nSlowest tests', slowest(noted, SLOWEST));
  print('\nStages', took);
  if (failed.length > 0) print('\nFailed', failed);
  print(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
}

function allStages(sources) {
  return [
    [
      inNode('engine, scenarios and views', sources, { SPL_TEST_BIN: process.env['SPL_TEST_BIN'] ?? built }),
      { name: 'editor for the tests', words: [tsx, 'test/editor/install-editor.ts'], isCheck: true },
    ],
    // One after the other: at the same time they take as long, and the editors react too late.
    [{ name: 'extension host', words: [tsx, 'test/editor/run.ts'] }],
    [{ name: 'browser', words: [mocha, '--config', 'test/e2e/.mocharc.json'] }],
  ];
}

function quickStages(sources) {
  const changed = changedSources();
  const isSlow = source =>
    SLOW.some(start => source.startsWith(start) && !changed.some(name => name.startsWith(start)));
  const tests = sources.filter(source => isUnitTest(source) && !isSlow(source));
  return [
    [
      { name: 'types', words: [require.resolve('typescript/bin/tsc'), '-b'], isCheck: true },
      ...(changed.length === 0 ? [] : [{ name: 'lint', words: [eslint(), ...changed], isCheck: true }]),
      inNode('unit tests', tests, { SPL_TEST_SEEDS: '50' }),
    ],
  ];
}

const isUnitTest = source => !source.startsWith('test/') || source === 'test/simulation/simulation.test.ts';

/** Makes SQLite compile once, and not again for speed that no test needs: each test of the index loads it. */
const QUICK_TO_COMPILE = '--liftoff-only';

/** Returns a stage of bundled tests, three files at a time. */
function inNode(name, sources, env = {}) {
  const rank = source => FIRST.findIndex(beginning => beginning.test(source));
  const files = [...sources].sort((a, b) => rank(a) - rank(b)).map(bundleOf);
  const words = [QUICK_TO_COMPILE, mocha, '--config', 'test/runner/.mocharc.json', ...files];
  return { name, words, env: { SPL_TEST_TIMES: times, ...env } };
}

/** Returns the sources that differ from the last commit, relative to the root of the repository. */
function changedSources() {
  const git = (...words) =>
    execFileSync('git', [...words, '-z'], { cwd: root, encoding: 'utf8' }).split('\0');
  const names = [
    ...git('diff', '--name-only', '--diff-filter=d', '--no-ext-diff', 'HEAD'),
    ...git('ls-files', '--others', '--exclude-standard'),
  ];
  return names.filter(name => /\.(?:ts|mjs)$/.test(name));
}

const eslint = () => join(dirname(require.resolve('eslint/package.json')), 'bin', 'eslint.js');

function print(heading, lines = []) {
  process.stdout.write([heading, ...lines, ''].join('\n'));
}

await main(process.argv[2]);
