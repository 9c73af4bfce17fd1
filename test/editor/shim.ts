import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Page } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { installEditor } from './install.ts';
import { Server } from './server.ts';

/**
 * Does what the executable of a desktop VS Code does with the arguments of `runTests`: opens a window with an extension
 * under development, runs its tests in the extension host, and ends with their exit code. The window is a page of a
 * headless browser; the editor is a code-server.
 */
export async function main(words: readonly string[]): Promise<number> {
  const signal = stopSignal();
  const editor = await installEditor();
  const userData = valueOf(words, 'user-data-dir');
  const folder = join(userData, 'server');
  await mkdir(folder, { recursive: true });
  const server = await Server.start({
    editor,
    folder,
    userData,
    extensions: valueOf(words, 'extensions-dir'),
    testDriver: true,
  });
  try {
    const browser = await openBrowser(editor);
    try {
      const page = await browser.newPage({
        // The server would compress some megabytes, which the same machine would decompress.
        extraHTTPHeaders: { 'accept-encoding': 'identity' },
      });
      const log = createWriteStream(join(folder, 'window.log'), { flags: 'a' });
      return await Promise.race([runTests(page, server, words, log), aborted(signal)]);
    } finally {
      await browser.close();
    }
  } finally {
    await server.dispose();
  }
}

/** Opens the window, and waits until the extension host reports the end of its tests. */
async function runTests(
  page: Page,
  server: Server,
  words: readonly string[],
  log: Writable,
): Promise<number> {
  const ended = new Promise<number>(resolve => {
    void page.exposeFunction('codeAutomationExit', (code: number) => resolve(code));
  });
  await page.exposeFunction('codeAutomationLog', (type: string, args: readonly unknown[]) => {
    log.write(`[${type}] ${args.map(String).join(' ')}\n`);
  });
  const folder = words.find(word => word.startsWith('/'));
  if (folder === undefined) throw new TypeError('no folder is named');
  await page.goto(
    server.url(folder, [
      ['extensionDevelopmentPath', server.resource(valueOf(words, 'extensionDevelopmentPath'))],
      ['extensionTestsPath', server.resource(valueOf(words, 'extensionTestsPath'))],
      ['enableProposedApi', ''],
    ]),
  );
  return ended;
}

function valueOf(words: readonly string[], name: string): string {
  const start = `--${name}=`;
  const word = words.find(each => each.startsWith(start));
  if (word === undefined) throw new TypeError(`${start}… is missing`);
  return word.slice(start.length);
}

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort());
  return stop.signal;
}

/** Returns the exit code of a run that was stopped from outside. */
function aborted(signal: AbortSignal): Promise<number> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(130)));
}
