import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createVSIX } from '@vscode/vsce';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../editor/browser.ts';
import { installEditor, type Editor } from '../editor/install.ts';
import { Place, ROOT, Scratch, type PlaceOptions } from '../editor/scratch.ts';
import { installExtension, Server } from '../editor/server.ts';
import { clientOf, FleetClient } from '../harness/fleet-client.ts';
import { endProcesses } from '../harness/processes.ts';
import { Workbench } from './workbench.ts';

export interface EditorOptions extends PlaceOptions {
  /** The name of a folder of `test/workspaces`. */
  readonly workspace: string;
  /** Settings in addition to those of every test. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

const SIZE = { width: 1280, height: 800 };

/** A server with the packaged extension, and a browser for its windows: one for all tests of a run. */
export class RunningEditor {
  readonly #scratch: Scratch;
  readonly #server: Server;
  readonly #browser: Browser;
  #opened = 0;

  private constructor(scratch: Scratch, server: Server, browser: Browser) {
    this.#scratch = scratch;
    this.#server = server;
    this.#browser = browser;
  }

  /** @param env variables in addition to the environment of the server and its windows' processes */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<RunningEditor> {
    const editor = await installEditor();
    const scratch = await Scratch.make();
    try {
      const [server, browser] = await both(startServer(editor, scratch, env), openBrowser(editor));
      return new RunningEditor(scratch, server, browser);
    } catch (error) {
      await scratch.dispose();
      throw error;
    }
  }

  /**
   * Makes a home and a workspace for a test. Disposes of the previous ones first, because the settings name one home.
   */
  async open(options: EditorOptions): Promise<EditorUnderTest> {
    const place = await Place.make(this.#scratch, `p${(this.#opened += 1)}`, options.workspace, options);
    const configure = (settings: Readonly<Record<string, unknown>>): Promise<void> =>
      this.#scratch.configure({ ...options.settings, ...settings, 'fleet.home': place.home });
    await configure({});
    return new EditorUnderTest(place, this.#server, this.#browser, configure, () => this.#endHosts());
  }

  /** Ends the extension hosts of closed windows at once, so that none serves the home of a finished test. */
  #endHosts(): Promise<void> {
    return endProcesses(this.#scratch.root, ({ command }) => command.includes('--type=extensionHost'));
  }

  async dispose(): Promise<void> {
    await this.#browser.close();
    await this.#server.dispose();
    await this.#scratch.dispose();
  }
}

/** The windows of a test, with its own home and workspace. */
export class EditorUnderTest {
  readonly place: Place;
  /** A client of the coordinator that serves the home, from outside the editor. */
  readonly fleet: FleetClient;
  /** Adds settings for windows that are opened from now on. */
  readonly configure: (settings: Readonly<Record<string, unknown>>) => Promise<void>;
  /** Errors of scripts in pages. */
  readonly pageErrors: string[] = [];
  readonly #server: Server;
  readonly #browser: Browser;
  readonly #endHosts: () => Promise<void>;
  readonly #windows = new Map<string, Workbench>();

  constructor(
    place: Place,
    server: Server,
    browser: Browser,
    configure: (settings: Readonly<Record<string, unknown>>) => Promise<void>,
    endHosts: () => Promise<void>,
  ) {
    this.place = place;
    this.fleet = new FleetClient(clientOf(place.home), place.workspace);
    this.configure = configure;
    this.#server = server;
    this.#browser = browser;
    this.#endHosts = endHosts;
  }

  /** Returns the window of that name. Opens it on the workspace if needed, with its own browser profile. */
  async window(name: string): Promise<Workbench> {
    const open = this.#windows.get(name);
    if (open !== undefined && !open.page.isClosed()) return open;
    const context = await this.#browser.newContext({
      viewport: SIZE,
      // The server would compress some megabytes for each window, which the same machine would decompress.
      extraHTTPHeaders: { 'accept-encoding': 'identity' },
    });
    const page = await context.newPage();
    page.on('pageerror', error => this.pageErrors.push(error.message));
    const workbench = new Workbench(page, name);
    this.#windows.set(name, workbench);
    await page.goto(this.#server.url(this.place.workspace));
    await workbench.ready();
    return workbench;
  }

  /** Takes a picture of each open window. Skips one that is closed meanwhile. */
  async snap(step: string): Promise<void> {
    for (const window of this.#windows.values()) await window.snap(step).catch(() => undefined);
  }

  /** Closes the windows, and ends their extension hosts and everything that runs on the home. */
  async dispose(): Promise<void> {
    for (const { page } of this.#windows.values()) await page.context().close();
    await this.fleet.close();
    await this.#endHosts();
    await endProcesses(this.place.root);
    await rm(this.place.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Starts both or neither: if one fails, the other is ended. */
async function both(
  starting: Promise<Server>,
  opening: Promise<Browser>,
): Promise<readonly [Server, Browser]> {
  const [server, browser] = await Promise.allSettled([starting, opening]);
  if (server.status === 'fulfilled' && browser.status === 'fulfilled') return [server.value, browser.value];
  if (server.status === 'fulfilled') await server.value.dispose();
  if (browser.status === 'fulfilled') await browser.value.close();
  throw [server, browser].find(each => each.status === 'rejected')?.reason;
}

async function startServer(
  editor: Editor,
  scratch: Scratch,
  env: Readonly<Record<string, string>>,
): Promise<Server> {
  const folder = join(scratch.root, 's');
  await mkdir(folder);
  const folders = { folder, userData: scratch.userData, extensions: scratch.extensions };
  const install = { folder, userData: join(folder, 'd'), extensions: scratch.extensions };
  await installExtension(editor, await packaged(), install);
  return Server.start({ editor, ...folders, env: { ...scratch.env, ...env } });
}

let vsix: Promise<string> | undefined;

/** Returns the packaged extension, packaged once from the built files. `SPL_TEST_VSIX` names another package. */
export function packaged(): Promise<string> {
  vsix ??= makePackage();
  return vsix;
}

async function makePackage(): Promise<string> {
  const named = process.env['SPL_TEST_VSIX'];
  if (named !== undefined) return named;
  const packagePath = join(ROOT, 'out', 'e2e', 'extension.vsix');
  await mkdir(join(packagePath, '..'), { recursive: true });
  await createVSIX({ cwd: ROOT, packagePath });
  return packagePath;
}

/** Returns the size of the package, in bytes. */
export async function packageSize(): Promise<number> {
  return (await stat(await packaged())).size;
}
