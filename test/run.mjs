import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';

/**
 * Runs all tests on what is built: the engine's, the suites inside the extension host, and those in a browser. Each part
 * reports for itself; the closing line `N passed, N failed, N skipped` adds all up.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const mocha = require.resolve('mocha/bin/mocha.js');
const tsx = require.resolve('tsx/cli');

const parts = [
  { name: 'engine and extension', words: [mocha] },
  { name: 'extension host', words: [tsx, 'test/editor/run.ts'] },
  { name: 'browser', words: [mocha, '--config', 'test/e2e/.mocharc.json'] },
];

const closing = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;
const total = { passed: 0, failed: 0, skipped: 0 };
for (const part of parts) {
  const begun = performance.now();
  const { passed, failed, skipped } = await run(part);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  say(`· ${part.name}: ${Math.round((performance.now() - begun) / 1000)} s\n`);
}
say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** A part that ends badly or says no count has a failure more than it says, and so has one that passed nothing. */
async function run({ name, words }) {
  say(`\n${name}\n`);
  const child = spawn(process.execPath, words, {
    cwd: root,
    stdio: ['inherit', 'pipe', 'inherit'],
    env: process.stdout.isTTY ? { FORCE_COLOR: '1', ...process.env } : process.env,
  });
  const ended = once(child, 'close');
  const counts = await passOn(child.stdout);
  const [code] = await ended;
  const fault = faultOf(counts, code);
  if (fault === undefined) return counts;
  say(`✗ ${name}: ${fault}\n`);
  return { passed: 0, skipped: 0, ...counts, failed: Math.max(1, counts?.failed ?? 0) };
}

function faultOf(counts, code) {
  if (counts === undefined) return `it ended with ${code} and no count`;
  if (counts.failed > 0) return undefined;
  if (code !== 0) return `it ended with ${code}`;
  return counts.passed === 0 ? 'nothing passed' : undefined;
}

/** Prints what the part prints, but for its closing line. @returns what that line says, if it is the last. */
async function passOn(stream) {
  let counts;
  let rest = '';
  const line = (text, end) => {
    const found = closing.exec(text);
    if (found === null) {
      if (text !== '') counts = undefined;
      say(text + end);
    } else {
      const [passed, failed, skipped] = found.slice(1).map(Number);
      counts = { passed, failed, skipped };
    }
  };
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const each of lines) line(each, '\n');
  }
  if (rest !== '') line(rest, '');
  return counts;
}

function say(text) {
  process.stdout.write(text);
}
