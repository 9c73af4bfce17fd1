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

/** The settings of every window of a test: it asks nothing, fetches nothing, and its terminal can be read as text. */
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
  // It lays a second screen over that of the terminal.
  'terminal.integrated.stickyScroll.enabled': false,
  'window.restoreWindows': 'none',
};

export interface PlaceOptions {
  /** Nobody has used a fleet here yet. */
  readonly noHome?: boolean;
}

/** The home of a fleet and a folder to work in, both made for one test. */
export class Place {
  readonly root: string;
  /** The fleet's home; where it exists, it takes any free port. */
  readonly home: string;
  /** A copy of one of the folders of `test/workspaces`, which tests may change. */
  readonly workspace: string;
  /** The environment of a terminal in which the home is the user's. */
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

  /** Types a command into a terminal that is not the editor's. It must succeed. @returns what it printed */
  async spl(...words: readonly string[]): Promise<string> {
    const options = { env: { ...environment(), ...this.env }, cwd: this.workspace };
    const { stdout } = await promisify(execFile)(join(ROOT, 'dist', 'bin', 'spl'), words, options);
    return stdout;
  }
}

/** The throw-away folders of one editor under test, and everything that runs because of it: gone with the process that made it. */
export class Scratch {
  readonly root: string;
  readonly userData: string;
  readonly extensions: string;
  /** Names the scratch folder, so that every process that it reaches can be found and ended. */
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

  /** Gives the windows that open from now on these settings, beside those of every test. */
  async configure(settings: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const text = JSON.stringify({ ...SETTINGS, ...settings }, null, 2);
    // The first are the user's; those that belong to a machine are taken from the second alone.
    for (const folder of ['User', 'Machine'])
      await writeFile(join(this.userData, folder, 'settings.json'), text);
  }

  /** Ends what still runs, and removes the folders. */
  async dispose(): Promise<void> {
    await this.#letGo();
  }
}

/** Has a process of its own watch over a folder. @returns what has it clear the folder away, at once */
function guard(root: string): () => Promise<void> {
  const words = [
    '--import',
    import.meta.resolve('tsx/esm'),
    join(ROOT, 'test', 'editor', 'scratch-guard.ts'),
  ];
  // In a group of its own: what a terminal ends with us is not to end who clears up.
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  let said = '';
  child.stderr.on('data', text => (said += String(text)));
  // Why it is not there to listen is said when it is asked to end.
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${root}\n`);
  const ended = once(child, 'close') as Promise<[number | null]>;
  return async () => {
    child.stdin.end();
    const [code] = await ended;
    if (code !== 0) throw new Error(`${root} could not be cleared away\n${said}`);
  };
}
