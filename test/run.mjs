import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRequire } from 'node:module';

/**
 * Runs all tests on what is built: the engine's, the suites inside the extension host, and those in a browser. Each part
 * reports for itself; the closing line `N passed, N failed, N skipped` adds all up.
 *
 * The scenarios wait for other processes most of the time, so that the rest of the engine's tests run beside them. The
 * editor and the browser need both processors for themselves.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const mocha = require.resolve('mocha/bin/mocha.js');
const tsx = require.resolve('tsx/cli');

/** What several lanes print, each in one piece: the first that is not over prints at once, the others wait for it. */
class Paper {
  #held;
  #over;
  #turn = 0;

  constructor(lanes) {
    this.#held = Array.from({ length: lanes }, () => []);
    this.#over = new Array(lanes).fill(false);
  }

  write(lane, text) {
    if (lane === this.#turn) process.stdout.write(text);
    else this.#held[lane].push(text);
  }

  close(lane) {
    this.#over[lane] = true;
    while (this.#over[this.#turn]) {
      this.#turn++;
      for (const text of this.#held[this.#turn]?.splice(0) ?? []) process.stdout.write(text);
    }
  }
}

const scenarios = [mocha, '--config', 'test/scenarios/.mocharc.json'];
/** Those that go into the other lane, so that both end at about the same time. */
const FURTHER = 'snapshots|namespaces';

/** Stages one after another, the lanes of each side by side, the parts of a lane one after another. */
const stages = [
  [
    [
      { name: 'engine and extension', words: [mocha, '--ignore', 'test/scenarios/*.test.ts'] },
      {
        name: 'further scenarios',
        words: [...scenarios, '--ignore', `test/scenarios/!(${FURTHER}).test.ts`],
      },
    ],
    [{ name: 'scenarios', words: [...scenarios, '--ignore', `test/scenarios/@(${FURTHER}).test.ts`] }],
  ],
  [
    [
      { name: 'extension host', words: [tsx, 'test/editor/run.ts'] },
      { name: 'browser', words: [mocha, '--config', 'test/e2e/.mocharc.json'] },
    ],
  ],
];

const closing = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;
const total = { passed: 0, failed: 0, skipped: 0 };
for (const lanes of stages) {
  const paper = new Paper(lanes.length);
  const results = await Promise.all(lanes.map((parts, lane) => runLane(parts, lane, paper)));
  for (const counts of results.flat()) for (const key of Object.keys(total)) total[key] += counts[key];
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** Runs the parts of a lane one after another. @returns what each of them counted. */
async function runLane(parts, lane, paper) {
  const counted = [];
  for (const part of parts) {
    const begun = performance.now();
    const say = text => paper.write(lane, text);
    counted.push(await run(part, say));
    say(`· ${part.name}: ${Math.round((performance.now() - begun) / 1000)} s\n`);
  }
  paper.close(lane);
  return counted;
}

/** A part that ends badly or says no count has a failure more than it says, and so has one that passed nothing. */
async function run({ name, words }, say) {
  say(`\n${name}\n`);
  const child = spawn(process.execPath, words, {
    cwd: root,
    stdio: ['inherit', 'pipe', 'pipe'],
    env: process.stdout.isTTY ? { FORCE_COLOR: '1', ...process.env } : process.env,
  });
  const ended = once(child, 'close');
  child.stderr.setEncoding('utf8').on('data', say);
  const counts = await passOn(child.stdout, say);
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
async function passOn(stream, say) {
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
