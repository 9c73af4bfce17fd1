import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
  install();
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

/** What an installation depends on: the lock, and the system that binaries were chosen for. */
function fingerprint() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform} ${process.arch}`)
    .digest('hex');
}

function isInstalled(wanted) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

function install() {
  process.stdout.write('Installing what package-lock.json names (npm ci) …\n');
  const { status, output } = npm('ci');
  if (status === 0) return;
  process.stderr.write(`${output}\nerror: the packages could not be installed\n`);
  process.stderr.write('  → see above; the first time it needs the network\n');
  process.exit(1);
}

function npm(...words) {
  const options = ['--no-audit', '--no-fund', '--loglevel=error'];
  // On Windows npm is a script, which only a shell runs; none of these words comes from outside.
  const { status, stdout, stderr, error } = spawnSync('npm', [...words, ...options], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  return { status, output: error === undefined ? `${stdout}${stderr}` : String(error) };
}
