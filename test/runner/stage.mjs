import { spawn } from 'node:child_process';
import { once } from 'node:events';

const CLOSING = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;

/**
 * Runs a process of Node.js and prints its output: as it comes or, if others run in parallel (`isGathered`), as a whole
 * when it has ended. A process with tests ends with the line `N passed, N failed, N skipped`, which is removed. A check
 * (`isCheck`) counts as one test.
 *
 * @param {{name: string, words: readonly string[], cwd: string, env?: NodeJS.ProcessEnv, isCheck?: boolean, isGathered?: boolean}} stage
 * @returns {Promise<{passed: number, failed: number, skipped: number}>} at least one failure for a stage that ends
 * badly, reports no count or passes nothing
 */
export async function runStage({ name, words, cwd, env = {}, isCheck = false, isGathered = isCheck }) {
  const printed = [];
  const print = text => (isGathered ? printed.push(text) : process.stdout.write(text));
  print(`\n${name}\n`);
  const child = spawn(process.execPath, words, {
    cwd,
    stdio: ['inherit', 'pipe', 'inherit'],
    env: { ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}), ...process.env, ...env },
  });
  const ended = once(child, 'close');
  const last = await passOn(child.stdout, print);
  const [code] = await ended;
  process.stdout.write(printed.join(''));
  const counts = isCheck ? { passed: code === 0 ? 1 : 0, failed: 0, skipped: 0 } : countsIn(last);
  const fault = faultOf(counts, code);
  if (fault === undefined) return counts;
  process.stdout.write(`✗ ${name}: ${fault}\n`);
  return { passed: 0, skipped: 0, ...counts, failed: Math.max(1, counts?.failed ?? 0) };
}

/** Prints the lines of a stream except the line with the counts. @returns the last line with text */
async function passOn(stream, print) {
  let last = '';
  let rest = '';
  const line = text => {
    if (text !== '') last = text;
    if (!CLOSING.test(text)) print(`${text}\n`);
  };
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    lines.forEach(line);
  }
  if (rest !== '') line(rest);
  return last;
}

function countsIn(text) {
  const found = CLOSING.exec(text);
  if (found === null) return undefined;
  const [passed, failed, skipped] = found.slice(1).map(Number);
  return { passed, failed, skipped };
}

function faultOf(counts, code) {
  if (counts === undefined) return `it ended with ${code} and no count`;
  if (counts.failed > 0) return undefined;
  if (code !== 0) return `it ended with ${code}`;
  return counts.passed === 0 ? 'nothing passed' : undefined;
}
