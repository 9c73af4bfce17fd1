import { chromium, type Browser } from 'playwright-core';
import { environment } from './environment.ts';
import type { Editor } from './install.ts';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  // There are no more processors than pages that work.
  '--num-raster-threads=1',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The most launches of a browser that crashes, or does not come up, before anything was asked of it. */
const LAUNCHES = 3;

/** Starts a browser without a window. Whoever calls closes it; it uses a profile of its own, removed with it. */
export async function openBrowser(editor: Editor): Promise<Browser> {
  for (let launch = 1; ; launch++) {
    try {
      return await launchOnce(editor);
    } catch (error) {
      if (launch === LAUNCHES) throw error;
      process.stderr.write(
        `the browser did not come up, and is started again: ${String(error).split('\n')[0]}\n`,
      );
    }
  }
}

function launchOnce(editor: Editor): Promise<Browser> {
  return chromium.launch({
    executablePath: editor.chromium,
    args: ARGS,
    headless: true,
    env: { ...environment(), ...editor.chromiumEnv },
    // Whoever started us ends us in order, and then the browser with us.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}
