import { build } from 'esbuild';
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { fileURLToPath } from 'node:url';
import { ChangeFlow } from '../../extension/panels/change-flow.ts';
import { pageHtml } from '../../extension/panels/html.ts';
import {
  decodeToHost,
  packChild,
  packJoin,
  packSpeedup,
  type ToHost,
  type ToView,
  type ViewRequest,
} from '../../webview/protocol.ts';
import type { ViewStrings } from '../../webview/strings.ts';
import { openBrowser } from '../editor/browser.ts';
import { installEditor } from '../editor/install.ts';
import { OPENED, type Story } from './fan-outs.ts';
import type { Theme } from './themes.ts';

/**
 * The built view in a real browser, under the policy that it has in the editor. Only the host is stood in for: it speaks
 * the protocol, and answers as a test tells it to.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NONCE = 'bm9uY2Utb2YtdGhlLXRlc3Q';

/** A browser and what it is served from. */
export class Stage {
  readonly browser: Browser;
  readonly #server: Server;
  readonly #origin: string;
  readonly strings: ViewStrings;

  private constructor(browser: Browser, server: Server, strings: ViewStrings) {
    this.browser = browser;
    this.#server = server;
    this.#origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.strings = strings;
  }

  static async open(): Promise<Stage> {
    const strings = await englishStrings();
    const server = createServer((request, response) => {
      void serve(request.url ?? '/').then(
        ({ type, body }) => response.writeHead(200, { 'content-type': type }).end(body),
        () => response.writeHead(404).end(),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Stage(await openBrowser(await installEditor()), server, strings);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /**
   * Opens a panel. `saved` is what a view before it had saved with the editor; `told` the page itself tells the view as
   * soon as that is ready, so that no way to this process and back is measured.
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
    const panel = new Panel(page, this.strings);
    await page.emulateMedia(media);
    await page.exposeFunction('toHost', (message: unknown) => panel.hear(message));
    // The loader that runs this file gives functions their names with a helper that the page lacks.
    const script = `{ const __name = f => f; (${String(standIn)})(${JSON.stringify({ theme, saved, told })}); }`;
    await page.addInitScript({ content: script });
    await page.goto(`${this.#origin}/`);
    await panel.until(() => panel.isReady, 'the view is ready');
    return panel;
  }
}

/** What the editor does in a webview's page before its own scripts run. */
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

type Answer = (
  request: ViewRequest,
) => { ok: true; value: string | null } | { ok: false; message: string; hint?: string };

/** One panel: its page, and the host that it believes in. */
export class Panel {
  readonly page: Page;
  /** Whether the view has said that it is ready. */
  isReady = false;
  /** What the view asked for, in order. */
  readonly requests: ViewRequest[] = [];
  /** What the view wants in the log. */
  readonly problems: string[] = [];
  /** What went wrong in the page itself. */
  readonly errors: string[] = [];
  /** How requests are answered; never, when null. */
  answer: Answer | null = () => ({ ok: true, value: null });
  readonly #strings: ViewStrings;
  readonly #heard = new Set<() => void>();
  #flow: ChangeFlow;
  #at = OPENED;
  #applied = 0;

  constructor(page: Page, strings: ViewStrings) {
    this.page = page;
    this.#strings = strings;
    this.#flow = this.#newFlow();
    page.on('pageerror', error => this.errors.push(String(error)));
    page.on('console', line => {
      if (line.type() === 'error') this.errors.push(line.text());
    });
  }

  /** Posts anything to the view. */
  async post(message: unknown): Promise<void> {
    await this.page.evaluate(data => window.postMessage(data, '*'), message);
  }

  async say(message: ToView): Promise<void> {
    await this.post(message);
  }

  hear(data: unknown): void {
    const decoded = decodeToHost(data);
    if (!decoded.ok) {
      this.errors.push(`the view said what the host does not understand: ${decoded.problem}`);
      return;
    }
    this.#take(decoded.message);
    for (const listener of this.#heard) listener();
  }

  /** Waits for the view to say something that makes it true. */
  async until(holds: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error([`waited in vain: ${what}`, ...this.errors].join('\n'))),
        15_000,
      );
      const look = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#heard.delete(look);
        resolve();
      };
      this.#heard.add(look);
      look();
    });
  }

  /** What a host would send of a story, in pages as the engine is asked for them. */
  static messages(story: Story, strings: ViewStrings, page: number): readonly ToView[] {
    const { status, goal, children, speedup } = story;
    const { thread, alias } = status;
    const pages = Array.from({ length: Math.ceil(children.length / page) }, (_, at) => ({
      type: 'change' as const,
      seq: at + 1,
      nowUnix: OPENED + story.at,
      reset: at === 0,
      join: packJoin(status),
      children: children.slice(at * page, (at + 1) * page).map(packChild),
    }));
    return [
      { type: 'init', strings },
      { type: 'stream', state: 'connecting', note: null },
      { type: 'task', thread, alias, goal, serial: false },
      { type: 'stream', state: 'live', note: null },
      ...pages,
      { type: 'speedup', report: packSpeedup(speedup), problem: null },
    ];
  }

  /** Tells the whole story, and waits until the view has drawn it. */
  async tell(story: Story): Promise<void> {
    await this.say({ type: 'init', strings: this.#strings });
    const { thread, alias } = story.status;
    await this.say({ type: 'task', thread, alias, goal: story.goal, serial: false });
    await this.say({ type: 'stream', state: 'live', note: null });
    await this.say({ type: 'speedup', report: packSpeedup(story.speedup), problem: null });
    await this.change(story, true);
  }

  /** Tells what has changed, and waits until the view has drawn it. */
  async change(story: Pick<Story, 'at' | 'status' | 'children'>, reset: boolean): Promise<void> {
    this.#at = OPENED + story.at;
    if (reset) this.#flow = this.#newFlow();
    this.#flow.offer({ status: story.status, changed: story.children, reset });
    const pages = Math.max(1, Math.ceil(story.children.length / 1000));
    const target = reset ? pages : this.#applied + pages;
    await this.until(() => this.#applied >= target, 'the change is applied');
  }

  /** Violations of the page's policy. */
  refused(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as { refused: string[] }).refused);
  }

  saved(): Promise<unknown> {
    return this.page.evaluate(() => (window as unknown as { saved: unknown }).saved);
  }

  async close(): Promise<void> {
    await this.page.close();
  }

  #newFlow(): ChangeFlow {
    this.#applied = 0;
    return new ChangeFlow(
      change => void this.say(change),
      () => this.#at,
    );
  }

  #take(message: ToHost): void {
    switch (message.type) {
      case 'ready':
        this.isReady = true;
        break;
      case 'applied':
        this.#applied = message.seq;
        this.#flow.applied(message.seq);
        break;
      case 'problem':
        this.problems.push(message.message);
        break;
      case 'request':
        this.requests.push(message.request);
        void this.#reply(message.id, message.request);
        break;
    }
  }

  async #reply(id: number, request: ViewRequest): Promise<void> {
    const answer = this.answer?.(request);
    if (answer === undefined) return;
    const result = answer.ok
      ? answer
      : {
          ok: false as const,
          problem: { code: 'CONFLICT', message: answer.message, hint: answer.hint ?? null },
        };
    await this.say({ type: 'reply', id, result });
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

/** The texts as an editor in English shows them: only its function that looks up translations is stood in for. */
async function englishStrings(): Promise<ViewStrings> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: ['extension/panels/strings.ts'],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
    external: ['vscode'],
  });
  const text = result.outputFiles[0]!.text.replace(
    /import \* as (\w+) from "vscode";/,
    'const $1 = { l10n: { t: message => message } };',
  );
  const module = `data:text/javascript,${encodeURIComponent(text)}`;
  const { viewStrings } = (await import(module)) as { readonly viewStrings: () => ViewStrings };
  return viewStrings();
}
