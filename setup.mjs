import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { showProgress } from './progress.mjs';

/**
 * Makes node_modules what package-lock.json says, and does nothing when it is already. It runs before anything is
 * installed, so it uses nothing but Node.js itself.
 */

const root = dirname(fileURLToPath(import.meta.url));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.setup');

requireNode(20, 19);
const wanted = fingerprint();
if (!isInstalled(wanted)) {
  await install();
  writeFileSync(stamp, wanted);
}

function requireNode(major, minor) {
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number);
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return;
  process.stderr.write(
    `error: Node.js ${process.versions.node} is too old; ${major}.${minor} or later is needed\n` +
      '  → https://nodejs.org/en/download\n',
  );
  process.exit(1);
}

/** Returns a hash of what an installation depends on: the lock, and the system that binaries were chosen for. */
function fingerprint() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform} ${process.arch}`)
    .digest('hex');
}

function isInstalled(wanted) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

async function install() {
  const { succeeded, output } = await showProgress(
    'Installing what package-lock.json names (npm ci)',
    npm('ci'),
  );
  if (succeeded) return;
  process.stderr.write(`${output}\nerror: the packages could not be installed\n`);
  process.stderr.write('  → see above; the first time it needs the network\n');
  process.exit(1);
}

async function npm(...words) {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  // A registry that can't be reached is given up on after half a minute, and not after several.
  const patience = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=10000'];
  // On Windows npm is a script, which only a shell runs; none of these words comes from outside.
  const child = spawn('npm', [...words, ...quiet, ...patience], {
    cwd: root,
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise(resolve => {
    child.once('error', error => resolve({ succeeded: false, fault: String(error) }));
    child.once('close', code => resolve({ succeeded: code === 0, fault: '' }));
  });
  const [{ succeeded, fault }, ...printed] = await Promise.all([
    ended,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { succeeded, output: `${printed.join('')}${fault}` };
}
