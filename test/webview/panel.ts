import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { fileURLToPath } from 'node:url';
import { pageHtml } from '../../extension/panels/html.ts';
import type { ToView } from '../../webview/protocol.ts';
import { openBrowser } from '../editor/browser.ts';
import { installEditor } from '../editor/install.ts';
import { StandInHost } from './stand-in-host.ts';
import type { Theme } from './themes.ts';

/**
 * The built view in a real browser, under the editor's policy. Only the host is simulated: it speaks the protocol, and
 * gives the answers of a test.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NONCE = 'bm9uY2Utb2YtdGhlLXRlc3Q';

/** A browser and the server of its pages. */
export class Stage {
  readonly browser: Browser;
  readonly #server: Server;
  readonly #origin: string;

  private constructor(browser: Browser, server: Server) {
    this.browser = browser;
    this.#server = server;
    this.#origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async open(): Promise<Stage> {
    const server = createServer((request, response) => {
      void serve(request.url ?? '/').then(
        ({ type, body }) => response.writeHead(200, { 'content-type': type }).end(body),
        () => response.writeHead(404).end(),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Stage(await openBrowser(await installEditor()), server);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /**
   * Opens a panel. `saved` is the state that a previous view saved with the editor. The page itself sends `told` to the
   * view as soon as the view is ready, so that the time to this process and back is not measured.
   */
  async panel(
    theme: Theme,
    {
      width = 1200,
      height = 900,
      saved,
      told = [],
    }: { width?: number; height?: number; saved?: unknown; told?: readonly ToView[] } = {},
    media: Parameters<Page['emulateMedia']>[0] = {},
  ): Promise<Panel> {
    const page = await this.browser.newPage({ viewport: { width, height } });
    const panel = new Panel(page);
    await page.emulateMedia(media);
    await page.exposeFunction('toHost', (message: unknown) => panel.receive(message));
    // The loader of this file names functions with a helper that the page lacks.
    const script = `{ const __name = f => f; (${String(standIn)})(${JSON.stringify({ theme, saved, told })}); }`;
    await page.addInitScript({ content: script });
    await page.goto(`${this.#origin}/`);
    await panel.until(() => panel.isReady, 'the view is ready');
    return panel;
  }
}

/** Does what the editor does in a webview's page before the page's own scripts run. */
function standIn({ theme, saved, told }: { theme: Theme; saved: unknown; told: readonly unknown[] }): void {
  const paint = new MutationObserver(() => {
    paint.disconnect();
    const { style } = document.documentElement;
    for (const [name, value] of Object.entries(theme.variables)) style.setProperty(`--vscode-${name}`, value);
  });
  paint.observe(document, { childList: true });
  document.addEventListener('DOMContentLoaded', () =>
    document.body.classList.add(...theme.bodyClass.split(' ')),
  );
  const stage = window as unknown as {
    toHost(message: unknown): void;
    saved: unknown;
    refused: string[];
    acquireVsCodeApi(): unknown;
  };
  stage.saved = saved;
  stage.refused = [];
  document.addEventListener('securitypolicyviolation', event =>
    stage.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
  );
  stage.acquireVsCodeApi = () => ({
    postMessage: (message: { type: string }) => {
      stage.toHost(message);
      if (message.type === 'ready') for (const each of told) window.postMessage(each, '*');
    },
    getState: () => stage.saved,
    setState: (state: unknown) => (stage.saved = state),
  });
}

/** One panel: its page, and the simulated host. */
export class Panel extends StandInHost {
  readonly page: Page;

  constructor(page: Page) {
    super();
    this.page = page;
    page.on('pageerror', error => this.errors.push(String(error)));
    page.on('console', line => {
      if (line.type() === 'error') this.errors.push(line.text());
    });
  }

  override async post(message: unknown): Promise<void> {
    await this.page.evaluate(data => window.postMessage(data, '*'), message);
  }

  /** Returns the violations of the page's policy. */
  refused(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as { refused: string[] }).refused);
  }

  saved(): Promise<unknown> {
    return this.page.evaluate(() => (window as unknown as { saved: unknown }).saved);
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}

async function serve(url: string): Promise<{ type: string; body: string | Buffer }> {
  if (url === '/') {
    const page = {
      scriptUri: '/main.js',
      styleUri: '/main.css',
      cspSource: "'self'",
      nonce: NONCE,
      language: 'en',
      title: 'Join & Speedup',
    };
    return { type: 'text/html', body: pageHtml(page) };
  }
  const name = /^\/(main\.(?:js|css))$/.exec(url)?.[1];
  if (name === undefined) throw new Error(`nothing is served at ${url}`);
  const type = name.endsWith('js') ? 'text/javascript' : 'text/css';
  return { type, body: await readFile(join(ROOT, 'dist', 'webview', name)) };
}
