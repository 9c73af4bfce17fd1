import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { environment } from './environment.ts';
import type { Editor } from './install.ts';

export interface ServerOptions {
  readonly editor: Editor;
  /** An existing folder for the server's own files. */
  readonly folder: string;
  readonly userData: string;
  readonly extensions: string;
  /** Variables in addition to the environment of the extension host and its terminals. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Allows a page to name an extension under development and its tests. Otherwise such a page is ignored silently.
   * Notifications are suppressed with it.
   */
  readonly testDriver?: boolean;
}

const START_MS = 60_000;
const END_MS = 10_000;

/** A code-server on a free port of the loopback, in its own process group. */
export class Server {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Starts a server. Resolves when it accepts connections. */
  static async start(options: ServerOptions): Promise<Server> {
    const log = join(options.folder, 'server.log');
    const sink = await open(log, 'a');
    try {
      const child = await launch(options, sink);
      const port = await listening(child, log).catch((error: unknown) => {
        endGroup(child, 'SIGKILL');
        throw error;
      });
      return new Server(child, port);
    } finally {
      await sink.close();
    }
  }

  /** Returns the address of a window on the folder. */
  url(folder: string, payload: ReadonlyArray<readonly [string, string]> = []): string {
    const url = new URL(`http://127.0.0.1:${this.port}/`);
    url.searchParams.set('folder', folder);
    if (payload.length > 0) url.searchParams.set('payload', JSON.stringify(payload));
    return url.href;
  }

  /** Returns the URI of a path on this server for the page. */
  resource(path: string): string {
    return `vscode-remote://127.0.0.1:${this.port}${path}`;
  }

  /** Ends the server and its process group, including extension hosts, but not processes that they detached. */
  async dispose(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      endGroup(this.#child, 'SIGTERM');
      const timer = setTimeout(() => endGroup(this.#child, 'SIGKILL'), END_MS);
      await ended;
      clearTimeout(timer);
    }
    endGroup(this.#child, 'SIGKILL');
  }
}

/** Installs a packaged extension into the folder of extensions. */
export async function installExtension(
  editor: Editor,
  vsix: string,
  folders: Pick<ServerOptions, 'folder' | 'userData' | 'extensions'>,
): Promise<void> {
  const words = [...(await commonWords(editor, folders)), '--install-extension', vsix];
  const child = spawn(editor.node, words, { env: serverEnv({}), stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${vsix} could not be installed: code-server ended with ${code}\n${said}`);
}

async function launch(options: ServerOptions, sink: FileHandle): Promise<ChildProcess> {
  const words = [
    ...(await commonWords(options.editor, options)),
    ...['--auth', 'none', '--bind-addr', '127.0.0.1:0'],
    ...['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'],
    ...['--disable-proxy', '--ignore-last-opened'],
    // Otherwise a closed page keeps its extension host for hours.
    ...['--reconnection-grace-time', '1'],
    ...(options.testDriver === true ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
  ];
  return spawn(options.editor.node, words, {
    cwd: options.folder,
    env: serverEnv(options.env ?? {}),
    stdio: ['ignore', sink.fd, sink.fd],
    detached: true,
  });
}

async function commonWords(
  editor: Editor,
  folders: Pick<ServerOptions, 'folder' | 'userData' | 'extensions'>,
): Promise<string[]> {
  const config = join(folders.folder, 'code-server.yaml');
  await writeFile(config, '');
  return [
    editor.codeServer,
    ...['--config', config],
    ...['--user-data-dir', folders.userData],
    ...['--extensions-dir', folders.extensions],
  ];
}

function serverEnv(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...environment(), EXTENSIONS_GALLERY: '{"serviceUrl":""}', ...more };
}

/** Waits for the port of the server. The server writes it to a file, which has no events, so the file is polled. */
async function listening(child: ChildProcess, log: string): Promise<number> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const said = await readFile(log, 'utf8');
    const port = /HTTP server listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
    if (child.exitCode !== null) throw new Error(`code-server ended with ${child.exitCode}\n${said}`);
    if (performance.now() > deadline) throw new Error(`code-server does not listen\n${said}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // The group has already ended.
  }
}
