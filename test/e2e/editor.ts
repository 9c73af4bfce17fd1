import { cp, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVSIX } from '@vscode/vsce';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../editor/browser.ts';
import { Fleet } from '../editor/fleet.ts';
import { installEditor, type Editor } from '../editor/install.ts';
import { ROOT, Scratch, type ScratchOptions } from '../editor/scratch.ts';
import { installExtension, Server } from '../editor/server.ts';
import { Workbench } from './workbench.ts';

export interface EditorOptions extends ScratchOptions {
  /** A folder of `test/workspaces`. */
  readonly workspace: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the editor asks for trust in the folder. Default false. */
  readonly trust?: boolean;
}

const SIZE = { width: 1280, height: 800 };

/** An editor as a user has it: a server with the packaged extension installed, and a browser to open windows with. */
export class EditorUnderTest {
  readonly scratch: Scratch;
  readonly server: Server;
  /** Whoever serves the home, spoken to from outside. */
  readonly fleet: Fleet;
  readonly #browser: Browser;
  readonly #windows = new Map<string, Workbench>();
  /** What pages reported as errors of scripts. */
  readonly pageErrors: string[] = [];

  private constructor(scratch: Scratch, server: Server, browser: Browser) {
    this.scratch = scratch;
    this.server = server;
    this.fleet = new Fleet(scratch.home);
    this.#browser = browser;
  }

  static async start(options: EditorOptions): Promise<EditorUnderTest> {
    const editor = await installEditor();
    const scratch = await Scratch.make(options.workspace, options);
    try {
      const [server, browser] = await both(startServer(editor, scratch, options), openBrowser(editor));
      return new EditorUnderTest(scratch, server, browser);
    } catch (error) {
      await scratch.dispose();
      throw error;
    }
  }

  /** The window of that name, which is opened on the workspace unless it is open, with a browser profile of its own. */
  async window(name: string): Promise<Workbench> {
    const open = this.#windows.get(name);
    if (open !== undefined && !open.page.isClosed()) return open;
    const context = await this.#browser.newContext({
      viewport: SIZE,
      // The server would compress some megabytes for each window, which the same machine unpacks again.
      extraHTTPHeaders: { 'accept-encoding': 'identity' },
    });
    const page = await context.newPage();
    page.on('pageerror', error => this.pageErrors.push(error.message));
    const workbench = new Workbench(page, name);
    this.#windows.set(name, workbench);
    await page.goto(this.server.url(this.scratch.workspace));
    await workbench.ready();
    return workbench;
  }

  /** Takes a picture of each open window. One that is closed meanwhile shows nothing. */
  async snap(step: string): Promise<void> {
    for (const window of this.#windows.values()) await window.snap(step).catch(() => undefined);
  }

  async dispose(): Promise<void> {
    await this.#browser.close();
    await this.fleet.client.close();
    await this.server.dispose();
    await this.scratch.dispose();
  }
}

/** Both, or neither: what came up beside one that did not is ended. */
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

async function startServer(editor: Editor, scratch: Scratch, options: EditorOptions): Promise<Server> {
  const folder = join(scratch.root, 's');
  await mkdir(folder);
  const folders = { folder, userData: scratch.userData, extensions: scratch.extensions };
  await cp(await installed(editor), scratch.extensions, { recursive: true });
  return Server.start({
    editor,
    ...folders,
    env: { ...scratch.env, ...options.env },
    ...(options.trust === undefined ? {} : { trust: options.trust }),
  });
}

let extensions: Promise<string> | undefined;

/** A folder of extensions in which the editor has installed the packaged one; each editor under test gets a copy. */
function installed(editor: Editor): Promise<string> {
  extensions ??= install(editor);
  return extensions;
}

async function install(editor: Editor): Promise<string> {
  const made = join(ROOT, 'out', 'e2e', 'extensions');
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), 'spl-i-'));
  try {
    const folders = { folder, userData: join(folder, 'd'), extensions: made };
    await installExtension(editor, await packaged(), folders);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return made;
}

let vsix: Promise<string> | undefined;

/** The packaged extension, made once from what is built. `SPL_TEST_VSIX` names another one. */
export function packaged(): Promise<string> {
  vsix ??= makePackage();
  return vsix;
}

async function makePackage(): Promise<string> {
  const named = process.env['SPL_TEST_VSIX'];
  if (named !== undefined) return named;
  const packagePath = join(ROOT, 'out', 'e2e', 'extension.vsix');
  await mkdir(join(packagePath, '..'), { recursive: true });
  await createVSIX({ cwd: ROOT, packagePath, dependencies: false, rewriteRelativeLinks: false });
  return packagePath;
}

/** In bytes. */
export async function packageSize(): Promise<number> {
  return (await stat(await packaged())).size;
}
