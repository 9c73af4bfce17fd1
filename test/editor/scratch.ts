import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { VERSION } from '../../engine/contract/engine.ts';
import { openHome } from '../../engine/home/home.ts';
import { environment } from './environment.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const WORKSPACES = join(ROOT, 'test', 'workspaces');

/** The settings of every window of a test: it asks nothing, downloads nothing, and its terminal can be read as text. */
const SETTINGS = {
  'security.workspace.trust.enabled': false,
  'workbench.startupEditor': 'none',
  'workbench.reduceMotion': 'on',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'telemetry.telemetryLevel': 'off',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'update.mode': 'none',
  'chat.disableAIFeatures': true,
  'git.enabled': false,
  'remote.autoForwardPorts': false,
  'terminal.integrated.gpuAcceleration': 'off',
  // Otherwise a second screen covers that of the terminal.
  'terminal.integrated.stickyScroll.enabled': false,
  'window.restoreWindows': 'none',
};

export interface PlaceOptions {
  /** True for a place where no fleet was ever used. */
  readonly noHome?: boolean;
}

/** The home of a fleet and a folder to work in, for one test. */
export class Place {
  readonly root: string;
  /** The fleet's home. If it exists, its fleet uses any free port. */
  readonly home: string;
  /** A copy of a folder of `test/workspaces`, which tests may change. */
  readonly workspace: string;
  /** The environment of a terminal whose user has this home. */
  readonly env: Readonly<Record<string, string>>;

  private constructor(root: string, env: Readonly<Record<string, string>>) {
    this.root = root;
    this.home = join(root, 'h');
    this.workspace = join(root, 'w');
    this.env = { ...env, SYNCROPEL_HOME: this.home };
  }

  static async make(
    scratch: Scratch,
    name: string,
    workspace: string,
    options: PlaceOptions = {},
  ): Promise<Place> {
    const made = new Place(join(scratch.root, name), scratch.env);
    await cp(join(WORKSPACES, workspace), made.workspace, { recursive: true });
    if (options.noHome === true) return made;
    const home = await openHome(made.home, { create: true, version: VERSION });
    await writeFile(home.paths.configToml, '[server]\nport = 0\n\n[fleet]\nheartbeat_interval_secs = 0.5\n');
    return made;
  }

  /** Runs a command in a terminal outside the editor. It must succeed. @returns its output */
  async spl(...words: readonly string[]): Promise<string> {
    const options = { env: { ...environment(), ...this.env }, cwd: this.workspace };
    const { stdout } = await promisify(execFile)(join(ROOT, 'dist', 'bin', 'spl'), words, options);
    return stdout;
  }
}

/**
 * The temporary folders of one editor under test, and all its processes. They are gone when the process that made them
 * ends.
 */
export class Scratch {
  readonly root: string;
  readonly userData: string;
  readonly extensions: string;
  /** Contains the name of the scratch folder, so that every process with this environment can be found and ended. */
  readonly env: Readonly<Record<string, string>>;
  readonly #letGo: () => Promise<void>;

  private constructor(root: string) {
    this.root = root;
    this.#letGo = guard(root);
    this.userData = join(root, 'd');
    this.extensions = join(root, 'x');
    this.env = {
      HOME: join(root, 'u'),
      TMPDIR: join(root, 't'),
      SHELL: '/bin/bash',
      SPL_ACTOR: 'did:sync:user:tester',
    };
  }

  static async make(): Promise<Scratch> {
    const made = new Scratch(await mkdtemp(join(tmpdir(), 'spl-e-')));
    for (const folder of ['u', 't', 'x', 'd/User', 'd/Machine'])
      await mkdir(join(made.root, folder), { recursive: true });
    await made.configure();
    return made;
  }

  /** Sets these settings for windows that are opened from now on, in addition to those of every test. */
  async configure(settings: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const text = JSON.stringify({ ...SETTINGS, ...settings }, null, 2);
    // `User` has the user's settings. The settings of a machine are read only from `Machine`.
    for (const folder of ['User', 'Machine'])
      await writeFile(join(this.userData, folder, 'settings.json'), text);
  }

  /** Ends all remaining processes, and removes the folders. */
  async dispose(): Promise<void> {
    await this.#letGo();
  }
}

/** Starts a separate process that guards a folder. @returns a function that makes it clear the folder at once */
function guard(root: string): () => Promise<void> {
  const words = [
    '--import',
    import.meta.resolve('tsx/esm'),
    join(ROOT, 'test', 'editor', 'scratch-guard.ts'),
  ];
  // In a separate process group, so that a terminal that ends this group does not end the guard.
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  let said = '';
  child.stderr.on('data', text => (said += String(text)));
  // If the guard is gone, the reason is reported when it is asked to end.
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${root}\n`);
  const ended = once(child, 'close') as Promise<[number | null]>;
  return async () => {
    child.stdin.end();
    const [code] = await ended;
    if (code !== 0) throw new Error(`${root} could not be cleared away\n${said}`);
  };
}
