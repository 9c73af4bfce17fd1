import { spawn } from 'node:child_process';
import { once } from 'node:events';

const CLOSING = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;

/**
 * Runs a process of Node.js and passes on its output. A process with tests ends with the line
 * `N passed, N failed, N skipped`, which is removed. A check (`isCheck`) counts as one test; its output is printed as a whole when it has
 * ended, because others may run in parallel.
 *
 * @param {{name: string, words: readonly string[], cwd: string, env?: NodeJS.ProcessEnv, isCheck?: boolean}} stage
 * @returns {Promise<{passed: number, failed: number, skipped: number}>} at least one failure for a stage that ends
 * badly, reports no count or passes nothing
 */
export async function runStage({ name, words, cwd, env = {}, isCheck = false }) {
  const heading = `\n${name}\n`;
  if (!isCheck) process.stdout.write(heading);
  const child = spawn(process.execPath, words, {
    cwd,
    stdio: ['inherit', 'pipe', 'inherit'],
    env: { ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}), ...process.env, ...env },
  });
  const ended = once(child, 'close');
  const last = isCheck ? await gathered(child.stdout) : await passOn(child.stdout);
  const [code] = await ended;
  if (isCheck) process.stdout.write(heading + last);
  const counts = isCheck ? { passed: code === 0 ? 1 : 0, failed: 0, skipped: 0 } : countsIn(last);
  const fault = faultOf(counts, code);
  if (fault === undefined) return counts;
  process.stdout.write(`✗ ${name}: ${fault}\n`);
  return { passed: 0, skipped: 0, ...counts, failed: Math.max(1, counts?.failed ?? 0) };
}

async function gathered(stream) {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

/** Prints the lines of a stream except the line with the counts. @returns the last line with text */
async function passOn(stream) {
  let last = '';
  let rest = '';
  const line = text => {
    if (text !== '') last = text;
    if (!CLOSING.test(text)) process.stdout.write(`${text}\n`);
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
